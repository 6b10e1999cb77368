import type { Item } from '../../model/item.ts';
import type { Reject } from '../../model/receipt.ts';
import { carriedColumns, type TableShape } from '../../model/shape.ts';
import { keyColumns } from '../../store/rows/row-key.ts';
import { fieldText, RowReader } from '../../store/rows/row-reader.ts';
import { RowWriter } from '../../store/rows/row-writer.ts';
import { createColumnEncoder, type SqliteValue } from './column-encoder.ts';
import type { DateMeaning } from './options.ts';
import type { RowMisfit } from './row-encoder.ts';

/** Names a row that cannot be carried by its key; by its row number (`["rowid 17"]`) where it has no usable key. */
export function createRefusal(
  item: Item,
  as: TableShape,
  dates: DateMeaning,
): (row: readonly SqliteValue[], found: RowMisfit) => Reject {
  const keyOf = createKeyText(as, dates);
  return (row, { misfit, column }) => {
    const number = row.at(-1);
    const key = keyOf(row) ?? JSON.stringify([typeof number === 'bigint' ? `rowid ${number}` : 'unknown']);
    return { item: item.key, key, column, code: misfit.code, reason: misfit.reason };
  };
}

/** The canonical key of a row of SQLite's values, or undefined when it has none. */
export function createKeyText(as: TableShape, dates: DateMeaning): (row: readonly SqliteValue[]) => string | undefined {
  const carried = carriedColumns(as);
  const key = keyColumns(as).flatMap((position) => {
    const column = carried[position];
    return column ? [{ position, type: column.type, encode: createColumnEncoder(column, dates, 'proven') }] : [];
  });
  const writer = new RowWriter(1024);
  return (row) => {
    if (key.length === 0) return undefined;
    writer.rewind(0, 0);
    writer.beginRow(key.length);
    for (const { position, encode } of key) if (encode(row[position] ?? null, writer)) return undefined;
    const reader = new RowReader(key.length).open(writer.take());
    reader.next();
    return JSON.stringify(
      key.map(({ type }, i) => {
        const field = reader.field(i);
        return field === null ? null : fieldText(type, field);
      }),
    );
  };
}
