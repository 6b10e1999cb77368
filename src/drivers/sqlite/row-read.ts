import type { DatabaseSync } from 'node:sqlite';
import type { Item } from '../../model/item.ts';
import type { Reject } from '../../model/receipt.ts';
import type { TableShape } from '../../model/shape.ts';
import type { RowWriter } from '../../store/rows/row-writer.ts';
import type { SqliteValue } from './column-encoder.ts';
import type { RowEncoder, RowMisfit } from './row-encoder.ts';
import type { TableAccess } from './table-access.ts';

/** One reading of a table. */
export interface RowRead {
  readonly db: DatabaseSync;
  readonly item: Item;
  readonly path: string;
  readonly table: string;
  readonly from: TableShape;
  readonly as: TableShape;
  readonly access: TableAccess;
  readonly encoder: RowEncoder;
  /** Takes what cannot be carried. `row` has what the encoder's careful list selects, then the row number if there is one. */
  readonly refuse: (row: readonly SqliteValue[], found: RowMisfit) => Reject;
  readonly rejects: Reject[];
}

/** Writes a row of the careful list, or notes why it is left out. */
export function encodeCarefully(read: RowRead, row: readonly SqliteValue[], writer: RowWriter): void {
  const found = read.encoder.careful(row, writer);
  if (found) read.rejects.push(read.refuse(row, found));
}
