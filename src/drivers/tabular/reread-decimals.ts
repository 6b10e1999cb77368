import type { Reject } from '../../model/receipt.ts';
import type { ColumnShape } from '../../model/shape.ts';
import { RowReader } from '../../store/rows/row-reader.ts';
import { RowWriter } from '../../store/rows/row-writer.ts';
import type { InputFile } from './find-files.ts';
import { isDecimalText } from './parquet-type.ts';

/** Rows whose decimals without limits came as texts, with these as decimals. */
export function rereadDecimals(
  part: Uint8Array,
  columns: readonly ColumnShape[],
  item: string,
  file: InputFile,
  rejects: Reject[],
): Buffer {
  const reader = new RowReader(columns.length).open(part);
  const writer = new RowWriter(part.length);
  while (reader.next()) {
    writer.beginRow(columns.length);
    for (const [i, { name, type }] of columns.entries()) {
      const field = reader.field(i);
      if (field === null) writer.null();
      else if (type.kind !== 'decimal' || !isDecimalText(type)) writer.binary(field);
      else if (!writer.decimal(Buffer.from(field).toString('latin1'), type)) {
        writer.cancelRow();
        const key = JSON.stringify([file.name]);
        rejects.push({ item, key, column: name, code: 'value.unfit', reason: 'it is no decimal' });
        break;
      }
    }
  }
  return writer.take();
}
