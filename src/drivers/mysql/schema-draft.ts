import type { Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { IndexShape } from '../../model/shape.ts';
import type { Draft } from '../../store/store.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import { createIndexSql } from './create-sql.ts';
import { addUnchecked, checkForeignKey, foreignKeysOf, hasIndex } from './foreign-keys.ts';
import { qualified, quoteLiteral, quoteName } from './names.ts';
import { errorNumber } from './store-error.ts';

/** An index or foreign key: nothing is kept before it is published, and publishing twice finds it there. */
export function draftSchemaItem(connections: Connections, as: Item): Draft {
  const { database } = connections.place;
  return {
    ticket: as.key,
    published: false,
    async write() {
      throw new TypeError(`${as.key} has no content`);
    },
    publish: (_receipts, signal) =>
      connections.use(`build ${as.key}`, signal, async (connection) => {
        if (await hasSchemaItem(connection, database, as)) return;
        if (as.index) await createIndex(connection, database, as.index.table, as.index.index);
        if (!as.foreignKey) return;
        await checkForeignKey(connection, database, as.foreignKey);
        try {
          await addUnchecked(connection, database, as.foreignKey);
        } catch (error) {
          if (![1005, 1215, 3780, 1170, 1822].includes(errorNumber(error))) throw error;
          throw new MigrationError(
            'store.unsupported',
            `The foreign key ${as.key} cannot be made: its columns are of another type than those they refer to, or of one that MySQL has no keys on.`,
            { where: as.key, hint: 'Exclude it, or carry its columns in another type.', cause: error },
          );
        }
      }),
    async discard() {},
    async [Symbol.asyncDispose]() {},
  };
}

/** Is there already one that says the same? */
export async function hasSchemaItem(connection: Connection, database: string, as: Item): Promise<boolean> {
  if (as.index) {
    const { table, index } = as.index;
    const rows = await connection.query(
      `SELECT COLUMN_NAME AS name, COLLATION AS way, NON_UNIQUE AS many FROM information_schema.STATISTICS
       WHERE TABLE_SCHEMA = ${quoteLiteral(database)} AND TABLE_NAME = ${quoteLiteral(table)} AND INDEX_NAME = ${quoteLiteral(index.name)}
       ORDER BY SEQ_IN_INDEX`,
    );
    const found = rows.map(({ name, many }) => `${name} ${many === '0'}`);
    return rows.length > 0 && found.join() === index.columns.map(({ name }) => `${name} ${index.unique}`).join();
  }
  if (!as.foreignKey) return false;
  const { table, foreignKey } = as.foreignKey;
  const keys = await foreignKeysOf(connection, database, table, 'outbound');
  return keys.some(
    ({ foreignKey: key }) =>
      key.references === foreignKey.references &&
      key.columns.join('\0') === foreignKey.columns.join('\0') &&
      key.referencedColumns.join('\0') === foreignKey.referencedColumns.join('\0'),
  );
}

async function createIndex(connection: Connection, database: string, table: string, index: IndexShape): Promise<void> {
  const rows = await connection.query(
    `SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ${quoteLiteral(database)}
       AND TABLE_NAME = ${quoteLiteral(table)} AND DATA_TYPE IN ('text', 'mediumtext', 'longtext', 'blob', 'mediumblob', 'longblob')`,
  );
  const long = new Set(rows.map(({ name }) => name ?? ''));
  // One of the same name that says something else is in the way.
  if (await hasIndex(connection, database, table, index.name)) {
    await connection.run(`DROP INDEX ${quoteName(index.name)} ON ${qualified(database, table)}`);
  }
  try {
    await connection.run(createIndexSql(database, table, index, long));
  } catch (error) {
    if (errorNumber(error) !== 1062) throw error;
    throw new MigrationError(
      'index.broken',
      `The unique index ${index.name} cannot be built on ${table}: rows share a key that must be unique.`,
      { where: `${table}.index.${index.name}`, cause: error },
    );
  }
}
