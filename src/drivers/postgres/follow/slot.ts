import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { MigrationError } from '../../../model/migration-error.ts';
import type { Connection } from '../connection.ts';
import { quoteName } from '../names.ts';
import { sqlState } from '../store-error.ts';

export interface SlotState {
  readonly confirmed: string | null;
  /** Bytes of log from the oldest that the slot keeps to the present. */
  readonly keptBytes: number;
  /** Bytes from `position` to the present. */
  readonly behind: number;
}

/** Gives position and name of the snapshot from which the slot has the changes; that lives as long as the session
 *  does nothing else. */
export async function createSlot(client: pg.Client, name: string): Promise<{ position: string; snapshot: string }> {
  const { rows } = await client.query<{ consistent_point: string; snapshot_name: string }>(
    `CREATE_REPLICATION_SLOT ${quoteName(name)} LOGICAL pgoutput EXPORT_SNAPSHOT`,
  );
  const row = rows[0];
  if (!row) throw new Error('the server gave no slot');
  return { position: row.consistent_point, snapshot: row.snapshot_name };
}

/** Ends the session that reads the slot, such as one of a process that was killed. */
export async function freeSlot(connection: Connection, name: string): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const rows = await connection.query<{ ended: boolean }>(
      'SELECT pg_terminate_backend(active_pid) AS ended FROM pg_replication_slots WHERE slot_name = $1 AND active_pid IS NOT NULL',
      [name],
    );
    if (rows.length === 0) return;
    await sleep(10);
  }
}

export async function dropSlot(connection: Connection, name: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    await freeSlot(connection, name);
    try {
      await connection.run(
        'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1',
        [name],
      );
      return;
    } catch (error) {
      // Busy again, or gone meanwhile.
      if (sqlState(error) === '42704') return;
      if (sqlState(error) !== '55006' || tries > 100) throw error;
      await sleep(10);
    }
  }
}

/** Throws `source.moved` when the slot is gone or the server took from it what it had kept. */
export async function slotState(connection: Connection, name: string, position: string): Promise<SlotState> {
  const rows = await connection.query<Record<string, string | null>>(
    `SELECT to_jsonb(s)->>'confirmed_flush_lsn' AS confirmed, to_jsonb(s)->>'wal_status' AS wal_status,
            to_jsonb(s)->>'invalidation_reason' AS reason, to_jsonb(s)->>'restart_lsn' AS restart,
            pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn) AS kept,
            greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), $2::pg_lsn), 0) AS behind
     FROM pg_replication_slots s WHERE slot_name = $1`,
    [name, position],
  );
  const row = rows[0];
  if (!row) throw moved(`The replication slot ${name} is gone`);
  if (row['wal_status'] === 'lost' || row['restart'] === null) {
    throw moved(`The source no longer keeps the changes of slot ${name} (${row['reason'] ?? 'wal_status is lost'})`);
  }
  return {
    confirmed: row['confirmed'] ?? null,
    keptBytes: Number(row['kept']),
    behind: Number(row['behind']),
  };
}

export const moved = (what: string): MigrationError =>
  new MigrationError('source.moved', `${what}, so what happened since cannot be followed.`, {
    hint: 'The tables have to be copied anew. Raise max_slot_wal_keep_size (or set it to -1) and idle_replication_slot_timeout before.',
  });
