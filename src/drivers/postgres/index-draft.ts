import { MigrationError } from '../../model/migration-error.ts';
import type { Item } from '../../model/item.ts';
import type { IndexShape } from '../../model/shape.ts';
import type { Draft, DraftOptions } from '../../store/store.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import { qualified, quoteName } from './names.ts';
import { sqlState, type ServerError } from './store-error.ts';
import { columnList } from './table-sql.ts';

const namedKeys = 20;

/** An index has no rows of its own: nothing is written, and publish builds it on the table that is there. */
export async function openIndexDraft(
  connections: Connections,
  schema: string,
  as: Item,
  options: DraftOptions,
  signal: AbortSignal,
): Promise<Draft> {
  if (!as.index) throw new MigrationError('internal', `Index ${as.key} has no shape.`);
  const { table, index } = as.index;
  const state = (connection: Connection) => indexState(connection, schema, table, index);
  const doing = `build index ${index.name} of table ${table}`;
  const published = (await connections.use(doing, signal, state)) === 'same';
  const work = async (connection: Connection) => {
    const found = await state(connection);
    if (found === 'same') return;
    if (found === 'other' && options.into !== 'replace') throw taken(index.name);
    if (found === 'other') await connection.run(`DROP INDEX ${qualified(schema, index.name)}`);
    await connection.run(`SET LOCAL maintenance_work_mem = '256MB'`);
    await connection.run(createIndexSql(schema, table, index));
  };
  return {
    ticket: `${options.run}_${options.step}`,
    published,
    async write() {
      throw new MigrationError('internal', `Index ${index.name} takes no content.`);
    },
    async publish(_receipts, stop) {
      await connections.use(doing, stop, async (connection) => {
        try {
          await connection.transaction(() => work(connection));
        } catch (error) {
          throw await inWords(error, connection, schema, table, index);
        }
      });
    },
    async discard() {},
    async [Symbol.asyncDispose]() {},
  };
}

const taken = (name: string): MigrationError =>
  new MigrationError('target.not-empty', `There is another index or table named ${name} at the target.`, {
    hint: 'Drop or rename it, or copy with `--into replace`.',
  });

function createIndexSql(schema: string, table: string, { name, columns, unique }: IndexShape): string {
  const list = columns.map((column) => quoteName(column.name) + (column.descending ? ' DESC' : '')).join(', ');
  return `CREATE ${unique ? 'UNIQUE ' : ''}INDEX ${quoteName(name)} ON ${qualified(schema, table)} (${list})`;
}

async function indexState(
  connection: Connection,
  schema: string,
  table: string,
  index: IndexShape,
): Promise<'none' | 'same' | 'other'> {
  const [found] = await connection.query<{ same: boolean | null }>(
    `SELECT i.indexrelid IS NOT NULL AND i.indisvalid AND i.indrelid = to_regclass($2) AND i.indisunique = $3
            AND i.indpred IS NULL AND i.indexprs IS NULL
            AND ARRAY(SELECT a.attname || CASE WHEN i.indoption[k.n - 1] & 1 = 1 THEN ' DESC' ELSE '' END
                      FROM unnest(i.indkey) WITH ORDINALITY k(attnum, n)
                      JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum ORDER BY k.n) = $4::text[] AS same
     FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid WHERE c.oid = to_regclass($1)`,
    [
      qualified(schema, index.name),
      qualified(schema, table),
      index.unique,
      index.columns.map(({ name, descending }) => name + (descending ? ' DESC' : '')),
    ],
  );
  return !found ? 'none' : found.same === true ? 'same' : 'other';
}

/** Rows with equal keys, oversized keys and types without order are the rows' fault, not the server's. */
async function inWords(
  error: unknown,
  connection: Connection,
  schema: string,
  table: string,
  index: IndexShape,
): Promise<unknown> {
  const state = sqlState(error);
  if (!['23505', '54000', '42704'].includes(state)) return error;
  const why =
    state === '23505' ? await duplicates(connection, schema, table, namesOf(index)) : (error as ServerError).message;
  return new MigrationError('index.broken', `Index ${index.name} of table ${table} cannot be built: ${why}.`, {
    where: `${table}.index.${index.name}`,
    hint: 'The rows have arrived, the index has not. Correct the rows at the source and run again.',
    cause: error,
  });
}

const namesOf = (index: IndexShape): readonly string[] => index.columns.map(({ name }) => name);

/** The values of these columns that stand in more than one row, in words. */
export async function duplicates(
  connection: Connection,
  schema: string,
  table: string,
  names: readonly string[],
): Promise<string> {
  const rows = await connection.query<{ key: readonly (string | null)[]; times: string }>(
    `SELECT ARRAY[${names.map((name) => `${quoteName(name)}::text`).join(', ')}] AS key, count(*) AS times
     FROM ${qualified(schema, table)} WHERE ${names.map((name) => `${quoteName(name)} IS NOT NULL`).join(' AND ')}
     GROUP BY ${columnList(names)} HAVING count(*) > 1 ORDER BY 1 LIMIT ${namedKeys + 1}`,
  );
  const keys = rows.slice(0, namedKeys).map(({ key, times }) => `${JSON.stringify(key)} ${times} times`);
  return `(${names.join(', ')}) should be unique but holds ${keys.join(', ')}${rows.length > namedKeys ? ' and more' : ''}`;
}
