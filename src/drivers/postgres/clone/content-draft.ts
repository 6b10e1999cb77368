import type { Item } from '../../../model/item.ts';
import { MigrationError } from '../../../model/migration-error.ts';
import type { Draft, DraftOptions, Payload } from '../../../store/store.ts';
import type { Connection } from '../connection.ts';
import { findChunk, insertChunk, ledgerExists } from '../ledger.ts';
import { makeLedger } from './object-ledger.ts';
import type { Server } from './pair-servers.ts';

/** Carries out what came. Calls `mark` inside of the transaction that does. */
export type Carry = (connection: Connection, content: string, mark: () => Promise<void>) => Promise<void>;

const chunkId = 'all';

/** An object whose content is a text that is carried out once: the mark that says so is part of the transaction. */
export async function openContentDraft(
  server: Server,
  as: Item,
  ticket: string | undefined,
  { run, step }: DraftOptions,
  signal: AbortSignal,
  carry: Carry,
): Promise<Draft> {
  const { connections } = server;
  const doing = `make what ${as.key} holds`;
  const published = await connections.use(doing, signal, async (connection) => {
    if (ticket !== undefined) {
      return (await ledgerExists(connection)) && (await findChunk(connection, run, step, chunkId)) !== undefined;
    }
    await makeLedger(connection);
    // What an earlier life of the run made is to be made anew.
    await connection.run('DELETE FROM _waybill.chunk WHERE run = $1 AND step = $2', [run, step]);
    return false;
  });
  return {
    ticket: ticket ?? `${run}_${step}`,
    published,
    async write(_chunk, payload, stop) {
      const { text, bytes } = await readText(payload);
      const lent = await connections.lend(doing, stop);
      try {
        const { connection } = lent;
        if (await findChunk(connection, run, step, chunkId)) return { rows: 0, bytes };
        await carry(connection, text, () => insertChunk(connection, run, step, chunkId, { rows: 0, bytes }));
        return { rows: 0, bytes };
      } catch (error) {
        throw lent.inWords(error);
      } finally {
        // A script changes the session's settings.
        lent.giveBack({ usable: false });
      }
    },
    async publish() {},
    async discard() {},
    async [Symbol.asyncDispose]() {},
  };
}

async function readText(payload: Payload): Promise<{ readonly text: string; readonly bytes: number }> {
  if (payload.format !== 'bytes') throw new MigrationError('internal', 'A script travels as bytes.');
  const parts: Buffer[] = [];
  for await (const { bytes } of payload.parts) parts.push(Buffer.from(bytes));
  const all = Buffer.concat(parts);
  return { text: all.toString('utf8'), bytes: all.length };
}
