import { setImmediate } from 'node:timers/promises';
import type { TableShape } from '../../model/shape.ts';
import { RowWriter } from '../../store/rows/row-writer.ts';
import type { SqliteValue } from './column-encoder.ts';
import { createPageTranscoder } from './page-transcoder.ts';
import { encodeCarefully, type RowRead } from './row-read.ts';
import { quoteName } from './sql-names.ts';
import { damaged, type LeafPage, type TablePages } from './table-pages.ts';

const batchBytes = 256 * 1024;
/** With more refused rows than these, SQLite's own way is faster. */
const refusedShare = 0.1;
const refusedAlways = 500;

/** Reads rows with numbers in [low, high] from the pages of the file. Returns the number from which on SQLite must read:
 *  at once when the columns are not plain, later when too many rows are not. Undefined when all is read. */
export async function* readPages(
  read: RowRead,
  pages: TablePages,
  as: TableShape,
  [low, high]: readonly [low: bigint, high: bigint],
  partBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, bigint | undefined, undefined> {
  const size = pages.page.bytes;
  const batchPages = Math.max(1, Math.floor(batchBytes / size));
  using transcoder = createPageTranscoder(read.from, as, pages.page, batchPages, partBytes);
  if (!transcoder) return low;
  const readRefused = createRefusedReader(read, partBytes);
  let [plain, odd] = [0, 0];
  for (const batch of batches(pages.leaves(low, high), batchPages)) {
    readBatch(pages, batch, transcoder.pages);
    for (const [i, { number }] of batch.entries()) {
      if (!transcoder.add(i * size, low, high)) throw damaged(read.path, number);
      if (transcoder.bytes < partBytes) continue;
      plain += transcoder.rows;
      yield transcoder.take();
      await setImmediate();
      signal.throwIfAborted();
    }
    const refused = transcoder.takeRefused();
    odd += refused.length;
    yield* readRefused(refused);
    if (odd > refusedAlways && odd > (plain + transcoder.rows + odd) * refusedShare) {
      if (transcoder.bytes > 0) yield transcoder.take();
      const highest = batch.at(-1)?.highest;
      return highest === undefined || highest >= high ? undefined : highest + 1n;
    }
  }
  if (transcoder.bytes > 0) yield transcoder.take();
  return undefined;
}

/** Reads single rows through SQLite. */
function createRefusedReader(read: RowRead, partBytes: number): (numbers: BigInt64Array) => Generator<Uint8Array> {
  const rowid = read.access.by === 'rowid' ? read.access.rowid : '';
  const statement = read.db.prepare(
    `SELECT ${read.encoder.carefulList}, ${rowid} FROM ${quoteName(read.table)} WHERE ${rowid} = ?`,
  );
  statement.setReturnArrays(true);
  statement.setReadBigInts(true);
  const writer = new RowWriter(partBytes);
  return function* (numbers) {
    for (const number of numbers) {
      const row = statement.get(number) as unknown as SqliteValue[] | undefined;
      if (row) encodeCarefully(read, row, writer);
      if (writer.full) yield writer.take();
    }
    if (writer.bytes > 0) yield writer.take();
  };
}

/** Pages that follow one another in the file are read at once. */
function readBatch(pages: TablePages, batch: readonly LeafPage[], to: Uint8Array): void {
  const size = pages.page.bytes;
  for (let i = 0; i < batch.length;) {
    const first = batch[i]?.number ?? 0;
    let count = 1;
    while (batch[i + count]?.number === first + count) count++;
    pages.read(first, count, to.subarray(i * size, (i + count) * size));
    i += count;
  }
}

function* batches(pages: Iterable<LeafPage>, size: number): Generator<LeafPage[]> {
  let batch: LeafPage[] = [];
  for (const page of pages) {
    batch.push(page);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
