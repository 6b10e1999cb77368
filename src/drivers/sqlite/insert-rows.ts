import type { DatabaseSync } from 'node:sqlite';
import type { Stored } from '../../model/receipt.ts';
import { carriedColumns, type TableShape } from '../../model/shape.ts';
import { RowReader } from '../../store/rows/row-reader.ts';
import type { SqliteValue } from './column-encoder.ts';
import { createFieldReader } from './field-value.ts';
import { prepareChange } from './prepare-change.ts';
import { quoteName } from './sql-names.ts';

/** Puts canonical rows into a table, within the caller's transaction. */
export async function insertRows(
  db: DatabaseSync,
  table: string,
  shape: TableShape,
  parts: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<Stored> {
  const columns = carriedColumns(shape);
  const names = columns.map((column) => quoteName(column.name)).join(', ');
  const insert = prepareChange(
    db,
    columns.length === 0
      ? `INSERT INTO ${quoteName(table)} DEFAULT VALUES`
      : `INSERT INTO ${quoteName(table)} (${names}) VALUES (${columns.map(() => '?').join(', ')})`,
  );
  const readers = columns.map((column) => createFieldReader(shape.name, column));
  const reader = new RowReader(columns.length);
  const values: SqliteValue[] = columns.map(() => null);
  let [rows, bytes] = [0, 0];
  for await (const part of parts) {
    signal.throwIfAborted();
    reader.open(part);
    while (reader.next()) {
      for (let i = 0; i < readers.length; i++) {
        const field = reader.field(i);
        values[i] = field === null ? null : (readers[i]?.(field) ?? null);
      }
      insert.run(...values);
      rows++;
    }
    bytes += part.length;
  }
  return { rows, bytes };
}
