import type { DatabaseSync } from 'node:sqlite';
import { MigrationError } from '../../model/migration-error.ts';
import type { BaseContent } from '../../model/event.ts';
import type { TableShape } from '../../model/shape.ts';
import type { Draft, DraftOptions } from '../../store/store.ts';
import { createTableSql } from './create-sql.ts';
import { insertRows } from './insert-rows.ts';
import {
  dropDrafts,
  enterChunk,
  enterPublication,
  findChunk,
  hasTable,
  isPublished,
  literalPattern,
  openLedger,
  stagingName,
} from './ledger.ts';
import { publishTable } from './publish-table.ts';
import { quoteName } from './sql-names.ts';
import type { WriteConnection } from './write-connection.ts';

/** A table being filled under another name; the ticket is that name. */
export async function draftTable(
  connection: WriteConnection,
  shape: TableShape,
  ticket: string | undefined,
  options: DraftOptions,
  base: BaseContent | undefined,
  signal: AbortSignal,
): Promise<Draft> {
  const name = ticket ?? stagingName(options.run, options.step);
  const published = await connection.write((db) => {
    if (ticket === undefined) begin(db, name, shape);
    else if (!isPublished(db, name) && !hasTable(db, name)) throw lost(shape, name);
    return isPublished(db, name);
  }, signal);
  return {
    ticket: name,
    published,
    ...(base && { base }),
    async write(chunk, payload, writeSignal) {
      if (payload.format !== 'rows') throw new TypeError(`a table takes rows, not ${payload.format}`);
      return connection.write(async (db) => {
        const known = published ? { rows: 0, bytes: 0 } : findChunk(db, name, chunk.id);
        if (known) {
          for await (const _ of payload.parts) writeSignal.throwIfAborted();
          return known;
        }
        const stored = await insertRows(db, name, shape, payload.parts, writeSignal);
        enterChunk(db, name, chunk.id, stored);
        return stored;
      }, writeSignal);
    },
    async publish(receipts, publishSignal) {
      await connection.write((db) => {
        if (isPublished(db, name)) return;
        if (!hasTable(db, name)) throw lost(shape, name);
        for (const receipt of receipts) {
          if (findChunk(db, name, receipt.chunk)?.rows !== receipt.rows) throw lost(shape, name);
        }
        const promised = receipts.reduce((sum, receipt) => sum + receipt.rows, 0);
        const held = db.prepare(`SELECT count(*) AS n FROM ${quoteName(name)}`).get()?.['n'];
        if (held !== promised) throw lost(shape, name);
        publishTable(db, name, shape, options);
        enterPublication(db, name);
      }, publishSignal);
    },
    async discard(discardSignal) {
      await connection.write((db) => dropDrafts(db, literalPattern(name)), discardSignal);
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** Starts from nothing: what an earlier life left under this name was never recorded. */
function begin(db: DatabaseSync, name: string, shape: TableShape): void {
  dropDrafts(db, literalPattern(name));
  openLedger(db);
  db.exec(createTableSql(name, shape));
}

const lost = (shape: TableShape, name: string): MigrationError =>
  new MigrationError('draft.lost', `The half-written table ${shape.name} (${name}) is not what was recorded of it.`, {
    where: shape.name,
  });
