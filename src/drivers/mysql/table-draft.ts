import type { BaseContent } from '../../model/event.ts';
import type { Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import { carriedColumns, type TableShape } from '../../model/shape.ts';
import { keyColumns } from '../../store/rows/row-key.ts';
import type { Draft, DraftOptions, Source } from '../../store/store.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import { createTableSql, nameList } from './create-sql.ts';
import { loadRows } from './load-rows.ts';
import { tableExists, type DraftRow, type Ledger, type Way } from './ledger.ts';
import { qualified, quoteLiteral } from './names.ts';
import { append, makeAgain, merge, moveIntoPlace, withoutChecks } from './publish-table.ts';
import { errorNumber } from './store-error.ts';

/** Begins a table, or finds it again: its rows gather in a staging table that publish renames or merges into place. */
export async function openTableDraft(
  connections: Connections,
  ledger: Ledger,
  source: Source,
  as: Item,
  ticket: string | undefined,
  options: DraftOptions,
  signal: AbortSignal,
): Promise<Draft> {
  const { shape } = as;
  if (!shape) throw new MigrationError('internal', `Table ${as.key} has no shape.`);
  let row: DraftRow | undefined;
  if (ticket === undefined) {
    const base = options.into === 'append' ? await baseOf(connections, ledger, source, as, signal) : undefined;
    row = await connections.use(`open table ${as.key}`, signal, (connection) =>
      begin(connection, ledger, shape, options, base),
    );
  } else {
    row = await connections.use(`open table ${as.key}`, signal, (connection) => ledger.find(connection, ticket));
  }
  if (!row || (row.state === 'open' && !row.stands)) throw lost(as.key, 'its staging table is gone');
  return tableDraft(connections, ledger, shape, row, options);
}

const lost = (table: string, why: string): MigrationError =>
  new MigrationError('draft.lost', `The half-written table ${table} cannot be completed: ${why}.`, { where: table });

const notEmpty = (table: string): MigrationError =>
  new MigrationError('target.not-empty', `Table ${table} is already at the target.`, {
    hint: 'Say what should happen to it: --into replace, append or merge.',
    where: table,
  });

async function baseOf(
  connections: Connections,
  { database }: Ledger,
  source: Source,
  as: Item,
  signal: AbortSignal,
): Promise<BaseContent> {
  const exists = await connections.use(`look for ${as.key}`, signal, (connection) =>
    tableExists(connection, database, as.key),
  );
  const content = exists ? await source.digest?.(as, as, signal) : undefined;
  return content ? { rows: content.rows, digest: content.digest } : { rows: 0, digest: 'rows:0000000000000000' };
}

async function begin(
  connection: Connection,
  ledger: Ledger,
  shape: TableShape,
  options: DraftOptions,
  base: BaseContent | undefined,
): Promise<DraftRow> {
  const { run, step, into } = options;
  const { database } = ledger;
  const exists = await tableExists(connection, database, shape.name);
  if (exists && into === 'empty') throw notEmpty(shape.name);
  if (exists && into === 'replace') await refuseTriggers(connection, database, shape.name);
  const way: Way = exists && (into === 'append' || into === 'merge') ? into : 'create';
  if (way === 'merge' && keyColumns(shape).length === 0) {
    throw new MigrationError(
      'store.unsupported',
      `Table ${shape.name} has no primary key, so rows cannot be merged into it.`,
      { hint: 'Use `--into replace` or `append`.', where: shape.name },
    );
  }
  const staging = ledger.staging(run, step);
  const row: DraftRow = {
    run,
    step,
    staging,
    target: shape.name,
    into,
    way,
    base,
    state: 'open',
    afterwards: [],
    stands: true,
  };
  await ledger.locked(connection, async () => {
    await ledger.create(connection);
    // An earlier life may have died before its ticket was journaled; nothing of it counts.
    await ledger.forget(connection, staging);
    await connection.run(`DROP TABLE IF EXISTS ${qualified(database, staging)}`);
    await connection.run(
      way === 'create'
        ? createTableSql(database, staging, shape)
        : `CREATE TABLE ${qualified(database, staging)} LIKE ${qualified(database, shape.name)}`,
    );
    await ledger.insert(connection, row);
  });
  if (way !== 'create') await refuseUnfit(connection, database, shape, staging);
  return row;
}

/** Dropping the table that is replaced would take its triggers with it. */
async function refuseTriggers(connection: Connection, database: string, table: string): Promise<void> {
  const rows = await connection.query(
    `SELECT TRIGGER_NAME AS name FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = ${quoteLiteral(database)}
       AND EVENT_OBJECT_TABLE = ${quoteLiteral(table)} ORDER BY 1`,
  );
  if (rows.length === 0) return;
  const names = rows.slice(0, 5).map(({ name }) => `trigger ${name}`);
  throw new MigrationError(
    'store.unsupported',
    `Table ${table} cannot be replaced: ${names.join(', ')} would be lost.`,
    {
      hint: 'Drop it and create it again afterwards, or use `--into merge` or `append`.',
      where: table,
    },
  );
}

async function refuseUnfit(
  connection: Connection,
  database: string,
  shape: TableShape,
  staging: string,
): Promise<void> {
  const names = nameList(carriedColumns(shape).map(({ name }) => name));
  try {
    await connection.query(`SELECT ${names} FROM ${qualified(database, staging)} LIMIT 0`);
  } catch (error) {
    if (errorNumber(error) !== 1054) throw error;
    throw new MigrationError(
      'store.unsupported',
      `Table ${shape.name} at the target does not fit: it lacks a column of the source's.`,
      {
        hint: 'Alter the table at the target, or copy it whole with `--into replace`.',
        where: shape.name,
        cause: error,
      },
    );
  }
}

function tableDraft(
  connections: Connections,
  ledger: Ledger,
  shape: TableShape,
  row: DraftRow,
  options: DraftOptions,
): Draft {
  const { staging } = row;
  const { database } = ledger;

  const store = (chunk: string, parts: AsyncIterable<Uint8Array>, signal: AbortSignal) =>
    connections.use(`write chunk ${chunk} of table ${shape.name}`, signal, async (connection) => {
      if (!(await tableExists(connection, database, staging))) {
        const now = await ledger.find(connection, staging);
        if (now?.state !== 'published' && now?.state !== 'publishing')
          throw lost(shape.name, 'its staging table is gone');
      }
      const known = await ledger.findChunk(connection, staging, chunk);
      if (known) return { stored: known, read: false };
      const stored = await withoutChecks(connection, () =>
        connection.transaction(async () => {
          const counts = await loadRows(connection, database, staging, shape, parts, signal);
          await ledger.insertChunk(connection, staging, chunk, counts);
          return counts;
        }),
      );
      return { stored, read: true };
    });

  const publishOnce = async (connection: Connection, receipts: Parameters<Draft['publish']>[0]): Promise<void> => {
    const now = await ledger.find(connection, staging);
    if (!now || (now.state === 'open' && !now.stands)) throw lost(shape.name, 'its staging table is gone');
    if (now.state === 'published') return;
    const why = await ledger.disagreement(connection, staging, receipts);
    if (why !== undefined) throw lost(shape.name, why);
    const context = { connection, ledger, shape, draft: now };
    if (now.way === 'create') {
      if (now.state === 'open' && now.into !== 'replace' && (await tableExists(connection, database, shape.name))) {
        throw notEmpty(shape.name);
      }
      await moveIntoPlace(context);
      return;
    }
    await withoutChecks(connection, () =>
      connection.transaction(async () => {
        const locked = await ledger.find(connection, staging, 'FOR UPDATE');
        if (locked?.state !== 'open') return;
        if (now.way === 'append') await append(context);
        else await merge(context, options.removeKeys ?? []);
      }),
    );
  };

  return {
    ticket: staging,
    published: row.state === 'published',
    ...(row.base && { base: row.base }),
    async write(chunk, payload, signal) {
      if (payload.format !== 'rows') throw new MigrationError('internal', `A table takes rows, not ${payload.format}.`);
      const { stored, read } = await store(chunk.id, payload.parts, signal);
      if (!read) for await (const _ of payload.parts) signal.throwIfAborted();
      return stored;
    },
    async publish(receipts, signal) {
      await connections.use(`publish table ${shape.name}`, signal, (connection) =>
        ledger.locked(connection, () => publishOnce(connection, receipts)),
      );
    },
    async discard(signal) {
      await connections.use(`discard table ${shape.name}`, signal, async (connection) => {
        const now = await ledger.find(connection, staging);
        if (!now || now.state === 'published' || (now.state === 'publishing' && !now.stands)) return;
        // A publication that did not get to its rename may have taken keys off already.
        await makeAgain(connection, database, now.afterwards);
        await connection.run(`DROP TABLE IF EXISTS ${qualified(database, staging)}`);
        await ledger.forget(connection, staging);
      });
    },
    async [Symbol.asyncDispose]() {},
  };
}
