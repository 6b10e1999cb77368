import { MigrationError } from '../../model/migration-error.ts';
import type { Item } from '../../model/item.ts';
import type { Sink, Source } from '../../store/store.ts';
import { adaptItem } from './adapt.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import { checkForeignKey, dropForeignKey, foreignKeysOf, hasIndex } from './foreign-keys.ts';
import { Ledger, tableExists } from './ledger.ts';
import { ownPrefix, qualified, quoteLiteral, quoteName } from './names.ts';
import { draftSchemaItem, hasSchemaItem } from './schema-draft.ts';
import { openTableDraft } from './table-draft.ts';

/** `source` reads what is already there. */
export function createSink(connections: Connections, source: Source): Sink {
  const { database } = connections.place;
  const ledger = new Ledger(database);
  return {
    accepts: ['rows', 'nothing'],
    visible: 'on publish',
    adapt: (item) => adaptItem(item, connections.mariadb),
    exists: (as, signal) =>
      connections.use(`look for ${as.key}`, signal, (connection) =>
        as.kind === 'table' ? tableExists(connection, database, as.key) : hasSchemaItem(connection, database, as),
      ),
    async draft(as, ticket, options, signal) {
      signal.throwIfAborted();
      if (as.kind === 'table') return openTableDraft(connections, ledger, source, as, ticket, options, signal);
      if (as.kind === 'index' || as.kind === 'foreign-key') return draftSchemaItem(connections, as);
      throw new MigrationError('store.unsupported', `MySQL cannot hold ${as.key} (${as.kind}).`, { where: as.key });
    },
    remove: (as, signal) =>
      connections.use(`remove ${as.key}`, signal, (connection) => remove(connection, database, as)),
    sweep: (run, signal) =>
      connections.use(`clean up after run ${run}`, signal, (connection) => sweep(connection, ledger, run)),
  };
}

async function remove(connection: Connection, database: string, as: Item): Promise<void> {
  if (as.index) {
    const { table, index } = as.index;
    if (!(await hasIndex(connection, database, table, index.name))) return;
    await connection.run(`DROP INDEX ${quoteName(index.name)} ON ${qualified(database, table)}`);
  } else if (as.foreignKey) {
    await dropForeignKey(connection, database, as.foreignKey.table, as.foreignKey.foreignKey.name);
  } else {
    // References to a table that goes cannot stay.
    for (const { table, foreignKey } of await foreignKeysOf(connection, database, as.key, 'inbound')) {
      await dropForeignKey(connection, database, table, foreignKey.name);
    }
    await connection.run(`DROP TABLE IF EXISTS ${qualified(database, as.key)}`);
  }
}

/** Drops what the run left, and checks the foreign keys around the tables that it changed without the server's checks. */
async function sweep(connection: Connection, ledger: Ledger, run: string): Promise<void> {
  const { database } = ledger;
  if (!(await ledger.exists(connection))) return;
  await ledger.locked(connection, async () => {
    const changed = new Set<string>();
    for (const staging of await ledger.ofRun(connection, run)) {
      const draft = await ledger.find(connection, staging);
      if (!draft || draft.state !== 'published') continue;
      if (draft.way !== 'create' || draft.afterwards.length > 0) changed.add(draft.target);
    }
    for (const table of changed) {
      for (const side of ['inbound', 'outbound'] as const) {
        for (const key of await foreignKeysOf(connection, database, table, side))
          await checkForeignKey(connection, database, key);
      }
    }
    const pattern = `${ownPrefix}${run}_`.replace(/[\\%_]/g, '\\$&');
    const left = await connection.query(
      `SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ${quoteLiteral(database)}
         AND TABLE_NAME LIKE ${quoteLiteral(`${pattern}%`)}`,
    );
    for (const { name } of left) await connection.run(`DROP TABLE IF EXISTS ${qualified(database, name ?? '')}`);
    for (const staging of await ledger.ofRun(connection, run)) await ledger.forget(connection, staging);
    await ledger.dropIfEmpty(connection);
  });
}
