import type { Item } from '../../../model/item.ts';
import { MigrationError } from '../../../model/migration-error.ts';
import type { Draft, DraftOptions, FilePart } from '../../../store/store.ts';
import type { Connection } from '../connection.ts';
import { findChunk, insertChunk, ledgerExists } from '../ledger.ts';
import { makeLedger } from './object-ledger.ts';
import type { Server } from './pair-servers.ts';

/** Carries out what came, and gives how many bytes came. Calls `mark` with them inside of the transaction that does. */
export type Carry = (
  connection: Connection,
  content: AsyncIterable<FilePart>,
  mark: (bytes: number) => Promise<void>,
) => Promise<number>;

const chunkId = 'all';

/** An object whose content is carried out once: the mark that says so is part of the transaction. */
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
  // The server may go on with what a killed process asked of it, and be done only now.
  const alreadyThere = (connection: Connection) =>
    findChunk(connection, run, step, chunkId).then(
      (found) => found !== undefined,
      () => false,
    );
  return {
    ticket: ticket ?? `${run}_${step}`,
    published,
    async write(_chunk, payload, stop) {
      if (payload.format !== 'bytes') throw new MigrationError('internal', `${as.key} travels as bytes.`);
      const lent = await connections.lend(doing, stop);
      try {
        const { connection } = lent;
        if (await findChunk(connection, run, step, chunkId))
          return { rows: 0, bytes: (await readText(payload.parts)).bytes };
        const mark = (bytes: number) => insertChunk(connection, run, step, chunkId, { rows: 0, bytes });
        return { rows: 0, bytes: await carry(connection, payload.parts, mark) };
      } catch (error) {
        throw (await alreadyThere(lent.connection)) ? busy(as, error) : lent.inWords(error);
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

/** To be tried again: it is then found done. */
export const busy = (as: Item, cause: unknown): MigrationError =>
  new MigrationError('store.busy', `An earlier life of the run was still making ${as.key}.`, { cause, where: as.key });

/** All of a content that is small enough to be held. */
export async function readText(
  parts: AsyncIterable<FilePart>,
): Promise<{ readonly text: string; readonly bytes: number }> {
  const held: Buffer[] = [];
  for await (const { bytes } of parts) held.push(Buffer.from(bytes));
  const all = Buffer.concat(held);
  return { text: all.toString('utf8'), bytes: all.length };
}
