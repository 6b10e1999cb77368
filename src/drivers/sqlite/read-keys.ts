import type { Item } from '../../model/item.ts';
import { carriedColumns } from '../../model/shape.ts';
import { createRowMarker } from '../../store/rows/row-digest.ts';
import { createRowKey, keyColumns } from '../../store/rows/row-key.ts';
import { RowReader } from '../../store/rows/row-reader.ts';
import { RowWriter } from '../../store/rows/row-writer.ts';
import type { SqliteValue } from './column-encoder.ts';
import { readRows } from './read-rows.ts';
import type { RowRead } from './row-read.ts';
import { quoteName } from './sql-names.ts';

/** The rows of the given canonical keys. Keys of numbers and texts are looked up; what is not found that way (other
 *  types have more than one spelling in SQLite) is found by reading the table. */
export async function* readKeys(
  read: RowRead,
  as: Item,
  keys: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const left = new Set(keys);
  if (isLookedUp(as)) {
    for (const part of lookUp(read, as, left)) {
      yield part;
      signal.throwIfAborted();
    }
  }
  if (left.size > 0) yield* filter(read, as, left, signal);
}

function keyTypes(as: Item) {
  const shape = as.shape ?? { columns: [], primaryKey: [], name: '', unique: [] };
  const carried = carriedColumns(shape);
  return keyColumns(shape).map((position) => ({
    position,
    type: carried[position]?.type ?? { kind: 'text' as const },
  }));
}

const isLookedUp = (as: Item): boolean => {
  const types = keyTypes(as);
  return types.length > 0 && types.every(({ type }) => type.kind === 'integer' || type.kind === 'text');
};

/** Takes the keys it finds out of `left`. */
function* lookUp(read: RowRead, as: Item, left: Set<string>): Generator<Uint8Array> {
  const types = keyTypes(as);
  const conditions = types.map(({ position }) => `${quoteName(read.encoder.columns[position] ?? '')} IS ?`);
  const rowid = read.access.by === 'rowid' ? `, ${read.access.rowid}` : '';
  const statement = read.db.prepare(
    `SELECT ${read.encoder.carefulList}${rowid} FROM ${quoteName(read.table)} WHERE ${conditions.join(' AND ')}`,
  );
  statement.setReturnArrays(true);
  statement.setReadBigInts(true);
  const writer = new RowWriter();
  for (const key of left) {
    const parts = JSON.parse(key) as (string | null)[];
    const values = types.map(({ type }, i) => {
      const text = parts[i] ?? null;
      return text !== null && type.kind === 'integer' ? BigInt(text) : text;
    });
    const rows = statement.all(...values) as unknown as SqliteValue[][];
    if (rows.length === 0) continue;
    for (const row of rows) {
      const found = read.encoder.careful(row, writer);
      if (found) read.rejects.push(read.refuse(row, found));
    }
    left.delete(key);
    if (writer.full) yield writer.take();
  }
  if (writer.bytes > 0) yield writer.take();
}

async function* filter(
  read: RowRead,
  as: Item,
  wanted: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (!as.shape) return;
  const columns = carriedColumns(as.shape).length;
  const marker = createRowMarker(columns, keyColumns(as.shape));
  const keyOf = createRowKey(as.shape);
  const reader = new RowReader(columns);
  const rejects: RowRead['rejects'] = [];
  for await (const part of readRows({ ...read, rejects }, undefined, undefined, signal)) {
    const marks = marker.mark(part);
    const rows: Uint8Array[] = [];
    for (let i = 0; i < marks.rows; i++) {
      reader.open(part, marks.offset(i)).next();
      if (!wanted.has(keyOf(reader, marks.hash(i)))) continue;
      rows.push(part.subarray(marks.offset(i), i + 1 < marks.rows ? marks.offset(i + 1) : part.length));
    }
    if (rows.length > 0) yield Buffer.concat(rows);
  }
  read.rejects.push(...rejects.filter((reject) => wanted.has(reject.key)));
}
