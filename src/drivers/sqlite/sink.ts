import { existsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import type { BaseContent } from '../../model/event.ts';
import type { Item } from '../../model/item.ts';
import type { Sink, Source } from '../../store/store.ts';
import { adaptItem } from './adapt.ts';
import { backupDatabase, restoreDatabase } from './backup.ts';
import { ownPrefix } from './catalogue.ts';
import { dropDrafts, hasTable, literalPattern } from './ledger.ts';
import { draftSchemaItem, hasSchemaItem } from './schema-draft.ts';
import { shapeOf } from './source.ts';
import { quoteName } from './sql-names.ts';
import { inWords } from './sqlite-error.ts';
import { draftTable } from './table-draft.ts';
import type { WriteConnection } from './write-connection.ts';

/** `connect` gives the reading connection of the same store, `source` reads what is already there. */
export function createSink(connection: WriteConnection, connect: () => DatabaseSync, source: Source): Sink {
  const { path } = connection;
  const isThere = (as: Item): boolean => {
    if (!existsSync(path)) return false;
    return inWords(path, () =>
      as.kind === 'table' ? hasTable(connect(), shapeOf(as).name) : hasSchemaItem(connect(), as),
    );
  };
  return {
    accepts: ['rows', 'nothing'],
    visible: 'on publish',
    adapt: adaptItem,
    async exists(as) {
      return isThere(as);
    },
    async draft(as, ticket, options, signal) {
      if (as.kind !== 'table') return draftSchemaItem(connection, as);
      let base: BaseContent | undefined;
      if (ticket === undefined && options.into === 'append' && isThere(as)) {
        const content = await source.digest?.(as, as, signal);
        base = content && { rows: content.rows, digest: content.digest };
      }
      return draftTable(connection, shapeOf(as), ticket, options, base, signal);
    },
    async remove(as, signal) {
      if (!isThere(as)) return;
      const statement =
        as.kind === 'table'
          ? `DROP TABLE IF EXISTS ${quoteName(shapeOf(as).name)}`
          : `DROP INDEX IF EXISTS ${quoteName(as.index?.index.name ?? '')}`;
      await connection.write((db) => db.exec(statement), signal);
    },
    async sweep(run, signal) {
      if (!existsSync(path)) return;
      await connection.write((db) => dropDrafts(db, `${literalPattern(`${ownPrefix}${run}_`)}%`), signal);
    },
    async backup(_items, folder) {
      return backupDatabase(path, folder);
    },
    async restore(record) {
      await restoreDatabase(record, path);
    },
  };
}
