import type { Posix } from '../../lib/posix.ts';
import type { Chunk, Item } from '../../model/item.ts';
import type { Reject } from '../../model/receipt.ts';
import { noContent, pieceBytes } from '../../store/content-digest.ts';
import type { Pair } from '../../store/compare-listings.ts';
import type { Differing, ItemDigest, Payload, Source } from '../../store/store.ts';
import { bufferPool } from './buffer-pool.ts';
import { entryItem } from './entry-item.ts';
import { sourceError, systemCode } from './fs-error.ts';
import type { HeldDirectories } from './held-directories.ts';
import { digestFile, readChunk } from './read-file.ts';
import { readMembers } from './read-members.ts';
import { differing, type EqualCount, type Tree } from './differing.ts';
import type { Report, WalkOptions } from './entry-reader.ts';
import { walk } from './walk.ts';

const pageItems = 1024;
const partBytes = 1024 * 1024;
const batchBytes = 4 * 1024 * 1024;

/** Finds a folder's insides again behind whatever wraps its source (store/overlay.ts). */
const folder = Symbol('folder');

interface Folder {
  readonly owners: boolean;
  readonly oneFileSystem: boolean;
  /** Throws `item.unreadable`; undefined when there is none. */
  open(): Tree | undefined;
}

interface FolderSource extends Source {
  readonly [folder]?: Folder;
}

/** `only` narrows the tree to one file of the root directory. */
export function fsSource(posix: Posix, held: HeldDirectories, options: WalkOptions, only?: string): FolderSource {
  const parts = bufferPool(posix, partBytes);
  const batches = bufferPool(posix, batchBytes);

  return {
    offers: ['bytes', 'members', 'nothing'],

    async *list(report, signal) {
      let page: Item[] = [];
      for (const item of entries(report)) {
        page.push(item);
        if (page.length < pageItems) continue;
        signal.throwIfAborted();
        yield page;
        page = [];
      }
      signal.throwIfAborted();
      if (page.length > 0) yield page;
    },

    ...(only === undefined &&
      ({
        [folder]: { ...options, open: openTree },

        differing(target: FolderSource, since, report, signal) {
          const other = target[folder];
          // Owners that one of the two leaves out differ everywhere.
          if (!other || other.owners !== options.owners || other.oneFileSystem !== options.oneFileSystem)
            return undefined;
          return inPages(
            (equal) => differing(posix, openTree(), other.open(), { ...options, since }, equal, report),
            signal,
          );
        },
      } satisfies Partial<FolderSource>)),

    async *split(item, targetBytes) {
      if (item.kind !== 'file' || item.bytes === 0) return;
      const step = item.bytes <= targetBytes ? item.bytes : pieceBytes;
      for (let from = 0; from < item.bytes; from += step) yield chunkOf(from, Math.min(from + step, item.bytes));
    },

    async read(chunk, item, _as, format, signal): Promise<Payload> {
      const rejects: Reject[] = [];
      if (format === 'members') {
        const reader = { posix, held, pool: batches, options };
        return { format, parts: readMembers(reader, item.members ?? [], rejects, signal), rejects };
      }
      if (format !== 'bytes') throw new TypeError(`a folder offers no ${format}`);
      return { format, parts: readChunk(posix, held, parts, item, chunk, signal), rejects };
    },

    async digest(item, _as, signal): Promise<ItemDigest> {
      if (item.kind !== 'file') return { rows: 0, bytes: 0, digest: noContent };
      return { rows: 0, ...digestFile(posix, held, parts, item.key, signal) };
    },
  };

  function openTree(): Tree | undefined {
    try {
      return { path: held.root, root: held.rootFile() };
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw sourceError(error, held.root, './');
    }
  }

  function* entries(report: Report): Generator<Item, void, void> {
    const tree = openTree();
    if (!tree) return;
    if (only === undefined) {
      yield* walk(posix, tree.path, tree.root, options, report);
    } else {
      const stat = posix.lookAt(tree.root, only);
      if (stat) yield entryItem(only, stat, options);
    }
  }
}

const pageEqualFiles = 16384;

async function* inPages(
  walkTrees: (equal: EqualCount) => Iterable<Pair>,
  signal: AbortSignal,
): AsyncGenerator<Differing> {
  const equal: EqualCount = { files: 0, bytes: 0 };
  let pairs: Pair[] = [];
  const page = (): Differing => {
    signal.throwIfAborted();
    const full = { pairs, equal: { ...equal } };
    pairs = [];
    equal.files = equal.bytes = 0;
    return full;
  };
  for (const pair of walkTrees(equal)) {
    pairs.push(pair);
    if (pairs.length >= pageItems || equal.files >= pageEqualFiles) yield page();
  }
  yield page();
}

const chunkOf = (from: number, to: number): Chunk => ({
  id: `${from}-${to}`,
  bytes: to - from,
  range: [String(from), String(to)],
});
