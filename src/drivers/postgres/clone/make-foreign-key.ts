import { MigrationError } from '../../../model/migration-error.ts';
import type { Connection } from '../connection.ts';
import { qualified, quoteName } from '../names.ts';
import { sqlState, type ServerError } from '../store-error.ts';
import type { ObjectOf } from './object-shape.ts';
import type { Work } from './statements-draft.ts';

const namedOrphans = 20;

/** Adds the key unchecked, which takes a moment, then checks it without keeping writers out. A crash in between leaves
 *  something that the next publish completes. */
export const makeForeignKey =
  (key: ObjectOf<'foreign-key'>): Work =>
  async (connection, mark) => {
    const table = qualified(key.table.schema, key.table.name);
    const name = quoteName(key.name);
    const state = await foreignKeyState(connection, key);
    const unchecked = key.partitioned ? '' : ' NOT VALID';
    try {
      if (state === 'none')
        await connection.run(`ALTER TABLE ${table} ADD CONSTRAINT ${name} ${key.definition}${unchecked}`);
      if (key.valid && state !== 'valid') await connection.run(`ALTER TABLE ${table} VALIDATE CONSTRAINT ${name}`);
    } catch (error) {
      if (!['23503', '42830', '42804', '42P01', '42703'].includes(sqlState(error))) throw error;
      const why = sqlState(error) === '23503' ? await orphans(connection, key) : (error as ServerError).message;
      await connection.run(`ALTER TABLE ${table} DROP CONSTRAINT IF EXISTS ${name}`);
      throw broken(key, why, error);
    }
    await connection.transaction(async () => {
      for (const statement of key.finish) await connection.run(statement);
      await mark();
    });
  };

export async function foreignKeyState(
  connection: Connection,
  { table, name, other }: ObjectOf<'foreign-key'>,
): Promise<'none' | 'valid' | 'unchecked'> {
  const [found] = await connection.query<{ valid: boolean }>(
    `SELECT convalidated AS valid FROM pg_constraint
     WHERE conrelid = to_regclass($1) AND conname = $2 AND contype = 'f' AND confrelid = to_regclass($3)`,
    [qualified(table.schema, table.name), name, qualified(other.schema, other.name)],
  );
  return found ? (found.valid ? 'valid' : 'unchecked') : 'none';
}

/** The referring rows by primary key (by the foreign key's own columns where there is none), with what they refer to. */
async function orphans(connection: Connection, key: ObjectOf<'foreign-key'>): Promise<string> {
  const table = qualified(key.table.schema, key.table.name);
  const [primary] = await connection.query<{ columns: readonly string[] }>(
    `SELECT ARRAY(SELECT a.attname::text FROM unnest(i.indkey) WITH ORDINALITY k(attnum, n)
                  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum ORDER BY k.n) AS columns
     FROM pg_index i WHERE i.indrelid = to_regclass($1) AND i.indisprimary`,
    [table],
  );
  const name = primary?.columns ?? key.columns;
  const texts = (columns: readonly string[]) =>
    `ARRAY[${columns.map((column) => `r.${quoteName(column)}::text`).join(', ')}]`;
  const same = key.columns.map((column, at) => `p.${quoteName(key.otherColumns[at] ?? '')} = r.${quoteName(column)}`);
  // A key that must match in full may also be half empty.
  const full = / MATCH FULL/.test(key.definition);
  const refers = key.columns.map((column) => `r.${quoteName(column)} IS NOT NULL`).join(full ? ' OR ' : ' AND ');
  const rows = await connection.query<{ key: readonly string[]; refers: readonly string[] }>(
    `SELECT ${texts(name)} AS key, ${texts(key.columns)} AS refers FROM ${table} r
     WHERE (${refers}) AND NOT EXISTS (SELECT FROM ${qualified(key.other.schema, key.other.name)} p WHERE ${same.join(' AND ')})
     ORDER BY ${name.map((column) => `r.${quoteName(column)}`).join(', ')} LIMIT ${namedOrphans + 1}`,
  );
  const named = rows
    .slice(0, namedOrphans)
    .map((row) => `row ${JSON.stringify(row.key)} refers to ${JSON.stringify(row.refers)}`);
  const other = `${key.other.schema}.${key.other.name}`;
  return `${named.join(', ')}${rows.length > namedOrphans ? ' and more' : ''}: no such row in ${other}`;
}

function broken(key: ObjectOf<'foreign-key'>, why: string, cause: unknown): MigrationError {
  const table = `${key.table.schema}.${key.table.name}`;
  const columns = key.columns.join(', ');
  return new MigrationError(
    'reference.broken',
    `Foreign key ${key.name} of table ${table} (${columns}) cannot be valid: ${why}.`,
    {
      where: `${table}.foreign-key.${key.name}`,
      hint: 'The rows have arrived, the constraint has not. Correct the rows at the source and run again.',
      cause,
    },
  );
}
