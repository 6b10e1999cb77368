import { existsSync, realpathSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { DatabaseSync } from 'node:sqlite';
import { rowsDigest } from '../../model/digest.ts';
import type { Chunk, Item } from '../../model/item.ts';
import { carriedColumns, type TableShape } from '../../model/shape.ts';
import { createBucketDigest, createRowDigest, createRowMarker } from '../../store/rows/row-digest.ts';
import { createRowKey, keyColumns } from '../../store/rows/row-key.ts';
import { RowReader } from '../../store/rows/row-reader.ts';
import type { RowPrint, Source } from '../../store/store.ts';
import { readCatalogue } from './catalogue.ts';
import type { SqliteOptions } from './options.ts';
import { readKeys } from './read-keys.ts';
import { readRows } from './read-rows.ts';
import type { RowRead } from './row-read.ts';
import { createRowEncoder } from './row-encoder.ts';
import { createRefusal } from './row-refusal.ts';
import { takeSnapshot } from './snapshot.ts';
import { splitTable } from './split-table.ts';
import { inWords, sqliteError } from './sqlite-error.ts';
import { tableAccess } from './table-access.ts';
import { openTablePages, type TablePages } from './table-pages.ts';

const pageItems = 100;

/** `connect` gives the one connection of this store; it throws `source.missing` where there is no file. */
export function createSource(connect: () => DatabaseSync, path: string, options: SqliteOptions): Source {
  let held: string | undefined;

  /** Only while a snapshot is held, and outside of a write-ahead log, does the file itself hold still. */
  function pagesOf(read: RowRead): TablePages | undefined {
    if (!held?.startsWith('file:') || read.access.by !== 'rowid') return undefined;
    return openTablePages(read.db, realpathSync(path), read.table);
  }

  function prepareRead(item: Item, as: Item): RowRead {
    const shape = shapeOf(item);
    const db = connect();
    return {
      db,
      item,
      path,
      table: shape.name,
      from: shape,
      as: shapeOf(as),
      access: tableAccess(db, shape.name),
      encoder: createRowEncoder(shape, shapeOf(as), options.dates),
      refuse: createRefusal(item, shapeOf(as), options.dates),
      rejects: [],
    };
  }

  /** `way`: through SQLite alone, or from the file as far as that goes. */
  async function* partsOf(item: Item, as: Item, way: 'sqlite' | 'file', signal: AbortSignal) {
    const read = inWords(path, () => prepareRead(item, as));
    yield* worded(readRows(read, undefined, way === 'file' ? pagesOf(read) : undefined, signal), path);
  }

  return {
    offers: ['rows', 'nothing'],
    async *list(report) {
      if (!existsSync(path)) return; // a target that is yet to be made
      const items = inWords(path, () => readCatalogue(connect(), options, report));
      for (let i = 0; i < items.length; i += pageItems) yield items.slice(i, i + pageItems);
    },
    async *split(item, targetBytes, signal) {
      if (item.kind !== 'table') return;
      const db = connect();
      const { name } = shapeOf(item);
      const chunks = inWords(path, () => splitTable(db, name, tableAccess(db, name), item, targetBytes));
      for (const chunk of wordedSync(chunks, path)) {
        yield chunk;
        await setImmediate();
        signal.throwIfAborted();
      }
    },
    async read(chunk: Chunk, item: Item, as: Item, _format, signal) {
      const read = inWords(path, () => prepareRead(item, as));
      const parts = chunk.keys
        ? readKeys(read, as, chunk.keys, signal)
        : readRows(read, chunk.range, pagesOf(read), signal);
      return { format: 'rows', parts: worded(parts, path), rejects: read.rejects };
    },
    async snapshot(at, signal) {
      const db = connect();
      try {
        const snapshot = await takeSnapshot(db, path, at, signal);
        held = snapshot.position;
        return {
          position: snapshot.position,
          async [Symbol.asyncDispose]() {
            held = undefined;
            await snapshot[Symbol.asyncDispose]();
          },
        };
      } catch (error) {
        throw sqliteError(error, path);
      }
    },
    // Through SQLite alone: it proves what was read from the file.
    async digest(item, as, signal) {
      const digest = createRowDigest(carriedColumns(shapeOf(as)).length);
      let bytes = 0;
      for await (const part of partsOf(item, as, 'sqlite', signal)) {
        digest.update(part);
        bytes += part.length;
      }
      return { rows: digest.rows, bytes, digest: rowsDigest(digest.sum) };
    },
    async bucketDigests(item, as, buckets, signal) {
      const shape = shapeOf(as);
      const digest = createBucketDigest(carriedColumns(shape).length, keyColumns(shape), buckets);
      for await (const part of partsOf(item, as, 'file', signal)) digest.update(part);
      return digest.result();
    },
    async *rowPrints(item, as, buckets, wanted, signal) {
      const shape = shapeOf(as);
      const columns = carriedColumns(shape).length;
      const marker = createRowMarker(columns, keyColumns(shape));
      const keyOf = createRowKey(shape);
      const reader = new RowReader(columns);
      for await (const part of partsOf(item, as, 'file', signal)) {
        const marks = marker.mark(part);
        const prints: RowPrint[] = [];
        for (let i = 0; i < marks.rows; i++) {
          if (!wanted.has(marks.bucket(i, buckets))) continue;
          reader.open(part, marks.offset(i)).next();
          prints.push({ key: keyOf(reader, marks.hash(i)), hash: marks.hash(i) });
        }
        if (prints.length > 0) yield prints;
      }
    },
  };
}

export function shapeOf(item: Item): TableShape {
  if (!item.shape) throw new TypeError(`${item.key} has no table shape`);
  return item.shape;
}

async function* worded<T>(parts: AsyncIterable<T>, path: string): AsyncGenerator<T, void, undefined> {
  try {
    yield* parts;
  } catch (error) {
    throw sqliteError(error, path);
  }
}

function* wordedSync<T>(parts: Iterable<T>, path: string): Generator<T, void, undefined> {
  try {
    yield* parts;
  } catch (error) {
    throw sqliteError(error, path);
  }
}
