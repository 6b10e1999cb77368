import type { Item } from '../../../model/item.ts';
import { MigrationError } from '../../../model/migration-error.ts';
import type { Draft, DraftOptions } from '../../../store/store.ts';
import type { Connection } from '../connection.ts';
import { findChunk, insertChunk, ledgerExists } from '../ledger.ts';
import { sqlState } from '../store-error.ts';
import { busy } from './content-draft.ts';
import { makeLedger } from './object-ledger.ts';
import type { Server } from './pair-servers.ts';

const chunkId = 'all';

/** Makes an object. Calls `mark` inside of its last transaction; may find what an earlier life made before. */
export type Work = (connection: Connection, mark: () => Promise<void>) => Promise<void>;

/** An object without content: publish makes it, and marks that in the ledger. */
export async function openStatementsDraft(
  server: Server,
  as: Item,
  ticket: string | undefined,
  { run, step }: DraftOptions,
  signal: AbortSignal,
  work: Work,
): Promise<Draft> {
  const { connections } = server;
  const doing = `make ${as.key}`;
  const marked = async (connection: Connection) =>
    (await ledgerExists(connection)) && (await findChunk(connection, run, step, chunkId)) !== undefined;
  const published = await connections.use(doing, signal, async (connection) => {
    await makeLedger(connection);
    if (ticket !== undefined) return marked(connection);
    await connection.run('DELETE FROM _waybill.chunk WHERE run = $1 AND step = $2', [run, step]);
    return false;
  });
  return {
    ticket: ticket ?? `${run}_${step}`,
    published,
    async write() {
      throw new MigrationError('internal', `${as.key} takes no content.`);
    },
    async publish(_receipts, stop) {
      await connections.use(doing, stop, async (connection) => {
        if (await marked(connection)) return;
        try {
          await work(connection, () => insertChunk(connection, run, step, chunkId, { rows: 0, bytes: 0 }));
        } catch (error) {
          // 42P07, 42710: an earlier life's statement was still under way at the server, and has made it meanwhile.
          if (['42P07', '42710', '23505'].includes(sqlState(error))) throw busy(as, error);
          throw error;
        }
      });
    },
    async discard() {},
    async [Symbol.asyncDispose]() {},
  };
}
