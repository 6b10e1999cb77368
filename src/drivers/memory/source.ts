import { compareNames } from '../../lib/byte-names.ts';
import type { Chunk, Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { Reject } from '../../model/receipt.ts';
import { carriedColumns } from '../../model/shape.ts';
import { chunkHasher, noContent, pieceBytes } from '../../store/content-digest.ts';
import { createBucketDigest } from '../../store/rows/row-digest.ts';
import { keyColumns } from '../../store/rows/row-key.ts';
import type { Format, ItemDigest, Payload, RowPrint, Source } from '../../store/store.ts';
import { memoryFeed } from './feed.ts';
import { readMembers, readParts } from './read-file.ts';
import { digestRows, markedRows, reshape, rowKeys, shapeOf } from './rows.ts';
import type { Session } from './session.ts';
import type { Kept } from './space.ts';
import { takeView } from './view.ts';

const pageItems = 500;
const partBytes = 64 * 1024;

export function memorySource(session: Session): Source {
  const find = (item: Item): Kept => {
    const kept = session.items().get(item.key);
    if (kept) return kept;
    throw new MigrationError('item.changed', `${item.key} is no longer in the store.`, { where: item.key });
  };
  const rowsOf = (item: Item, as: Item, rejects: Reject[] = []) => reshape(find(item).rows ?? [], item, as, rejects);

  return {
    /** A space is a tree or a database by what is in it; an empty one may become either. */
    get offers(): readonly Format[] {
      const kinds = new Set([...session.items().values()].map(({ item }) => (item.entry ? 'entry' : 'table')));
      const tree: Format[] = kinds.has('entry') || kinds.size === 0 ? ['bytes', 'members'] : [];
      const database: Format[] = kinds.has('table') || kinds.size === 0 ? ['rows'] : [];
      return [...tree, ...database, 'nothing'];
    },

    async *list(_report, signal) {
      const items = [...session.items().values()].map(({ item }) => item);
      items.sort((a, b) => compareNames(a.key, b.key));
      for (let at = 0; at < items.length; at += pageItems) {
        signal.throwIfAborted();
        yield items.slice(at, at + pageItems);
      }
    },

    async *split(item, targetBytes, signal) {
      signal.throwIfAborted();
      if (item.kind === 'table') yield* splitRowsOf(find(item), targetBytes);
      else if (item.kind === 'file') yield* splitBytes(item, targetBytes);
    },

    async read(chunk, item, as, format, signal): Promise<Payload> {
      signal.throwIfAborted();
      const rejects: Reject[] = [];
      switch (format) {
        case 'bytes':
          return { format, parts: readParts(find(item), item, rangeOf(chunk, item.bytes), signal), rejects };
        case 'members':
          return { format, parts: readMembers(session.items(), item.members ?? [], rejects, signal), rejects };
        case 'rows':
          return { format, parts: inParts(chosen(find(item), chunk, item), item, as, rejects, signal), rejects };
        case 'nothing':
          throw new TypeError(`${item.key} has no content to read`);
      }
    },

    snapshot: async (at) => takeView(session, at),

    feed: memoryFeed(session),

    look: async (item) => session.items().get(item.key)?.item,

    async digest(item, as, signal): Promise<ItemDigest> {
      signal.throwIfAborted();
      if (item.kind === 'table') return digestRows(rowsOf(item, as), shapeOf(as));
      if (item.kind !== 'file') return { rows: 0, bytes: 0, digest: noContent };
      const { item: now, parts = [] } = find(item);
      const hasher = chunkHasher(0, now.bytes);
      for (const part of parts) hasher.update(part);
      return { rows: 0, bytes: now.bytes, digest: hasher.digest() };
    },

    async bucketDigests(item, as, buckets, signal) {
      signal.throwIfAborted();
      const shape = shapeOf(as);
      const digest = createBucketDigest(carriedColumns(shape).length, keyColumns(shape), buckets);
      for (const row of rowsOf(item, as)) digest.update(row);
      return digest.result();
    },

    async *rowPrints(item, as, buckets, wanted, signal) {
      const marked = markedRows(rowsOf(item, as), shapeOf(as), buckets).filter(({ bucket }) => wanted.has(bucket));
      for (let at = 0; at < marked.length; at += pageItems) {
        signal.throwIfAborted();
        yield marked.slice(at, at + pageItems).map(({ key, hash }): RowPrint => ({ key, hash }));
      }
    },
  };
}

/** A file is cut where its digest can be composed; see content-digest.ts. */
function* splitBytes(item: Item, targetBytes: number): Generator<Chunk> {
  const step = item.bytes <= targetBytes ? Math.max(1, item.bytes) : pieceBytes;
  for (let from = 0; from < item.bytes; from += step) {
    const to = Math.min(from + step, item.bytes);
    yield { id: `${from}-${to}`, bytes: to - from, range: [String(from), String(to)] };
  }
}

function* splitRowsOf({ rows = [] }: Kept, targetBytes: number): Generator<Chunk> {
  let from = 0;
  let bytes = 0;
  for (const [index, row] of rows.entries()) {
    bytes += row.length;
    const to = index + 1;
    if (bytes < targetBytes && to < rows.length) continue;
    yield { id: `${from}-${to}`, bytes, rows: to - from, range: [String(from), String(to)] };
    from = to;
    bytes = 0;
  }
}

function rangeOf(chunk: Chunk, end: number): readonly [number, number] {
  const [from, to] = chunk.range ?? ['0', String(end)];
  return [Number(from), Number(to)];
}

/** The chunk's rows: those of its keys, or those at its places. */
function chosen({ rows = [] }: Kept, chunk: Chunk, item: Item): readonly Uint8Array[] {
  if (!chunk.keys) return rows.slice(...rangeOf(chunk, rows.length));
  const wanted = new Set(chunk.keys);
  const keys = rowKeys(rows, shapeOf(item));
  return rows.filter((_, i) => wanted.has(keys[i] ?? ''));
}

async function* inParts(
  rows: readonly Uint8Array[],
  item: Item,
  as: Item,
  rejects: Reject[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let part: Uint8Array[] = [];
  let bytes = 0;
  for (const row of reshape(rows, item, as, rejects)) {
    part.push(row);
    bytes += row.length;
    if (bytes < partBytes) continue;
    signal.throwIfAborted();
    yield Buffer.concat(part);
    part = [];
    bytes = 0;
  }
  signal.throwIfAborted();
  if (part.length > 0) yield Buffer.concat(part);
}
