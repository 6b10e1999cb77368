import { MigrationError } from '../../model/migration-error.ts';
import type { Item } from '../../model/item.ts';
import type { ForeignKeyShape } from '../../model/shape.ts';
import type { Draft, DraftOptions } from '../../store/store.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import { qualified, quoteName } from './names.ts';
import { sqlState, type ServerError } from './store-error.ts';
import { columnList } from './table-sql.ts';

const namedOrphans = 20;

/** A foreign key has no rows of its own: publish adds it unchecked and then checks it, so that a crash in between
 *  leaves something that the next publish completes. */
export async function openForeignKeyDraft(
  connections: Connections,
  schema: string,
  as: Item,
  options: DraftOptions,
  signal: AbortSignal,
): Promise<Draft> {
  if (!as.foreignKey) throw new MigrationError('internal', `Foreign key ${as.key} has no shape.`);
  const { table, foreignKey } = as.foreignKey;
  const doing = `add foreign key ${foreignKey.name} to table ${table}`;
  const from = qualified(schema, table);
  const state = (connection: Connection) => foreignKeyState(connection, schema, table, foreignKey);
  const drop = `ALTER TABLE ${from} DROP CONSTRAINT IF EXISTS ${quoteName(foreignKey.name)}`;
  const published = (await connections.use(doing, signal, state)) === 'valid';

  const add = async (connection: Connection) => {
    const found = await state(connection);
    if (found === 'valid') return;
    if (found === 'other') await connection.run(drop);
    if (found !== 'unchecked') {
      await connection.run(`ALTER TABLE ${from} ADD ${foreignKeySql(schema, foreignKey)} NOT VALID`);
    }
    try {
      await connection.run(`ALTER TABLE ${from} VALIDATE CONSTRAINT ${quoteName(foreignKey.name)}`);
    } catch (error) {
      if (sqlState(error) !== '23503') throw error;
      const names = await orphans(connection, schema, table, foreignKey);
      await connection.run(drop);
      throw broken(table, foreignKey, names, error);
    }
  };

  return {
    ticket: `${options.run}_${options.step}`,
    published,
    async write() {
      throw new MigrationError('internal', `Foreign key ${foreignKey.name} takes no content.`);
    },
    async publish(_receipts, stop) {
      await connections.use(doing, stop, async (connection) => {
        try {
          await add(connection);
        } catch (error) {
          // No unique key over the referenced columns; types that cannot be compared; a table or column that is not there.
          if (!['42830', '42804', '42P01', '42703'].includes(sqlState(error))) throw error;
          throw broken(table, foreignKey, (error as ServerError).message, error);
        }
      });
    },
    async discard() {},
    async [Symbol.asyncDispose]() {},
  };
}

function foreignKeySql(schema: string, key: ForeignKeyShape): string {
  const referenced = key.referencedColumns.length > 0 ? ` (${columnList(key.referencedColumns)})` : '';
  const timing = key.deferred ? ' DEFERRABLE INITIALLY DEFERRED' : '';
  return (
    `CONSTRAINT ${quoteName(key.name)} FOREIGN KEY (${columnList(key.columns)}) REFERENCES ${qualified(schema, key.references)}${referenced}` +
    ` ON DELETE ${key.onDelete.toUpperCase()} ON UPDATE ${key.onUpdate.toUpperCase()}${timing}`
  );
}

async function foreignKeyState(
  connection: Connection,
  schema: string,
  table: string,
  key: ForeignKeyShape,
): Promise<'none' | 'valid' | 'unchecked' | 'other'> {
  const [found] = await connection.query<{ same: boolean; valid: boolean }>(
    `SELECT c.convalidated AS valid, c.contype = 'f' AND c.confrelid = to_regclass($3)
            AND c.confdeltype = $5 AND c.confupdtype = $6 AND c.condeferred = $7
            AND ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY k(attnum, n)
                      JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum ORDER BY k.n) = $4::text[]
            AND ($8::text[] = '{}' OR ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY k(attnum, n)
                      JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum ORDER BY k.n) = $8::text[]) AS same
     FROM pg_constraint c WHERE c.conrelid = to_regclass($1) AND c.conname = $2`,
    [
      qualified(schema, table),
      key.name,
      qualified(schema, key.references),
      key.columns,
      actionCodes[key.onDelete],
      actionCodes[key.onUpdate],
      key.deferred,
      key.referencedColumns,
    ],
  );
  if (!found) return 'none';
  return found.same ? (found.valid ? 'valid' : 'unchecked') : 'other';
}

/** As pg_constraint holds them. */
export const actionCodes: Readonly<Record<ForeignKeyShape['onDelete'], string>> = {
  'no action': 'a',
  restrict: 'r',
  cascade: 'c',
  'set null': 'n',
  'set default': 'd',
};

/** The referring rows by primary key (by the foreign key's own columns where there is none), with what they refer to. */
async function orphans(connection: Connection, schema: string, table: string, key: ForeignKeyShape): Promise<string> {
  const [primary] = await connection.query<{ columns: readonly string[] }>(
    `SELECT ARRAY(SELECT a.attname::text FROM unnest(i.indkey) WITH ORDINALITY k(attnum, n)
                  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum ORDER BY k.n) AS columns
     FROM pg_index i WHERE i.indrelid = to_regclass($1) AND i.indisprimary`,
    [qualified(schema, table)],
  );
  const [referenced] = await connection.query<{ columns: readonly string[] }>(
    `SELECT ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY k(attnum, n)
                  JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum ORDER BY k.n) AS columns
     FROM pg_constraint c WHERE c.conrelid = to_regclass($1) AND c.conname = $2`,
    [qualified(schema, table), key.name],
  );
  const name = primary?.columns ?? key.columns;
  const texts = (columns: readonly string[]) =>
    `ARRAY[${columns.map((column) => `r.${quoteName(column)}::text`).join(', ')}]`;
  const same = key.columns.map(
    (column, at) => `p.${quoteName(referenced?.columns[at] ?? column)} = r.${quoteName(column)}`,
  );
  const rows = await connection.query<{ key: readonly string[]; refers: readonly string[] }>(
    `SELECT ${texts(name)} AS key, ${texts(key.columns)} AS refers FROM ${qualified(schema, table)} r
     WHERE ${key.columns.map((column) => `r.${quoteName(column)} IS NOT NULL`).join(' AND ')}
       AND NOT EXISTS (SELECT FROM ${qualified(schema, key.references)} p WHERE ${same.join(' AND ')})
     ORDER BY ${name.map((column) => `r.${quoteName(column)}`).join(', ')} LIMIT ${namedOrphans + 1}`,
  );
  const named = rows
    .slice(0, namedOrphans)
    .map((row) => `row ${JSON.stringify(row.key)} refers to ${JSON.stringify(row.refers)}`);
  return `${named.join(', ')}${rows.length > namedOrphans ? ' and more' : ''}: no such row in ${key.references}`;
}

const broken = (table: string, key: ForeignKeyShape, why: string, cause: unknown): MigrationError =>
  new MigrationError(
    'reference.broken',
    `Foreign key ${key.name} of table ${table} (${key.columns.join(', ')}) cannot be valid: ${why}.`,
    {
      where: `${table}.foreign-key.${key.name}`,
      hint: 'The rows have arrived, the constraint has not. Correct the rows at the source and run again.',
      cause,
    },
  );
