import { MigrationError } from '../../model/migration-error.ts';
import { carriedColumns, type TableShape } from '../../model/shape.ts';
import { keyColumns } from '../../store/rows/row-key.ts';
import type { Connection } from './connection.ts';
import { addForeignKeySql, nameList, numberKey } from './create-sql.ts';
import { dropForeignKey, foreignKeysOf, hasForeignKey, hasIndex, indexesOf, uniqueSql } from './foreign-keys.ts';
import { tableExists, type Afterwards, type DraftRow, type Ledger } from './ledger.ts';
import { qualified, quoteLiteral, quoteName } from './names.ts';
import { errorNumber } from './store-error.ts';

export interface PublishContext {
  readonly connection: Connection;
  readonly ledger: Ledger;
  readonly shape: TableShape;
  readonly draft: DraftRow;
}

const removedAtOnce = 1000;

/** Builds the staging table's unique keys and renames it to its place, in one step for whoever reads. The ledger knows at
 *  every moment how far it is, so that another process can go on. */
export async function moveIntoPlace({ connection, ledger, shape, draft }: PublishContext): Promise<void> {
  const { database } = ledger;
  const { staging } = draft;
  const old = ledger.replaced(staging);
  let { afterwards } = draft;
  if (draft.stands) {
    for (const { name, columns } of shape.unique) {
      if (await hasIndex(connection, database, staging, name)) continue;
      await inUniqueWords(shape, () => connection.run(uniqueSql(database, staging, name, columns)));
    }
    await number(connection, database, staging, shape);
    const replaced = draft.into === 'replace' && (await tableExists(connection, database, shape.name));
    const inbound = replaced ? await foreignKeysOf(connection, database, shape.name, 'inbound') : [];
    if (draft.state === 'open') {
      if (replaced) afterwards = await attachments(connection, database, shape);
      await ledger.enter(connection, staging, 'publishing', afterwards);
    }
    await withoutChecks(connection, async () => {
      for (const { table, foreignKey } of inbound) await dropForeignKey(connection, database, table, foreignKey.name);
      const renames = [`${qualified(database, staging)} TO ${qualified(database, shape.name)}`];
      if (replaced) renames.unshift(`${qualified(database, shape.name)} TO ${qualified(database, old)}`);
      await connection.run(`RENAME TABLE ${renames.join(', ')}`);
    });
  }
  await withoutChecks(connection, () => connection.run(`DROP TABLE IF EXISTS ${qualified(database, old)}`));
  await makeAgain(connection, database, afterwards);
  await ledger.enter(connection, staging, 'published');
}

/** What hung on a table that was replaced. Each is made only where it is missing. */
export async function makeAgain(connection: Connection, database: string, list: readonly Afterwards[]): Promise<void> {
  for (const { kind, table, name, sql } of list) {
    if (!(await tableExists(connection, database, table))) continue;
    const has = kind === 'index' ? hasIndex : hasForeignKey;
    if (await has(connection, database, table, name)) continue;
    await withoutChecks(connection, async () => {
      try {
        await connection.run(sql);
      } catch (error) {
        // A column that is gone takes its indexes and keys with it.
        if (![1072, 1005, 1215, 1822, 3734, 1054].includes(errorNumber(error))) throw error;
      }
    });
  }
}

async function attachments(connection: Connection, database: string, shape: TableShape): Promise<Afterwards[]> {
  const own = new Set(shape.unique.map(({ name }) => name));
  const keys = [
    ...(await foreignKeysOf(connection, database, shape.name, 'outbound')),
    ...(await foreignKeysOf(connection, database, shape.name, 'inbound')),
  ];
  const indexes = (await indexesOf(connection, database, shape.name)).filter(({ name }) => !own.has(name));
  return [
    ...indexes.map(({ name, sql }) => ({ kind: 'index' as const, table: shape.name, name, sql })),
    ...keys.map(({ table, foreignKey }) => ({
      kind: 'foreign-key' as const,
      table,
      name: foreignKey.name,
      sql: addForeignKeySql(database, table, foreignKey),
    })),
  ];
}

async function number(connection: Connection, database: string, table: string, shape: TableShape): Promise<void> {
  const identity = shape.columns.find((column) => column.identity);
  if (!identity?.identity) return;
  await connection.run(`ALTER TABLE ${qualified(database, table)} AUTO_INCREMENT = ${BigInt(identity.identity.next)}`);
  const led = shape.unique.some(({ columns }) => columns[0] === identity.name);
  if (led && (await hasIndex(connection, database, table, numberKey)))
    await connection.run(`ALTER TABLE ${qualified(database, table)} DROP KEY ${quoteName(numberKey)}`);
}

/** Adds the rows, in one transaction with the ledger's line. */
export async function append({ connection, ledger, shape, draft }: PublishContext): Promise<void> {
  await inUniqueWords(shape, () => connection.run(insertSql(ledger.database, shape, draft.staging)));
  await ledger.enter(connection, draft.staging, 'published');
}

/** Replaces rows by key, adds new ones and removes those that are named; the caller's transaction has no checks of
 *  foreign keys, since parents and children may come in any order. */
export async function merge(
  { connection, ledger, shape, draft }: PublishContext,
  removeKeys: readonly string[],
): Promise<void> {
  const { database } = ledger;
  const table = qualified(database, shape.name);
  const carried = carriedColumns(shape);
  const key = keyColumns(shape).flatMap((position) => carried[position] ?? []);
  for (let at = 0; at < removeKeys.length; at += removedAtOnce) {
    const rows = removeKeys.slice(at, at + removedAtOnce).map((text) => JSON.parse(text) as (string | null)[]);
    const conditions = rows.map(
      (row) =>
        `(${key.map(({ name, type }, i) => `${quoteName(name)} = ${keyLiteral(type.kind, row[i])}`).join(' AND ')})`,
    );
    await connection.run(`DELETE FROM ${table} WHERE ${conditions.join(' OR ')}`);
  }
  const same = key.map(({ name }) => `t.${quoteName(name)} = s.${quoteName(name)}`).join(' AND ');
  await connection.run(`DELETE t FROM ${table} t JOIN ${qualified(database, draft.staging)} s ON ${same}`);
  await inUniqueWords(shape, () => connection.run(insertSql(database, shape, draft.staging)));
  await ledger.enter(connection, draft.staging, 'published');
}

function keyLiteral(kind: string, text: string | null | undefined): string {
  if (text == null) return 'NULL';
  if (kind === 'integer') return String(BigInt(text));
  if (kind === 'bytes') return `x'${text.slice(2)}'`;
  if (kind === 'boolean') return text === 't' ? '1' : '0';
  if (kind === 'bits') return `b'${text}'`;
  return quoteLiteral(kind === 'timestamp' ? text.replace(/\+00$/, '') : text);
}

function insertSql(database: string, shape: TableShape, staging: string): string {
  const names = nameList(carriedColumns(shape).map(({ name }) => name));
  return `INSERT INTO ${qualified(database, shape.name)} (${names}) SELECT ${names} FROM ${qualified(database, staging)}`;
}

/** The session's statements in `work` do not look at foreign keys. */
export async function withoutChecks<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  await connection.run('SET SESSION foreign_key_checks = 0');
  try {
    return await work();
  } finally {
    await connection.run('SET SESSION foreign_key_checks = 1');
  }
}

async function inUniqueWords(shape: TableShape, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (errorNumber(error) !== 1062) throw error;
    throw new MigrationError('index.broken', `Rows of table ${shape.name} share a key that must be unique.`, {
      where: shape.name,
      hint: 'Correct the rows at the source (or, when adding to a table, at the target), then resume.',
      cause: error,
    });
  }
}
