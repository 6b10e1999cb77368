import { MigrationError } from '../../model/migration-error.ts';
import type { Connection } from './connection.ts';
import { workSchema } from './ledger.ts';
import { qualified, quoteName } from './names.ts';
import { sqlState, type ServerError } from './store-error.ts';

/** A type, not an interface: it is stored as JSON in a backup's record. */
export type ForeignKeyRow = {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  /** As ALTER TABLE … ADD CONSTRAINT takes it. */
  readonly definition: string;
  readonly valid: boolean;
};

/** Foreign keys of other tables onto this one (`inbound`), of this table (`outbound`), or all it takes part in. */
export async function foreignKeysOf(
  connection: Connection,
  schema: string,
  table: string,
  which: 'inbound' | 'outbound' | 'all',
): Promise<readonly ForeignKeyRow[]> {
  const condition = {
    inbound: 'c.confrelid = t.oid AND c.conrelid <> t.oid',
    outbound: 'c.conrelid = t.oid',
    all: 't.oid IN (c.confrelid, c.conrelid)',
  }[which];
  return connection.query<{ schema: string; table: string; name: string; definition: string; valid: boolean }>(
    `SELECT n.nspname AS schema, r.relname AS table, c.conname AS name, c.convalidated AS valid,
            regexp_replace(pg_get_constraintdef(c.oid), ' NOT VALID$', '') AS definition
     FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid JOIN pg_namespace n ON n.oid = r.relnamespace,
          (SELECT to_regclass($1) AS oid) t
     WHERE c.contype = 'f' AND c.conparentid = 0 AND ${condition} ORDER BY 1, 2, 3`,
    [qualified(schema, table)],
  );
}

export async function dropForeignKeys(connection: Connection, keys: readonly ForeignKeyRow[]): Promise<void> {
  for (const key of keys) {
    await connection.run(`ALTER TABLE ${qualified(key.schema, key.table)} DROP CONSTRAINT ${quoteName(key.name)}`);
  }
}

/** Puts foreign keys back without looking at the rows that are there; the sweep at the end of the run looks. One that
 *  cannot be put back, because what it refers to is no longer unique, is left out. */
export async function addUnchecked(connection: Connection, run: string, keys: readonly ForeignKeyRow[]): Promise<void> {
  for (const key of keys) {
    await connection.run('SAVEPOINT foreign_key');
    try {
      await connection.run(
        `ALTER TABLE ${qualified(key.schema, key.table)} ADD CONSTRAINT ${quoteName(key.name)} ${key.definition} NOT VALID`,
      );
      if (key.valid) {
        await connection.run(`INSERT INTO ${workSchema}.unchecked VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, [
          run,
          key.schema,
          key.table,
          key.name,
        ]);
      }
      await connection.run('RELEASE foreign_key');
    } catch {
      await connection.run('ROLLBACK TO foreign_key');
    }
  }
}

/** Validates what `addUnchecked` left unchecked in this run. Throws `reference.broken` for one that does not hold; it
 *  stays, unchecked, and binds new rows. */
export async function checkUnchecked(connection: Connection, run: string): Promise<void> {
  const keys = await connection.query<{ schema: string; table: string; name: string }>(
    `SELECT u.schema_name AS schema, u.table_name AS table, u.name
     FROM ${workSchema}.unchecked u JOIN pg_constraint c ON c.conname = u.name
       AND c.conrelid = to_regclass(format('%I.%I', u.schema_name, u.table_name)) AND NOT c.convalidated
     WHERE u.run = $1`,
    [run],
  );
  for (const { schema, table, name } of keys) {
    try {
      await connection.run(`ALTER TABLE ${qualified(schema, table)} VALIDATE CONSTRAINT ${quoteName(name)}`);
    } catch (error) {
      if (sqlState(error) !== '23503') throw error;
      throw new MigrationError(
        'reference.broken',
        `Foreign key ${name} of table ${table} no longer holds: ${(error as ServerError).detail ?? ''}`,
        {
          where: `${table}.foreign-key.${name}`,
          hint: `Correct the rows, or drop the constraint; then resume. Until then it is NOT VALID and binds new rows only.`,
          cause: error,
        },
      );
    }
  }
}
