import { rowsDigest } from '../../model/digest.ts';
import type { Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { Reject } from '../../model/receipt.ts';
import { carriedColumns, type LogicalType, type TableShape } from '../../model/shape.ts';
import { createRowDigest, createRowMarker } from '../../store/rows/row-digest.ts';
import { createRowKey, keyColumns } from '../../store/rows/row-key.ts';
import { fieldText, RowReader } from '../../store/rows/row-reader.ts';
import { RowWriter } from '../../store/rows/row-writer.ts';

export function shapeOf(item: Item): TableShape {
  if (!item.shape) throw new MigrationError('internal', `Table ${item.key} has no shape.`, { where: item.key });
  return item.shape;
}

/** Each row of a part, in memory of its own. Throws `chunk.corrupt` for bytes that are no rows. */
export function splitRows(part: Uint8Array, shape: TableShape): Uint8Array[] {
  const marks = createRowMarker(carriedColumns(shape).length, []).mark(part);
  const copy = new Uint8Array(part);
  return Array.from({ length: marks.rows }, (_, row) =>
    copy.subarray(marks.offset(row), row + 1 < marks.rows ? marks.offset(row + 1) : part.length),
  );
}

/** Every row's key, in order. */
export function rowKeys(rows: readonly Uint8Array[], shape: TableShape): string[] {
  return markedRows(rows, shape, 1).map(({ key }) => key);
}

export function markedRows(rows: readonly Uint8Array[], shape: TableShape, buckets: number) {
  const columns = carriedColumns(shape).length;
  const marker = createRowMarker(columns, keyColumns(shape));
  const reader = new RowReader(columns);
  const keyOf = createRowKey(shape);
  return rows.map((row) => {
    const marks = marker.mark(row);
    reader.open(row).next();
    return { row, key: keyOf(reader, marks.hash(0)), hash: marks.hash(0), bucket: marks.bucket(0, buckets) };
  });
}

export function digestRows(rows: readonly Uint8Array[], shape: TableShape) {
  const digest = createRowDigest(carriedColumns(shape).length);
  let bytes = 0;
  for (const row of rows) {
    digest.update(row);
    bytes += row.length;
  }
  return { rows: digest.rows, bytes, digest: rowsDigest(digest.sum) };
}

/** Rows of one table in the columns of another, column by column in their order. A value that has no form in its new
 *  column goes to `rejects`, with its row. */
export function reshape(rows: readonly Uint8Array[], item: Item, as: Item, rejects: Reject[]): readonly Uint8Array[] {
  const from = carriedColumns(shapeOf(item));
  const to = carriedColumns(shapeOf(as));
  if (from.length !== to.length) {
    throw new MigrationError(
      'store.unsupported',
      `${item.key} has ${from.length} columns, ${as.key} has ${to.length}.`,
    );
  }
  if (from.every(({ type }, i) => JSON.stringify(type) === JSON.stringify(to[i]?.type))) return rows;
  const reader = new RowReader(from.length);
  const writer = new RowWriter(4096);
  const fitting: Uint8Array[] = [];
  for (const row of rows) {
    reader.open(row).next();
    writer.beginRow(to.length);
    const misfit = to.findIndex((column, i) => {
      const field = reader.field(i);
      const { type } = from[i] ?? column;
      return field === null ? !writer.null() : !writeField(writer, type, column.type, field);
    });
    if (misfit < 0) {
      fitting.push(writer.take());
      continue;
    }
    writer.cancelRow();
    const column = to[misfit];
    rejects.push({
      item: item.key,
      key: rowKeys([row], shapeOf(item))[0] ?? '',
      ...(column && { column: column.name }),
      code: 'value.unfit',
      reason: `the value does not fit ${column?.declared ?? 'the column'}`,
    });
  }
  return fitting;
}

function writeField(writer: RowWriter, from: LogicalType, to: LogicalType, field: Uint8Array): boolean {
  if (to.kind === 'bytes' && from.kind === 'bytes') return writer.binary(field);
  const text = fieldText(from, field);
  switch (to.kind) {
    case 'integer':
      return /^-?\d+$/.test(text) && writer.integer(BigInt(text), to.bits);
    case 'decimal':
      return writer.decimal(text, to);
    case 'float':
      return from.kind !== 'text' && writer.float(Number(text), to.bits);
    case 'text':
      return (to.length === undefined || Array.from(text).length <= to.length) && writer.text(text);
    case 'boolean':
      return (text === 't' || text === 'f') && writer.boolean(text === 't');
    case 'date':
      return writer.date(text);
    case 'time':
      return writer.time(text);
    case 'timestamp':
      return writer.timestamp(text, to.zone);
    case 'interval':
      return writer.interval(text);
    case 'bits':
      return writer.bits(text, to.length);
    case 'uuid':
      return writer.uuid(text);
    case 'json':
      return writer.json(text, to.binary);
    case 'bytes':
      return writer.binary(Buffer.from(text));
  }
}
