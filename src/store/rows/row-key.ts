import { carriedColumns, type TableShape } from '../../model/shape.ts';
import { fieldText, type RowReader } from './row-reader.ts';

/** Positions of the primary key's columns among the carried columns, in key order. Empty where there is no key, or
 *  where the store computes a part of it. */
export function keyColumns(shape: TableShape): readonly number[] {
  const carried = carriedColumns(shape);
  const positions = shape.primaryKey.map((name) => carried.findIndex((column) => column.name === name));
  return positions.includes(-1) ? [] : positions;
}

/** The key of a row as differences and bills name it (docs/row-format.md). */
export function createRowKey(shape: TableShape): (row: RowReader, hash: bigint) => string {
  const carried = carriedColumns(shape);
  const columns = keyColumns(shape).map((position) => ({
    position,
    type: carried[position]?.type ?? ({ kind: 'text' } as const),
  }));
  if (columns.length === 0) return (_row, hash) => JSON.stringify([`#${hash.toString(16).padStart(16, '0')}`]);
  return (row) =>
    JSON.stringify(
      columns.map(({ position, type }) => {
        const field = row.field(position);
        return field === null ? null : fieldText(type, field);
      }),
    );
}
