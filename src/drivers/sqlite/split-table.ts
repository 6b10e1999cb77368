import type { DatabaseSync } from 'node:sqlite';
import type { Chunk, Item } from '../../model/item.ts';
import type { SqliteValue } from './column-encoder.ts';
import { quoteName } from './sql-names.ts';
import {
  boundText,
  boundValue,
  highestRowid,
  keyCondition,
  lowestRowid,
  rowidBounds,
  type TableAccess,
} from './table-access.ts';

/** A table larger than this is cut into several chunks even where they get smaller than asked for, so that workers can
 *  share it. */
const sharedBytes = 8 * 1024 * 1024;
const sharedChunks = 4;

export function* splitTable(
  db: DatabaseSync,
  table: string,
  access: TableAccess,
  item: Item,
  targetBytes: number,
): Generator<Chunk> {
  // The count is only for the sizes: whatever it is, the bounds cover the table.
  const rows = item.rows || Number(db.prepare(`SELECT count(*) AS n FROM ${quoteName(table)}`).get()?.['n']);
  if (!db.prepare(`SELECT 1 FROM ${quoteName(table)} LIMIT 1`).get()) return;
  const bytesPerRow = Math.max(1, item.bytes / Math.max(1, item.rows || rows));
  const bytes = rows * bytesPerRow;
  const chunks = Math.max(Math.ceil(bytes / targetBytes), bytes > sharedBytes ? sharedChunks : 1);
  const chunkRows = Math.ceil(rows / chunks);
  const chunk = (from: string, to: string, rowsInIt: number): Chunk => ({
    id: `${from}..${to}`,
    bytes: Math.round(rowsInIt * bytesPerRow),
    rows: rowsInIt,
    range: [from, to],
  });
  if (access.by === 'scan' || chunks === 1) {
    yield chunk('', '', rows);
    return;
  }
  let from = '';
  let left = rows;
  for (const to of access.by === 'rowid'
    ? rowidSteps(db, table, access.rowid, chunkRows, rows)
    : keyBounds(db, table, access.columns, chunkRows)) {
    yield chunk(from, to, chunkRows);
    left -= chunkRows;
    from = to;
  }
  yield chunk(from, '', Math.max(1, left));
}

/** The row numbers at which the second and every later chunk begins. */
function* rowidSteps(db: DatabaseSync, table: string, rowid: string, step: number, rows: number): Generator<string> {
  const next = db.prepare(
    `SELECT ${rowid} FROM ${quoteName(table)} WHERE ${rowid} >= ? AND ${rowid} <= ? ORDER BY ${rowid} LIMIT 1 OFFSET ?`,
  );
  next.setReturnArrays(true);
  next.setReadBigInts(true);
  const dense = denseBounds(db, table, rowid, rows);
  if (dense) {
    for (let from = dense.low + BigInt(step); from <= dense.high; from += BigInt(step)) yield String(from);
    return;
  }
  for (let from = lowestRowid; ;) {
    const found = next.get(from, highestRowid, step) as unknown as readonly [bigint] | undefined;
    if (!found) return;
    from = found[0];
    yield String(from);
  }
}

/** Where hardly a number is left out, bounds need no search. */
function denseBounds(
  db: DatabaseSync,
  table: string,
  rowid: string,
  rows: number,
): { readonly low: bigint; readonly high: bigint } | undefined {
  const { low, high } = rowidBounds(db, table, rowid);
  return high - low < BigInt(Math.ceil(rows * 1.02)) ? { low, high } : undefined;
}

function* keyBounds(db: DatabaseSync, table: string, columns: readonly string[], step: number): Generator<string> {
  const names = columns.map(quoteName).join(', ');
  const select = (condition: string) => {
    const statement = db.prepare(
      `SELECT ${names} FROM ${quoteName(table)} ${condition} ORDER BY ${names} LIMIT 1 OFFSET ${step}`,
    );
    statement.setReturnArrays(true);
    statement.setReadBigInts(true);
    return statement;
  };
  const first = select('');
  const next = select(`WHERE ${keyCondition(columns, '>=')}`);
  for (let from: string[] | undefined; ;) {
    const row = (from ? next.get(...from.map(boundValue)) : first.get()) as unknown as SqliteValue[] | undefined;
    if (!row) return;
    from = row.map(boundText);
    yield JSON.stringify(from);
  }
}
