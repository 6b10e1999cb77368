import type { FreezeOptions } from '../../../model/job.ts';
import { MigrationError } from '../../../model/migration-error.ts';
import type { Connection } from '../connection.ts';
import { locally } from './locally.ts';
import { lockOut, readOnlySetting, setReadOnly } from './lock-out.ts';
import { remember, remembered } from './publication.ts';

/** New transactions of others are read-only from here on, those under way are ended or waited for. Gives the position
 *  after the last change. The setting that was there before is remembered with the publication. */
export async function freeze(connection: Connection, name: string, how: FreezeOptions): Promise<string> {
  await locally(connection, async () => {
    const known = await remembered(connection, name);
    if (known && known.frozen === undefined) {
      await remember(connection, name, { ...known, frozen: (await readOnlySetting(connection)) ?? '' });
    }
    await setReadOnly(connection, 'on');
  });
  await lockOut(connection, how);
  await refusePrepared(connection);
  // Its commit is flushed, and with it those of sessions that did not wait for theirs to be (synchronous_commit = off).
  await locally(connection, () => connection.run(`SELECT pg_logical_emit_message(true, 'waybill', 'frozen')`));
  const [row] = await connection.query<{ at: string }>('SELECT pg_current_wal_flush_lsn() AS at');
  if (!row) throw new Error('the server gave no position');
  return row.at;
}

/** Safe to repeat, also by another process. */
export async function thaw(connection: Connection, name: string): Promise<void> {
  await locally(connection, async () => {
    const known = await remembered(connection, name);
    if (known?.frozen !== undefined) {
      const { frozen, ...rest } = known;
      await setReadOnly(connection, frozen === '' ? undefined : frozen);
      await remember(connection, name, rest);
    } else if (!known && (await readOnlySetting(connection)) === 'on') {
      // What was remembered went with the publication.
      await setReadOnly(connection, undefined);
    }
  });
}

async function refusePrepared(connection: Connection): Promise<void> {
  const rows = await connection.query<{ gid: string }>(
    'SELECT gid FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared',
  );
  if (rows.length === 0) return;
  throw new MigrationError(
    'source.busy-writers',
    `${rows.length} prepared transactions are open at the source: ${rows
      .slice(0, 5)
      .map(({ gid }) => gid)
      .join(', ')}.`,
    { hint: 'COMMIT PREPARED or ROLLBACK PREPARED them, then ask for the cutover again.' },
  );
}
