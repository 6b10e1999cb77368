import { MigrationError } from '../../model/migration-error.ts';
import type { Item } from '../../model/item.ts';
import type { Sink } from '../../store/store.ts';
import { adapt } from './adapt.ts';
import { backupTables, restoreTables } from './backup.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import { openForeignKeyDraft } from './foreign-key-draft.ts';
import { checkUnchecked, dropForeignKeys, foreignKeysOf } from './foreign-keys.ts';
import { openIndexDraft } from './index-draft.ts';
import { ledgerExists, lockLedger, workSchema } from './ledger.ts';
import { qualified, quoteName } from './names.ts';
import { defaultSchema, type PostgresOptions } from './options.ts';
import { openTableDraft } from './table-draft.ts';
import { tableExists } from './table-facts.ts';

export function createSink(connections: Connections, options: PostgresOptions): Sink {
  const { schema = defaultSchema } = options;
  return {
    accepts: ['rows', 'nothing'],
    visible: 'on publish',
    adapt: (item) => adapt(item, options),
    exists: (as, signal) =>
      connections.use(`look for ${as.key}`, signal, (connection) => exists(connection, schema, as)),
    async draft(as, ticket, draftOptions, signal) {
      if (as.kind === 'table') return openTableDraft(connections, schema, as, ticket, draftOptions, signal);
      if (as.kind === 'index') return openIndexDraft(connections, schema, as, draftOptions, signal);
      if (as.kind === 'foreign-key') return openForeignKeyDraft(connections, schema, as, draftOptions, signal);
      throw new MigrationError('store.unsupported', `PostgreSQL cannot hold ${as.key} (${as.kind}).`, {
        where: as.key,
      });
    },
    remove: (as, signal) =>
      connections.use(`remove ${as.key}`, signal, (connection) =>
        connection.transaction(() => remove(connection, schema, as)),
      ),
    sweep: (run, signal) =>
      connections.use(`clean up after run ${run}`, signal, (connection) => sweep(connection, run)),
    backup: (items, path, signal) => backupTables(connections, schema, items, path, signal),
    restore: (record, signal) => restoreTables(connections, schema, record, signal),
  };
}

async function exists(connection: Connection, schema: string, as: Item): Promise<boolean> {
  if (as.index) return tableExists(connection, schema, as.index.index.name);
  if (!as.foreignKey) return tableExists(connection, schema, as.key);
  const rows = await connection.query('SELECT FROM pg_constraint WHERE conrelid = to_regclass($1) AND conname = $2', [
    qualified(schema, as.foreignKey.table),
    as.foreignKey.foreignKey.name,
  ]);
  return rows.length > 0;
}

async function remove(connection: Connection, schema: string, as: Item): Promise<void> {
  if (as.index) {
    await connection.run(`DROP INDEX IF EXISTS ${qualified(schema, as.index.index.name)}`);
  } else if (as.foreignKey) {
    const { table, foreignKey } = as.foreignKey;
    await connection.run(
      `ALTER TABLE IF EXISTS ${qualified(schema, table)} DROP CONSTRAINT IF EXISTS ${quoteName(foreignKey.name)}`,
    );
  } else {
    // References to a table that goes cannot stay.
    await dropForeignKeys(connection, await foreignKeysOf(connection, schema, as.key, 'inbound'));
    await connection.run(`DROP TABLE IF EXISTS ${qualified(schema, as.key)}`);
  }
}

async function sweep(connection: Connection, run: string): Promise<void> {
  if (!(await ledgerExists(connection))) return;
  await dropStaging(connection, run);
  await checkUnchecked(connection, run);
  await connection.transaction(async () => {
    await lockLedger(connection);
    if (!(await ledgerExists(connection))) return;
    for (const ledger of ['chunk', 'draft', 'unchecked']) {
      await connection.run(`DELETE FROM ${workSchema}.${ledger} WHERE run = $1`, [run]);
    }
    const [left] = await connection.query<{ found: boolean }>(
      `SELECT EXISTS (SELECT FROM ${workSchema}.draft) AS found`,
    );
    if (left?.found === false) {
      for (const ledger of ['chunk', 'draft', 'unchecked']) await connection.run(`DROP TABLE ${workSchema}.${ledger}`);
      // A run that is followed keeps its position here.
      const others = await connection.query('SELECT FROM pg_class WHERE relnamespace = to_regnamespace($1) LIMIT 1', [
        workSchema,
      ]);
      if (others.length === 0) await connection.run(`DROP SCHEMA ${workSchema}`);
    }
  });
}

async function dropStaging(connection: Connection, run: string): Promise<void> {
  const tables = await connection.query<{ name: string }>(
    `SELECT staging AS name FROM ${workSchema}.draft
     WHERE run = $1 AND to_regclass(format('%I.%I', '${workSchema}', staging)) IS NOT NULL`,
    [run],
  );
  for (const { name } of tables) await connection.run(`DROP TABLE IF EXISTS ${qualified(workSchema, name)}`);
}
