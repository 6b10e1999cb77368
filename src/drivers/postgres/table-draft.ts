import { MigrationError } from '../../model/migration-error.ts';
import type { BaseContent } from '../../model/event.ts';
import type { Item } from '../../model/item.ts';
import type { TableShape } from '../../model/shape.ts';
import type { Draft, DraftOptions, Payload } from '../../store/store.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import { copyIn } from './copy-in.ts';
import { digestTable } from './digest-table.ts';
import {
  createLedger,
  disagreement,
  findChunk,
  findDraft,
  forgetDraft,
  insertChunk,
  insertDraft,
  lockLedger,
  markPublished,
  workSchema,
  type DraftRow,
  type Way,
} from './ledger.ts';
import { qualified } from './names.ts';
import { append, merge, moveIntoPlace } from './publish-table.ts';
import { keyColumns } from './row-sql.ts';
import { sqlState } from './store-error.ts';
import { refuseDependents, tableExists } from './table-facts.ts';
import { carriedNames, createStagingSql } from './table-sql.ts';

/** Memory for building one key; freed with the transaction. */
const buildMemory = '256MB';

/** Begins a table, or finds it again: its rows gather in a staging table that publish moves or merges into place. */
export async function openTableDraft(
  connections: Connections,
  schema: string,
  as: Item,
  ticket: string | undefined,
  options: DraftOptions,
  signal: AbortSignal,
): Promise<Draft> {
  const { shape } = as;
  if (!shape) throw new MigrationError('internal', `Table ${as.key} has no shape.`);
  const row = await connections.use(`open table ${as.key}`, signal, async (connection) =>
    ticket === undefined ? begin(connection, schema, shape, options) : findDraft(connection, ticket),
  );
  if (!row) throw lost(as.key, 'its staging table is gone');
  return tableDraft(connections, schema, shape, row, options);
}

const lost = (table: string, why: string): MigrationError =>
  new MigrationError('draft.lost', `The half-written table ${table} cannot be completed: ${why}.`, { where: table });

async function begin(
  connection: Connection,
  schema: string,
  shape: TableShape,
  options: DraftOptions,
): Promise<DraftRow> {
  const { run, step, into } = options;
  const exists = await tableExists(connection, schema, shape.name);
  if (exists && into === 'empty') throw notEmpty(shape.name);
  if (exists && into === 'replace') await refuseDependents(connection, schema, shape.name);
  const way: Way = exists && (into === 'append' || into === 'merge') ? into : 'create';
  const base = into === 'append' ? await baseOf(connection, schema, shape, way) : undefined;
  const staging = `${run}_${step}`;
  const row: DraftRow = { staging, target: shape.name, into, way, base, published: false };
  await connection.transaction(async () => {
    await lockLedger(connection);
    await createLedger(connection);
    // An earlier life may have died before its ticket was journaled; nothing of it counts.
    await connection.run(`DROP TABLE IF EXISTS ${qualified(workSchema, staging)}`);
    await forgetDraft(connection, run, step);
    await connection.run(createStagingSql(workSchema, staging, shape));
    await insertDraft(connection, run, step, row);
    if (way !== 'create') await refuseUnfit(connection, schema, shape, row);
  });
  return row;
}

async function baseOf(connection: Connection, schema: string, shape: TableShape, way: Way): Promise<BaseContent> {
  if (way === 'create') return { rows: 0, digest: 'rows:0000000000000000' };
  const { rows, digest } = await digestTable(connection, schema, shape.name, shape);
  return { rows, digest };
}

/** Lets the server say, before any row moves, whether it would take the staging table's rows. */
async function refuseUnfit(connection: Connection, schema: string, shape: TableShape, row: DraftRow): Promise<void> {
  const names = carriedNames(shape);
  const key = keyColumns(shape);
  if (row.way === 'merge' && key.length === 0) {
    throw new MigrationError(
      'store.unsupported',
      `Table ${shape.name} has no primary key, so rows cannot be merged into it.`,
      {
        hint: 'Use `--into replace` or `append`.',
        where: shape.name,
      },
    );
  }
  const conflict =
    row.way === 'merge'
      ? `ON CONFLICT (${key.map(({ name }) => `"${name.replaceAll('"', '""')}"`).join(', ')}) DO NOTHING`
      : '';
  try {
    await connection.run(
      `EXPLAIN INSERT INTO ${qualified(schema, shape.name)} (${names}) OVERRIDING SYSTEM VALUE SELECT ${names} FROM ${qualified(workSchema, row.staging)} ${conflict}`,
    );
  } catch (error) {
    if (!['42703', '42804', '42P10', '428C9'].includes(sqlState(error))) throw error;
    throw new MigrationError(
      'store.unsupported',
      `Table ${shape.name} at the target does not fit: ${(error as Error).message}.`,
      {
        hint: 'Alter the table at the target, or copy it whole with `--into replace`.',
        where: shape.name,
        cause: error,
      },
    );
  }
}

const notEmpty = (table: string): MigrationError =>
  new MigrationError('target.not-empty', `Table ${table} is already at the target.`, {
    hint: 'Say what should happen to it: --into replace, append or merge.',
    where: table,
  });

function tableDraft(
  connections: Connections,
  schema: string,
  shape: TableShape,
  row: DraftRow,
  options: DraftOptions,
): Draft {
  const { run, step } = options;
  const { staging } = row;
  const copySql = `COPY ${qualified(workSchema, staging)} (${carriedNames(shape)}) FROM STDIN (FORMAT binary)`;

  const store = (chunk: string, payload: Payload & { format: 'rows' }, signal: AbortSignal) =>
    connections.use(`write chunk ${chunk} of table ${shape.name}`, signal, async (connection) => {
      const known = await findChunk(connection, run, step, chunk);
      if (known) return { stored: known, read: false };
      const stored = await connection.transaction(async () => {
        const counts = await copyIn(connection, copySql, payload.parts, false, signal);
        await insertChunk(connection, run, step, chunk, counts);
        return counts;
      });
      return { stored, read: true };
    });

  const publishOnce = async (connection: Connection, receipts: Parameters<Draft['publish']>[0]) => {
    const now = await findDraft(connection, staging, 'FOR UPDATE');
    if (!now) throw lost(shape.name, 'its staging table is gone');
    if (now.published) return;
    const why = await disagreement(connection, run, step, receipts);
    if (why !== undefined) throw lost(shape.name, why);
    await connection.run(
      `SELECT set_config('maintenance_work_mem', '${buildMemory}', true)
       WHERE pg_size_bytes(current_setting('maintenance_work_mem')) < pg_size_bytes('${buildMemory}')`,
    );
    if (now.way === 'create' && now.into !== 'replace' && (await tableExists(connection, schema, shape.name)))
      throw notEmpty(shape.name);
    const context = { connection, schema, run, shape, draft: now };
    if (now.way === 'create') await moveIntoPlace(context);
    else if (now.way === 'append') await append(context);
    else await merge(context, options.removeKeys ?? []);
    await markPublished(connection, staging);
  };

  return {
    ticket: staging,
    published: row.published,
    ...(row.base && { base: row.base }),
    async write(chunk, payload, signal) {
      if (payload.format !== 'rows') throw new MigrationError('internal', `A table takes rows, not ${payload.format}.`);
      try {
        const { stored, read } = await store(chunk.id, payload, signal);
        if (!read) await readToEnd(payload.parts, signal);
        return stored;
      } catch (error) {
        const state = error instanceof MigrationError ? sqlState(error.cause) : '';
        if (state === '42P01' || state === '3F000') throw lost(shape.name, 'its staging table is gone');
        throw error;
      }
    },
    async publish(receipts, signal) {
      await connections.use(`publish table ${shape.name}`, signal, (connection) =>
        connection.transaction(() => publishOnce(connection, receipts)),
      );
    },
    async discard(signal) {
      await connections.use(`discard table ${shape.name}`, signal, (connection) =>
        connection.transaction(async () => {
          const now = await findDraft(connection, staging, 'FOR UPDATE');
          if (!now || now.published) return;
          await connection.run(`DROP TABLE ${qualified(workSchema, staging)}`);
          await forgetDraft(connection, run, step);
        }),
      );
    },
    async [Symbol.asyncDispose]() {},
  };
}

async function readToEnd(parts: AsyncIterable<unknown>, signal: AbortSignal): Promise<void> {
  for await (const _ of parts) signal.throwIfAborted();
}
