import { isUtf8 } from 'node:buffer';
import { carriedColumns, type TableShape } from '../../model/shape.ts';
import type { RowWriter } from '../../store/rows/row-writer.ts';
import {
  brokenText,
  createColumnEncoder,
  doubtful,
  type ColumnEncoder,
  type Misfit,
  type SqliteValue,
} from './column-encoder.ts';
import type { DateMeaning } from './options.ts';
import { quoteName } from './sql-names.ts';

/** Turns rows of SQLite's values into the canonical form. `quick` takes values as node:sqlite reads them fastest;
 *  `careful` takes integers as bigints and, behind the columns, the bytes of every text. */
export interface RowEncoder {
  /** Names of the columns to select, in the order in which `encode` wants them. */
  readonly columns: readonly string[];
  /** Select lists for both ways. */
  readonly quickList: string;
  readonly carefulList: string;
  /** Writes the row, or cancels it and tells why. `doubtful` means that only `careful` can tell. */
  quick(row: readonly SqliteValue[], to: RowWriter): RowMisfit | undefined;
  careful(row: readonly SqliteValue[], to: RowWriter): RowMisfit | undefined;
}

export interface RowMisfit {
  readonly misfit: Misfit;
  readonly column: string;
  readonly position: number;
}

/** `from` is the table as it is here, `as` as the target has it: columns correspond by position, and those that the
 *  target computes itself are left out. */
export function createRowEncoder(from: TableShape, as: TableShape, dates: DateMeaning): RowEncoder {
  const carried = carriedColumns(as).map((column) => {
    const own = from.columns[as.columns.indexOf(column)];
    if (!own) throw new Error(`column ${column.name} of ${as.name} has no counterpart in ${from.name}`);
    return { column, name: own.name };
  });
  const columns = carried.map(({ name }) => name);
  const names = columns.map(quoteName);
  const textPositions = carried.flatMap(({ column }, i) => (/text|json|bytes/.test(column.type.kind) ? [i] : []));
  const proofs = textPositions.map((i) => `CASE typeof(${names[i]}) WHEN 'text' THEN CAST(${names[i]} AS BLOB) END`);
  const quickEncoders = carried.map(({ column }) => createColumnEncoder(column, dates, 'as read'));
  const carefulEncoders = carried.map(({ column }) => createColumnEncoder(column, dates, 'proven'));
  const failed = (position: number, misfit: Misfit): RowMisfit => ({
    misfit,
    column: columns[position] ?? '',
    position,
  });
  const list = (entries: readonly string[]): string => (entries.length > 0 ? entries.join(', ') : 'NULL');
  return {
    columns,
    quickList: list(names),
    carefulList: list([...names, ...proofs]),
    quick: (row, to) => encodeRow(quickEncoders, row, to, failed),
    careful(row, to) {
      for (const [i, position] of textPositions.entries()) {
        const bytes = row[names.length + i];
        if (bytes instanceof Uint8Array && !isUtf8(bytes)) return failed(position, brokenText);
      }
      return encodeRow(carefulEncoders, row, to, failed);
    },
  };
}

function encodeRow(
  encoders: readonly ColumnEncoder[],
  row: readonly SqliteValue[],
  to: RowWriter,
  failed: (position: number, misfit: Misfit) => RowMisfit,
): RowMisfit | undefined {
  to.beginRow(encoders.length);
  for (let i = 0; i < encoders.length; i++) {
    const misfit = encoders[i]?.(row[i] ?? null, to);
    if (misfit !== undefined) {
      to.cancelRow();
      return failed(i, misfit);
    }
  }
  return undefined;
}

export const isDoubtful = (found: RowMisfit): boolean => found.misfit === doubtful;
