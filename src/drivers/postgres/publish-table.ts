import type { TableShape } from '../../model/shape.ts';
import { MigrationError } from '../../model/migration-error.ts';
import { carriedColumns } from '../../model/shape.ts';
import type { Connection } from './connection.ts';
import { addUnchecked, dropForeignKeys, foreignKeysOf, type ForeignKeyRow } from './foreign-keys.ts';
import { workSchema, type DraftRow } from './ledger.ts';
import { qualified, quoteName } from './names.ts';
import { keyColumns, keysCondition } from './row-sql.ts';
import { sqlState, type ServerError } from './store-error.ts';
import {
  carriedNames,
  columnList,
  commentSql,
  constraintSql,
  finalConstraintName,
  identitySql,
  setSequenceSql,
} from './table-sql.ts';
import { tableExists } from './table-facts.ts';

export interface PublishContext {
  readonly connection: Connection;
  readonly schema: string;
  readonly run: string;
  readonly shape: TableShape;
  readonly draft: DraftRow;
}

const removedAtOnce = 5000;

/** Builds the staging table's keys and moves it to its place. The caller's transaction makes it one step. */
export async function moveIntoPlace({ connection, schema, run, shape, draft }: PublishContext): Promise<void> {
  const staging = qualified(workSchema, draft.staging);
  const table = qualified(schema, shape.name);
  for (const statement of constraintSql(staging, draft.staging, shape))
    await buildUnique(connection, statement, shape.name);
  for (const statement of commentSql(staging, shape)) await connection.run(statement);
  await connection.run(`ALTER TABLE ${staging} RESET (autovacuum_enabled, toast.autovacuum_enabled)`);
  await connection.run(`ANALYZE ${staging}`);
  const replaced = draft.into === 'replace' && (await tableExists(connection, schema, shape.name));
  const kept = replaced ? await attachments(connection, schema, shape.name) : nothing;
  if (replaced) {
    await dropForeignKeys(connection, kept.inbound);
    await connection.run(`DROP TABLE ${table}`);
  }
  await connection.run(`ALTER TABLE ${staging} SET SCHEMA ${quoteName(schema)}`);
  await connection.run(`ALTER TABLE ${qualified(schema, draft.staging)} RENAME TO ${quoteName(shape.name)}`);
  await renameConstraints(connection, table, draft.staging, shape);
  for (const column of shape.columns)
    for (const statement of identitySql(table, column)) await connection.run(statement);
  for (const grant of kept.grants) await connection.run(grant);
  for (const index of kept.indexes) await rebuildIndex(connection, index, shape.name);
  await addUnchecked(connection, run, [...kept.inbound, ...kept.outbound]);
}

/** What hangs on a table and is not part of its shape. Its indexes and foreign keys may be items of the same run, or of
 *  an earlier one whose incremental run found them unchanged: a replaced table keeps them. */
async function attachments(connection: Connection, schema: string, name: string): Promise<Attachments> {
  const table = qualified(schema, name);
  return {
    inbound: await foreignKeysOf(connection, schema, name, 'inbound'),
    outbound: await foreignKeysOf(connection, schema, name, 'outbound'),
    grants: await grantsOf(connection, table),
    indexes: await indexesOf(connection, table),
  };
}

interface Attachments {
  readonly inbound: readonly ForeignKeyRow[];
  readonly outbound: readonly ForeignKeyRow[];
  readonly grants: readonly string[];
  readonly indexes: readonly string[];
}

const nothing: Attachments = { inbound: [], outbound: [], grants: [], indexes: [] };

async function indexesOf(connection: Connection, table: string): Promise<readonly string[]> {
  const rows = await connection.query<{ definition: string }>(
    `SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index
     WHERE indrelid = to_regclass($1) AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)`,
    [table],
  );
  return rows.map(({ definition }) => definition);
}

/** An index over a column that is gone goes with it. */
async function rebuildIndex(connection: Connection, definition: string, table: string): Promise<void> {
  await connection.run('SAVEPOINT index');
  try {
    await connection.run(definition);
  } catch (error) {
    if (sqlState(error) !== '42703') throw uniqueError(error, table);
    await connection.run('ROLLBACK TO index');
  }
}

/** PostgreSQL 18 names NOT NULL constraints too, after the table in which they were made. */
async function renameConstraints(
  connection: Connection,
  table: string,
  staging: string,
  shape: TableShape,
): Promise<void> {
  const constraints = await connection.query<{ name: string }>(
    `SELECT conname AS name FROM pg_constraint WHERE conrelid = to_regclass($1) AND starts_with(conname, $2)`,
    [table, `${staging}_`],
  );
  for (const { name } of constraints) {
    const own = finalConstraintName(name, staging, shape);
    await connection.run(`ALTER TABLE ${table} RENAME CONSTRAINT ${quoteName(name)} TO ${quoteName(own)}`);
  }
}

/** Who may do what with a table, as GRANT statements, so that a replaced table keeps them. */
async function grantsOf(connection: Connection, table: string): Promise<readonly string[]> {
  const rows = await connection.query<{ statement: string }>(
    `SELECT format('GRANT %s ON %s TO %s%s', a.privilege_type, $1::text,
                   CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END,
                   CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS statement
     FROM pg_class c, aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
     WHERE c.oid = to_regclass($1) AND a.grantee <> c.relowner`,
    [table],
  );
  return rows.map(({ statement }) => statement);
}

async function buildUnique(connection: Connection, statement: string, table: string): Promise<void> {
  try {
    await connection.run(statement);
  } catch (error) {
    throw uniqueError(error, table);
  }
}

function uniqueError(error: unknown, table: string): unknown {
  if (sqlState(error) !== '23505') return error;
  const { detail } = error as ServerError;
  return new MigrationError('index.broken', `Rows of table ${table} share a key that must be unique: ${detail ?? ''}`, {
    where: table,
    hint: 'Correct the rows at the source (or, when adding to a table, at the target), then resume.',
    cause: error,
  });
}

/** Adds the staging table's rows to a table that is there. */
export async function append(context: PublishContext): Promise<void> {
  const { shape, draft } = context;
  await addRows(context, async (connection, table, staging) => {
    const names = carriedNames(shape);
    const stored = await connection.run(
      `INSERT INTO ${table} (${names}) OVERRIDING SYSTEM VALUE SELECT ${names} FROM ${staging}`,
    );
    await compareCount(connection, staging, stored, draft.target);
  });
}

/** Updates rows by key, adds those that are new and deletes those of `removeKeys`. */
export async function merge(context: PublishContext, removeKeys: readonly string[]): Promise<void> {
  const { shape, draft } = context;
  await addRows(context, async (connection, table, staging) => {
    for (let at = 0; at < removeKeys.length; at += removedAtOnce) {
      const keys = removeKeys.slice(at, at + removedAtOnce);
      await connection.run(`DELETE FROM ${table} WHERE ${keysCondition(shape, keys)}`);
    }
    const key = keyColumns(shape).map(({ name }) => name);
    const others = carriedColumns(shape).filter(({ name }) => !key.includes(name));
    const set = others.map(({ name }) => `${quoteName(name)} = excluded.${quoteName(name)}`).join(', ');
    const names = carriedNames(shape);
    const stored = await connection.run(
      `INSERT INTO ${table} (${names}) OVERRIDING SYSTEM VALUE SELECT ${names} FROM ${staging}
       ON CONFLICT (${columnList(key)}) DO ${set === '' ? 'NOTHING' : `UPDATE SET ${set}`}`,
    );
    if (set !== '') await compareCount(connection, staging, stored, draft.target);
  });
}

/** Tables refer to each other and are filled one by one. Where a foreign key stands in the way it is set aside and put
 *  back unchecked; its own item, or the sweep at the end of the run, checks it when all tables are there. */
async function addRows(
  { connection, schema, run, shape, draft }: PublishContext,
  add: (connection: Connection, table: string, staging: string) => Promise<void>,
): Promise<void> {
  const table = qualified(schema, shape.name);
  const staging = qualified(workSchema, draft.staging);
  await connection.run('SAVEPOINT rows');
  try {
    await add(connection, table, staging);
  } catch (error) {
    if (sqlState(error) !== '23503') throw uniqueError(error, shape.name);
    await connection.run('ROLLBACK TO rows');
    const keys = await foreignKeysOf(connection, schema, shape.name, 'all');
    await dropForeignKeys(connection, keys);
    await add(connection, table, staging);
    await addUnchecked(connection, run, keys);
  }
  await advanceSequences(connection, table, shape);
  await connection.run(`DROP TABLE ${staging}`);
  await connection.run(`ANALYZE ${table}`);
}

async function compareCount(connection: Connection, staging: string, stored: number, table: string): Promise<void> {
  const rows = await connection.query<{ count: string }>(`SELECT count(*) AS count FROM ${staging}`);
  if (Number(rows[0]?.count) === stored) return;
  throw new MigrationError(
    'store.unsupported',
    `Table ${table} took ${stored} of ${rows[0]?.count} rows: a trigger or rule at the target swallows the others.`,
    { where: table, hint: 'Disable it for the run: ALTER TABLE … DISABLE TRIGGER USER.' },
  );
}

/** No number that a row has by now is given out again. */
async function advanceSequences(connection: Connection, table: string, shape: TableShape): Promise<void> {
  for (const { name, type, identity } of carriedColumns(shape)) {
    if (type.kind !== 'integer') continue;
    const [found] = await connection.query<{ sequence: string | null }>(
      'SELECT pg_get_serial_sequence($1, $2) AS sequence',
      [table, name],
    );
    if (!found?.sequence) continue;
    const next = `greatest((SELECT max(${quoteName(name)}) + 1 FROM ${table}), ${identity ? `${BigInt(identity.next)}` : '1'},
      (SELECT CASE WHEN is_called THEN last_value + 1 ELSE last_value END FROM ${found.sequence}))`;
    await connection.run(setSequenceSql(table, name, next, 'false'));
  }
}
