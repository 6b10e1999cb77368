import { fileType, type Posix, type Stat } from '../../lib/posix.ts';
import type { Item } from '../../model/item.ts';
import type { Reject } from '../../model/receipt.ts';
import type { Member } from '../../store/store.ts';
import type { BufferPool } from './buffer-pool.ts';
import { entryItem, isRegular, isSameMoment, isUnchanged, type EntryOptions } from './entry-item.ts';
import { changed, sourceError } from './fs-error.ts';
import type { HeldDirectories } from './held-directories.ts';
import { splitKey } from './keys.ts';
import { openHeld, readSmall } from './read-file.ts';

const attempts = 3;
const membersPerPart = 1024;

export interface MemberReader {
  readonly posix: Posix;
  readonly held: HeldDirectories;
  readonly pool: BufferPool;
  readonly options: EntryOptions;
}

/** Reads small entries whole, in order; what a part holds is overwritten when the next is asked for. A file that
 *  changed since it was listed comes with its new attributes; what keeps changing, vanished or cannot be read goes to
 *  `rejects`, and the others go on. */
export async function* readMembers(
  reader: MemberReader,
  members: readonly Item[],
  rejects: Reject[],
  signal: AbortSignal,
): AsyncGenerator<readonly Member[], void, void> {
  const buffer = reader.pool.borrow();
  try {
    let part: Member[] = [];
    let used = 0;
    for (const item of members) {
      if (part.length > 0 && (part.length === membersPerPart || used + item.bytes >= buffer.length)) {
        signal.throwIfAborted();
        yield part;
        part = [];
        used = 0;
      }
      try {
        const member = item.kind === 'file' ? readFile(reader, item, buffer, used) : readOther(reader, item);
        if (member.bytes.buffer === buffer.buffer) used += member.bytes.length;
        part.push(member);
      } catch (error) {
        rejects.push(rejectOf(error, reader.held.root, item.key));
      }
    }
    signal.throwIfAborted();
    if (part.length > 0) yield part;
  } finally {
    reader.pool.giveBack(buffer);
  }
}

function rejectOf(error: unknown, root: string, key: string): Reject {
  const { code, message } = sourceError(error, root, key);
  return { item: key, key, code, reason: message };
}

const nothing = new Uint8Array();

function readFile(reader: MemberReader, item: Item, buffer: Buffer, at: number): Member {
  const { posix, held } = reader;
  const { directory, name } = splitKey(item.key);
  const file = openHeld(posix, held, directory, name);
  try {
    let before: Stat | undefined;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const size = before?.size ?? item.bytes;
      // One byte more than expected, so that growth shows.
      const target = at + size < buffer.length ? buffer : Buffer.allocUnsafeSlow(size + 1);
      const start = target === buffer ? at : 0;
      const length = readSmall(file, target, start, size + 1);
      const after = posix.stat(file);
      if (!isRegular(after)) throw changed(item.key, 'it is no longer a file');
      const unchanged = before ? isSameMoment(before, after) : isUnchanged(item, after);
      if (unchanged && length === size) {
        const bytes = new Uint8Array(target.buffer, target.byteOffset + start, length);
        const current = before ? entryItem(item.key, after, reader.options) : item;
        if (after.stored >= after.size) return { item: current, bytes };
        return { item: current, bytes, extents: extentsOf(posix, file, length) };
      }
      before = after;
    }
    throw changed(item.key, `it was written to during each of ${attempts} attempts to read it`);
  } finally {
    posix.close(file);
  }
}

function extentsOf(posix: Posix, file: number, size: number): readonly (readonly [number, number])[] {
  const extents: (readonly [number, number])[] = [];
  for (let at = 0; at < size;) {
    const data = posix.nextData(file, at);
    if (!data) break;
    at = Math.min(data[1], size);
    extents.push([data[0], at]);
  }
  return extents;
}

/** Links, directories and special files have no bytes; their attributes are taken as they are now. */
function readOther(reader: MemberReader, item: Item): Member {
  const { posix, held, options } = reader;
  if (item.key === './') return { item: entryItem(item.key, posix.stat(held.rootFile()), options), bytes: nothing };
  const { directory, name } = splitKey(item.key);
  const parent = held.get(directory);
  const stat = posix.statAt(parent, name);
  const linkTo = item.entry?.linkTo;
  if (linkTo !== undefined) return { item: entryItem(item.key, stat, options, { linkTo }), bytes: nothing };
  if ((stat.mode & fileType.mask) !== ((item.entry?.mode ?? 0) & fileType.mask)) {
    throw changed(item.key, 'it is of another kind now');
  }
  if (item.kind !== 'symlink') return { item: entryItem(item.key, stat, options), bytes: nothing };
  return { item: entryItem(item.key, stat, options, { target: posix.readLink(parent, name) }), bytes: nothing };
}
