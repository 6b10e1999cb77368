import { compareNames } from '../../lib/byte-names.ts';
import { createEqualFiles, type EqualFiles } from '../../lib/equal-files.ts';
import { entryType, type DirectoryEntry, type Posix } from '../../lib/posix.ts';
import { RawListing } from '../../lib/raw-listing.ts';
import type { Item } from '../../model/item.ts';
import type { Pair } from '../../store/compare-listings.ts';
import { CompareAhead } from './compare-ahead.ts';
import { entryReader, sortedNames, withRoot, type EntryReader, type Report, type WalkOptions } from './entry-reader.ts';
import { isDraftName, rootKey } from './keys.ts';

/** An open tree. */
export interface Tree {
  readonly path: string;
  readonly root: number;
}

/** Grows while the trees are walked. */
export interface EqualCount {
  files: number;
  bytes: number;
}

export interface DifferingOptions extends WalkOptions {
  /** Milliseconds since 1970: a source file whose status changed then or later is handed out though it looks equal. */
  readonly since: number | undefined;
}

interface Side {
  readonly entries: EntryReader;
  readonly root: number;
  /** Of the directory entered last. */
  readonly listing: RawListing;
}

/** A directory that was opened, its entries in the side's listing; as names in order where the file
 *  system does not tell the types of entries. */
interface Opened {
  readonly file: number;
  readonly listing: readonly string[] | undefined;
}

/** One tree's part of a frame. */
interface Half {
  readonly file: number;
  /** Those that are not plainly equal, in byte order. */
  readonly names: readonly string[];
  next: number;
}

interface Frame {
  readonly prefix: string;
  readonly source: Half | undefined;
  readonly target: Half | undefined;
}

/** Walks two trees at once and gives what joining their walks would give, in the same order, without the files that are
 *  plainly equal: those cost two system calls each and are only counted. A tree that does not exist is undefined.
 *  Closes neither root. */
export function* differing(
  posix: Posix,
  source: Tree | undefined,
  target: Tree | undefined,
  options: DifferingOptions,
  equal: EqualCount,
  report: Report,
): Generator<Pair, void, void> {
  const equalFiles = createEqualFiles(posix, options);
  const a = source && openSide(posix, source, options, report);
  const b = target && openSide(posix, target, options, () => {});
  const stack: Frame[] = [];
  using ahead = new CompareAhead({ owners: options.owners, since: options.since });
  let files = 0;
  push('', a && { file: a.root, listing: read(a)(a.root) }, b && { file: b.root, listing: read(b)(b.root) });
  try {
    for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
      const next = take(frame);
      if (!next) {
        stack.pop();
        leave(frame);
        continue;
      }
      const { name, from, to } = next;
      const key = frame.prefix + name;
      let pair: Pair;
      if (isDraftName(name)) {
        if (from !== undefined) a?.entries.leftover(key);
        continue;
      } else if (key === rootKey) {
        pair = pairOf(a?.entries.root(), b?.entries.root());
      } else if (name.endsWith('/')) {
        const known = from === undefined || to === undefined ? undefined : compareAhead(frame, name, from, to);
        let { there, here } = enter(name, key, from, to, known === undefined);
        if (known && there?.opened && here?.opened) {
          equal.files += known.files;
          equal.bytes += known.bytes;
          posix.close(there.opened.file);
          posix.close(here.opened.file);
        } else {
          // It is no longer what the other thread saw: it has to be read after all.
          if (known) {
            for (const opened of [there?.opened, here?.opened]) if (opened) posix.close(opened.file);
            ({ there, here } = enter(name, key, from, to, true));
          }
          if (there?.opened || here?.opened) push(key, there?.opened, here?.opened);
        }
        pair = pairOf(there?.item, here?.item);
      } else {
        pair = pairOf(
          from === undefined ? undefined : a?.entries.look(from, name, key),
          to === undefined ? undefined : b?.entries.look(to, name, key),
        );
      }
      if (pair.source || pair.target) yield pair;
    }
  } finally {
    stack.forEach(leave);
  }

  function read(side: Side): (file: number) => readonly string[] | undefined {
    return (file) => {
      side.listing.read(file);
      return side.listing.hasTypes ? undefined : sortedNames(posix, file, everyEntry(side.listing));
    };
  }

  function enter(name: string, key: string, from: number | undefined, to: number | undefined, listed: boolean) {
    const open = (side: Side | undefined, parent: number | undefined) =>
      side && parent !== undefined
        ? side.entries.enter(parent, name.slice(0, -1), key, listed ? read(side) : () => undefined)
        : undefined;
    return { there: open(a, from), here: open(b, to) };
  }

  /** What another thread knows of a directory that both have; it is given those behind it to look at. */
  function compareAhead({ prefix, source: one, target: two }: Frame, name: string, from: number, to: number) {
    const known = ahead.settled(prefix, name);
    if (!known && ahead.wants(files)) {
      const there = new Set(two?.names.slice(two.next));
      const both = one?.names.slice(one.next).filter((next) => next.endsWith('/') && there.has(next));
      ahead.offer(prefix, from, to, both ?? []);
    }
    return known;
  }

  /** Directories whose raw listings have just been read. */
  function push(prefix: string, from: Opened | undefined, to: Opened | undefined): void {
    const comparable = from && to && !from.listing && !to.listing;
    if (comparable && a) files += a.listing.count;
    const rest =
      comparable && a && b ? sortOut(a.listing, from.file, b.listing, to.file, equalFiles, equal) : undefined;
    const half = (side: Side, { file, listing }: Opened, left = everyEntry(side.listing)): Half => {
      const names = listing ?? sortedNames(posix, file, left);
      return { file, names: prefix === '' ? withRoot(names) : names, next: 0 };
    };
    stack.push({
      prefix,
      source: a && from && half(a, from, rest?.source),
      target: b && to && half(b, to, rest?.target),
    });
  }

  function leave({ source: one, target: two }: Frame): void {
    if (one && one.file !== source?.root) posix.close(one.file);
    if (two && two.file !== target?.root) posix.close(two.file);
  }
}

function openSide(posix: Posix, { path, root }: Tree, options: WalkOptions, report: Report): Side {
  return { entries: entryReader(posix, path, root, options, report), root, listing: new RawListing(posix) };
}

/** The next name of a frame, with the directories that have it. */
function take({ source, target }: Frame) {
  const x = source?.names[source.next];
  const y = target?.names[target.next];
  if (x === undefined && y === undefined) return undefined;
  const order = x === y ? 0 : x === undefined ? 1 : y === undefined ? -1 : compareNames(x, y);
  if (source && order <= 0) source.next += 1;
  if (target && order >= 0) target.next += 1;
  return {
    name: (order <= 0 ? x : y) ?? '',
    from: order <= 0 ? source?.file : undefined,
    to: order >= 0 ? target?.file : undefined,
  };
}

/** Counts the files that are equal in two directories and gives the entries that are left on either side. */
function sortOut(
  source: RawListing,
  from: number,
  target: RawListing,
  to: number,
  equalFiles: EqualFiles,
  equal: EqualCount,
): { readonly source: DirectoryEntry[]; readonly target: DirectoryEntry[] } {
  const rest: DirectoryEntry[] = [];
  const settled = new Uint8Array(target.count);
  let guess = 0;
  for (let index = 0; index < source.count; index++) {
    if (source.type(index) === entryType.regular) {
      const other = target.find(source, index, guess);
      if (other >= 0) {
        guess = other + 1;
        // Names with a dot first may be drafts, which are told by their whole name.
        const plain = target.type(other) === entryType.regular && !source.startsWithDot(index);
        const bytes = plain ? equalFiles(from, source.nameAddress(index), to, target.nameAddress(other)) : -1;
        if (bytes >= 0) {
          settled[other] = 1;
          equal.files += 1;
          equal.bytes += bytes;
          continue;
        }
      }
    }
    rest.push(source.entry(index));
  }
  return { source: rest, target: everyEntry(target, (index) => settled[index] === 0) };
}

function everyEntry(listing: RawListing, wanted = (_index: number): boolean => true): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  for (let index = 0; index < listing.count; index++) if (wanted(index)) entries.push(listing.entry(index));
  return entries;
}

const pairOf = (source: Item | undefined, target: Item | undefined): Pair => ({
  ...(source && { source }),
  ...(target && { target }),
});
