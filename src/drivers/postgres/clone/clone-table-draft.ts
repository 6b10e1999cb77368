import type { Item } from '../../../model/item.ts';
import { MigrationError } from '../../../model/migration-error.ts';
import type { Stored } from '../../../model/receipt.ts';
import { carriedColumns } from '../../../model/shape.ts';
import type { Draft, DraftOptions, Payload } from '../../../store/store.ts';
import type { Connection } from '../connection.ts';
import { copyIn } from '../copy-in.ts';
import { sqlState } from '../store-error.ts';
import { columnList } from '../table-sql.ts';
import {
  cloneDisagreement,
  createCloneLedger,
  findClone,
  findCloneChunk,
  forgetClone,
  forgetOtherChunks,
  insertClone,
  insertCloneChunk,
  setPublished,
  sweepClone,
  ticketOf,
  type CloneRow,
} from './clone-ledger.ts';
import { digestRows } from './digest-rows.ts';
import { readLoadFacts, type LoadFacts } from './load-facts.ts';
import type { Server } from './pair-servers.ts';
import { tableSql } from './table-key.ts';

/** Begins to fill a table that is there, or goes on. Rows are stored in the table itself. */
export async function openCloneTable(
  server: Server,
  as: Item,
  ticket: string | undefined,
  options: DraftOptions,
  signal: AbortSignal,
): Promise<Draft> {
  return server.connections.use(`open table ${as.key}`, signal, async (connection) => {
    const facts = await readLoadFacts(connection, as.key);
    const { run, step } = options;
    const known = await findClone(connection, run, step);
    if (ticket !== undefined && (!known || !facts)) throw lost(as.key, 'the target no longer knows of it');
    if (!facts) throw noTable(as.key);
    const row = ticket !== undefined && known ? known : await begin(connection, as, options, facts, known);
    return tableDraft(server, as, options, facts, row);
  });
}

export async function tableExists(server: Server, as: Item, signal: AbortSignal): Promise<boolean> {
  return server.connections.use(`look for ${as.key}`, signal, async (connection) => {
    const [row] = await connection.query<{ found: boolean }>('SELECT to_regclass($1) IS NOT NULL AS found', [
      tableSql(as.key),
    ]);
    return row?.found === true;
  });
}

export async function removeTable(server: Server, as: Item, signal: AbortSignal): Promise<void> {
  await server.connections.use(`remove ${as.key}`, signal, (connection) =>
    connection.run(`DROP TABLE IF EXISTS ${tableSql(as.key)}`),
  );
}

export async function sweepTables(server: Server, run: string, signal: AbortSignal): Promise<void> {
  await server.connections.use(`clean up after run ${run}`, signal, (connection) =>
    connection.transaction(() => sweepClone(connection, run)),
  );
}

/** `known`: an earlier life began it and died before its ticket was journaled, so what is in the table is its own. */
async function begin(
  connection: Connection,
  as: Item,
  { run, step, into }: DraftOptions,
  facts: LoadFacts,
  known: CloneRow | undefined,
): Promise<CloneRow> {
  if (into === 'merge')
    throw new MigrationError('store.unsupported', `Rows of ${as.key} cannot be merged by a clone.`, {
      hint: 'Use --into replace or append.',
      where: as.key,
    });
  const table = tableSql(as.key);
  if (into !== 'append' && (known || into === 'replace'))
    await connection.transaction(async () => {
      await quieten(connection, facts);
      await empty(connection, table, facts);
    });
  if (into === 'empty' && (await connection.query(`SELECT FROM ONLY ${table} LIMIT 1`)).length > 0)
    throw notEmpty(as.key);
  const base = into === 'append' ? (known?.base ?? (await baseOf(connection, as))) : undefined;
  const row: CloneRow = {
    ticket: ticketOf(run, step),
    key: as.key,
    published: false,
    options: known?.options ?? facts.options,
    base,
  };
  await connection.transaction(async () => {
    await createCloneLedger(connection);
    if (known && into === 'append') await quieten(connection, facts);
    if (known && into === 'append') await takeOut(connection, as, { run, step }, facts, []);
    await forgetClone(connection, run, step);
    await insertClone(connection, run, step, row);
    // Nobody else needs these rows to be vacuumed or counted before they are all there.
    if (facts.owner) await connection.run(`ALTER TABLE ${table} SET (autovacuum_enabled = off)`);
  });
  return row;
}

async function baseOf(connection: Connection, as: Item) {
  if (!as.shape) throw noTable(as.key);
  const { rows, digest } = await digestRows(connection, { item: as, as: as.shape, condition: undefined });
  return { rows, digest };
}

/** Keeps triggers, and foreign keys with their cascades, from firing in this transaction, where that is allowed. */
async function quieten(connection: Connection, facts: LoadFacts): Promise<void> {
  if (facts.replica) await connection.run('SET LOCAL session_replication_role = replica');
}

const empty = (connection: Connection, table: string, facts: LoadFacts) =>
  connection.run(facts.truncate ? `TRUNCATE ONLY ${table}` : `DELETE FROM ONLY ${table}`);

/** Takes all chunks but these out of table and ledger; gives one of these that is not there. In a transaction. */
async function takeOut(
  connection: Connection,
  as: Item,
  { run, step }: Pick<DraftOptions, 'run' | 'step'>,
  facts: LoadFacts,
  kept: readonly string[],
): Promise<string | undefined> {
  const row = await findClone(connection, run, step, 'FOR UPDATE');
  if (!row) return kept[0];
  const { xids, left } = await forgetOtherChunks(connection, run, step, kept);
  const missing = kept.find((chunk) => !left.includes(chunk));
  if (xids.length === 0 || missing !== undefined) return missing;
  await setPublished(connection, run, step, false);
  const table = tableSql(as.key);
  if (left.length === 0 && !row.base) await empty(connection, table, facts);
  else await connection.run(`DELETE FROM ONLY ${table} WHERE xmin = ANY ('{${xids.join(',')}}'::xid[])`);
  return undefined;
}

function tableDraft(server: Server, as: Item, options: DraftOptions, facts: LoadFacts, row: CloneRow): Draft {
  const { connections } = server;
  const { run, step } = options;
  const { shape } = as;
  if (!shape) throw noTable(as.key);
  const table = tableSql(as.key);
  const columns = columnList(carriedColumns(shape).map(({ name }) => name));
  const text = shape.text === true;
  const mayFreeze = facts.truncate && !row.base;

  const copySql = (frozen: boolean): string => {
    const words = [...(text ? [] : ['FORMAT binary']), ...(frozen ? ['FREEZE'] : [])];
    return `COPY ${table}${columns && ` (${columns})`} FROM STDIN${words.length > 0 ? ` (${words.join(', ')})` : ''}`;
  };

  const store = async (
    connection: Connection,
    chunk: string,
    payload: Payload & { format: 'rows' },
    signal: AbortSignal,
  ): Promise<Stored> =>
    connection.transaction(async () => {
      await quieten(connection, facts);
      // All of the table in one transaction: its pages need no visit by a later vacuum.
      const frozen = chunk === 'all' && mayFreeze;
      if (frozen) await connection.run(`TRUNCATE ONLY ${table}`);
      const counts = await copyIn(connection, copySql(frozen), payload.parts, text, signal);
      await insertCloneChunk(connection, run, step, chunk, counts);
      return counts;
    });

  return {
    ticket: row.ticket,
    published: row.published,
    ...(row.base && { base: row.base }),
    async write(chunk, payload, signal) {
      if (payload.format !== 'rows') throw new MigrationError('internal', `A table takes rows, not ${payload.format}.`);
      return connections.use(`write chunk ${chunk.id} of table ${as.key}`, signal, async (connection) => {
        try {
          const known = await findCloneChunk(connection, run, step, chunk.id);
          if (!known) return await store(connection, chunk.id, payload, signal);
          for await (const _ of payload.parts) signal.throwIfAborted();
          return known.stored;
        } catch (error) {
          if (['42P01', '3F000'].includes(sqlState(error))) throw lost(as.key, 'its table is gone');
          throw error;
        }
      });
    },
    async keep(chunks, signal) {
      await connections.use(`take chunks out of table ${as.key}`, signal, (connection) =>
        connection.transaction(async () => {
          await quieten(connection, facts);
          const missing = await takeOut(connection, as, options, facts, chunks);
          if (missing !== undefined) throw lost(as.key, `chunk ${missing} is not in it`);
        }),
      );
    },
    async publish(receipts, signal) {
      await connections.use(`publish table ${as.key}`, signal, async (connection) => {
        const now = await findClone(connection, run, step);
        if (!now) throw lost(as.key, 'the target no longer knows of it');
        if (now.published) return;
        await connection.transaction(async () => {
          await findClone(connection, run, step, 'FOR UPDATE');
          const why = await cloneDisagreement(connection, run, step, receipts);
          if (why !== undefined) throw lost(as.key, why);
          await settle(connection, table, facts, now);
          await setPublished(connection, run, step, true);
        });
      });
    },
    async discard(signal) {
      await connections.use(`discard table ${as.key}`, signal, (connection) =>
        connection.transaction(async () => {
          const now = await findClone(connection, run, step, 'FOR UPDATE');
          if (!now || now.published) return;
          await quieten(connection, facts);
          await takeOut(connection, as, options, facts, []);
          await settle(connection, table, facts, now);
          await forgetClone(connection, run, step);
        }),
      );
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** Storage options as they were, statistics as the rows are. */
async function settle(connection: Connection, table: string, facts: LoadFacts, { options }: CloneRow): Promise<void> {
  if (!facts.owner) return;
  const before = options.find((option) => option.startsWith('autovacuum_enabled='));
  await connection.run(
    before === undefined ? `ALTER TABLE ${table} RESET (autovacuum_enabled)` : `ALTER TABLE ${table} SET (${before})`,
  );
  await connection.run(`ANALYZE ${table}`);
}

const lost = (table: string, why: string): MigrationError =>
  new MigrationError('draft.lost', `The half-written table ${table} cannot be completed: ${why}.`, { where: table });

const noTable = (table: string): MigrationError =>
  new MigrationError('store.unsupported', `There is no table ${table} at the target to fill.`, { where: table });

const notEmpty = (table: string): MigrationError =>
  new MigrationError('target.not-empty', `Table ${table} at the target holds rows.`, {
    hint: 'Say what should happen to them: --into replace or append.',
    where: table,
  });
