import type { StatementSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import type { Chunk, Item } from '../../model/item.ts';
import { RowWriter } from '../../store/rows/row-writer.ts';
import type { SqliteValue } from './column-encoder.ts';
import { readPages } from './read-pages.ts';
import type { RowEncoder } from './row-encoder.ts';
import { encodeCarefully, type RowRead } from './row-read.ts';
import { quoteName } from './sql-names.ts';
import { boundValue, highestRowid, keyCondition, lowestRowid, sliceRows } from './table-access.ts';
import type { TablePages } from './table-pages.ts';

const partBytes = 512 * 1024;

/** The rows of a chunk in parts of about 512 KiB, in the canonical form. The event loop turns between parts. With
 *  `pages`, from the file itself as far as that goes. */
export async function* readRows(
  read: RowRead,
  range: Chunk['range'],
  pages: TablePages | undefined,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  let low = range?.[0] && read.access.by === 'rowid' ? BigInt(range[0]) : lowestRowid;
  const high = range?.[1] && read.access.by === 'rowid' ? BigInt(range[1]) - 1n : highestRowid;
  if (pages) {
    const next = yield* readPages(read, pages, read.as, [low, high], partBytes, signal);
    if (next === undefined) return;
    low = next;
  }
  const writer = new RowWriter(partBytes);
  const steps = read.access.by === 'rowid' ? slices(read, writer, low, high) : wholeRows(read, writer, range);
  for (const _ of steps) {
    if (!writer.full) continue;
    yield writer.take();
    await setImmediate();
    signal.throwIfAborted();
  }
  if (writer.bytes > 0) yield writer.take();
}

/** Reads by row number, slice after slice, the quick way; a slice that this cannot carry is read again carefully. */
function* slices(read: RowRead, writer: RowWriter, low: bigint, last: bigint): Generator<void> {
  const { access, encoder, item } = read;
  if (access.by !== 'rowid') return;
  const alias = encoder.columns.indexOf(aliasName(item) ?? '');
  const quick = prepare(read, alias < 0 ? `${encoder.quickList}, ${access.rowid}` : encoder.quickList);
  let careful: StatementSync | undefined;
  let next = low;
  let limit = sliceRows(item.bytes / Math.max(1, item.rows ?? 1));
  while (next <= last) {
    const [bytes, rows] = [writer.bytes, writer.rows];
    let slice = encodeQuickly(quick, [next, last, limit], encoder, writer);
    let at = alias;
    if (!slice) {
      writer.rewind(bytes, rows);
      careful ??= prepare(read, `${encoder.carefulList}, ${access.rowid}`, 'bigints');
      slice = rowsOf(careful, [next, last, limit]);
      for (const row of slice) encodeCarefully(read, row, writer);
      at = -1;
    }
    const final = slice.at(-1);
    if (!final) return;
    next = BigInt(final.at(at) as number | bigint) + 1n;
    const done = slice.length < limit;
    limit = sliceRows((writer.bytes - bytes) / slice.length);
    yield;
    if (done) return;
  }
}

const aliasName = (item: Item): string | undefined =>
  item.shape?.columns.find((column) => column.identity !== undefined)?.name;

function prepare(read: RowRead, list: string, integers?: 'bigints'): StatementSync {
  const rowid = read.access.by === 'rowid' ? read.access.rowid : '';
  const statement = read.db.prepare(
    `SELECT ${list} FROM ${quoteName(read.table)} WHERE ${rowid} >= ? AND ${rowid} <= ? ORDER BY ${rowid} LIMIT ?`,
  );
  statement.setReturnArrays(true);
  if (integers) statement.setReadBigInts(true);
  return statement;
}

type SliceBounds = readonly [from: bigint, to: bigint, limit: number];

const rowsOf = (statement: StatementSync, bounds: SliceBounds): readonly SqliteValue[][] =>
  statement.all(...bounds) as unknown as SqliteValue[][];

/** The rows, or undefined when only a careful look can tell what they hold. */
function encodeQuickly(
  statement: StatementSync,
  bounds: SliceBounds,
  encoder: RowEncoder,
  writer: RowWriter,
): readonly SqliteValue[][] | undefined {
  let rows: readonly SqliteValue[][];
  try {
    rows = rowsOf(statement, bounds);
  } catch (error) {
    if (isOutOfRange(error)) return undefined;
    throw error;
  }
  for (const row of rows) {
    if (encoder.quick(row, writer) !== undefined) return undefined;
  }
  return rows;
}

/** An integer beyond 2^53, which node:sqlite gives as bigint only. */
const isOutOfRange = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_OUT_OF_RANGE';

/** Reads row after row in the key's order, carefully: tables without row numbers. */
function* wholeRows(read: RowRead, writer: RowWriter, range: Chunk['range']): Generator<void> {
  const key = read.access.by === 'key' ? read.access.columns : [];
  const conditions: string[] = [];
  const values: SqliteValue[] = [];
  for (const [side, operator] of [
    [0, '>='],
    [1, '<'],
  ] as const) {
    const bound = range?.[side];
    if (!bound) continue;
    conditions.push(keyCondition(key, operator));
    values.push(...(JSON.parse(bound) as string[]).map(boundValue));
  }
  const where = conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : '';
  const order = key.length > 0 ? ` ORDER BY ${key.map(quoteName).join(', ')}` : '';
  const statement = read.db.prepare(`SELECT ${read.encoder.carefulList} FROM ${quoteName(read.table)}${where}${order}`);
  statement.setReturnArrays(true);
  statement.setReadBigInts(true);
  for (const row of statement.iterate(...values)) {
    encodeCarefully(read, row as unknown as SqliteValue[], writer);
    yield;
  }
}
