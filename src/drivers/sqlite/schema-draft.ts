import type { DatabaseSync } from 'node:sqlite';
import { MigrationError } from '../../model/migration-error.ts';
import type { Item } from '../../model/item.ts';
import type { ForeignKeyShape, IndexShape } from '../../model/shape.ts';
import type { Draft } from '../../store/store.ts';
import { createIndexSql, foreignKeySql } from './create-sql.ts';
import { prepareChange } from './prepare-change.ts';
import { quoteName } from './sql-names.ts';
import type { WriteConnection } from './write-connection.ts';

const mostNamed = 10;

/** An index or foreign key: nothing is kept before it is published, and publishing twice finds it there. */
export function draftSchemaItem(connection: WriteConnection, as: Item): Draft {
  return {
    ticket: as.key,
    published: false,
    async write() {
      throw new TypeError(`${as.key} has no content`);
    },
    async publish(_receipts, signal) {
      await connection.write((db) => {
        if (hasSchemaItem(db, as)) return;
        if (as.index) createIndex(db, as.index.table, as.index.index);
        if (as.foreignKey) addForeignKey(db, as.foreignKey.table, as.foreignKey.foreignKey);
      }, signal);
    },
    async discard() {},
    async [Symbol.asyncDispose]() {},
  };
}

/** Is there already one that says the same? */
export function hasSchemaItem(db: DatabaseSync, as: Item): boolean {
  if (as.index) {
    const { table, index } = as.index;
    const found = db
      .prepare('SELECT "unique" FROM pragma_index_list(?) WHERE name = ? COLLATE NOCASE')
      .get(table, index.name);
    const columns = db
      .prepare('SELECT name, "desc" FROM pragma_index_xinfo(?) WHERE key = 1 ORDER BY seqno')
      .all(index.name);
    const wanted = index.columns.map(({ name, descending }) => ({ name, desc: descending ? 1 : 0 }));
    return found?.['unique'] === (index.unique ? 1 : 0) && JSON.stringify(columns) === JSON.stringify(wanted);
  }
  if (!as.foreignKey) return false;
  const { table, foreignKey } = as.foreignKey;
  const rows = db.prepare('SELECT * FROM pragma_foreign_key_list(?) ORDER BY id, seq').all(table);
  return [...Map.groupBy(rows, (row) => row['id']).values()].some(
    (parts) =>
      String(parts[0]?.['table']).toLowerCase() === foreignKey.references.toLowerCase() &&
      parts.map((part) => part['from']).join('\0') === foreignKey.columns.join('\0'),
  );
}

function createIndex(db: DatabaseSync, table: string, index: IndexShape): void {
  try {
    db.exec(createIndexSql(table, index));
  } catch (error) {
    if (!(error instanceof Error) || !/UNIQUE constraint failed/.test(error.message)) throw error;
    throw new MigrationError(
      'index.broken',
      `The unique index ${index.name} cannot be built on ${table}: ${repeated(db, table, index)}.`,
      {
        where: `${table}.index.${index.name}`,
        cause: error,
      },
    );
  }
}

/** How many keys stand there more than once: a count, since keys of an index are values of rows. */
function repeated(db: DatabaseSync, table: string, index: IndexShape): string {
  const columns = index.columns.map(({ name }) => quoteName(name)).join(', ');
  const query = `SELECT count(*) AS n FROM (SELECT 1 FROM ${quoteName(table)} GROUP BY ${columns} HAVING count(*) > 1)`;
  return `${String(db.prepare(query).get()?.['n'])} values of ${columns} stand there more than once`;
}

/** SQLite has no ALTER TABLE for this. Its manual's way: change the stored statement, since a foreign key changes
 *  nothing else in the file (lang_altertable, section 7). */
function addForeignKey(db: DatabaseSync, table: string, key: ForeignKeyShape): void {
  const row = db.prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE").get(table);
  const sql = String(row?.['sql']);
  const end = sql.lastIndexOf(')');
  const version = Number(db.prepare('PRAGMA schema_version').get()?.['schema_version']);
  db.exec('PRAGMA writable_schema = ON');
  try {
    prepareChange(db, "UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ? COLLATE NOCASE").run(
      `${sql.slice(0, end).trimEnd()},\n  ${foreignKeySql(key)}\n${sql.slice(end)}`,
      table,
    );
    db.exec(`PRAGMA schema_version = ${version + 1}`);
  } finally {
    db.exec('PRAGMA writable_schema = RESET');
  }
  const broken = db.prepare('SELECT rowid FROM pragma_foreign_key_check(?)').all(table);
  if (broken.length === 0) return;
  const named = broken.slice(0, mostNamed).map((found) => String(found['rowid']));
  throw new MigrationError(
    'reference.broken',
    `${broken.length} rows of ${table} refer to rows of ${key.references} that do not exist: rowid ${named.join(', ')}${broken.length > mostNamed ? ', …' : ''}.`,
    { where: `${table}.foreign-key.${key.columns.join(',')}` },
  );
}
