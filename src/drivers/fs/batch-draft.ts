import { readSync, writeSync } from 'node:fs';
import { openFlags, type Posix } from '../../lib/posix.ts';
import type { Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { Draft, DraftOptions, Member, Payload } from '../../store/store.ts';
import { occupied, systemCode, targetError } from './fs-error.ts';
import { draftName, rootKey, splitKey } from './keys.ts';
import {
  finishDirectory,
  isSameEntry,
  makeEntry,
  parentOf,
  putInPlace,
  removeLeftover,
  setAttributes,
  withWriteAccess,
  type Target,
} from './write-entry.ts';

const ticket = 'batch';

/** Small entries that share one chunk. All are written under temporary names, made durable by one sync of the file
 *  system, renamed into place, and made durable again: a power cut leaves each of them old or new, never cut short. */
export function batchDraft(target: Target, options: DraftOptions): Draft {
  const { posix, held } = target;
  return {
    ticket,
    published: false,

    async write(_chunk, payload, signal) {
      const written: Item[] = [];
      const directories: Item[] = [];
      let bytes = 0;
      try {
        for await (const members of membersOf(payload)) {
          signal.throwIfAborted();
          for (const member of members) {
            bytes += member.bytes.length;
            if (member.item.kind === 'directory') {
              directories.push(member.item);
            } else {
              naming(target, member.item, () => writeDraft(target, member, options, written.length));
              written.push(member.item);
            }
          }
        }
        if (written.some((item) => item.kind === 'file')) await sync(target);
        signal.throwIfAborted();
      } catch (error) {
        removeDrafts(target, written, options);
        throw error;
      }
      for (const [index, item] of written.entries()) {
        try {
          naming(target, item, () => place(target, item, options, index));
        } catch (error) {
          removeDrafts(target, written, options, index);
          throw error;
        }
      }
      for (const item of directories) naming(target, item, () => finishDirectory(target, item, options));
      await sync(target);
      return { bytes, rows: written.length + directories.length };
    },

    async publish() {
      // Every member became visible with its own rename.
    },

    async discard() {
      // Nothing is kept between writes.
    },

    async [Symbol.asyncDispose]() {
      // Holds nothing open.
    },
  };

  async function sync({ posix: system, held: directories }: Target): Promise<void> {
    try {
      await system.syncFileSystem(directories.rootFile(true));
    } catch (error) {
      throw targetError(error, 'make durable what was written to', held.root, rootKey);
    }
  }

  function removeDrafts(at: Target, items: readonly Item[], placing: DraftOptions, from = 0): void {
    // One more than was finished: the last may have been begun.
    for (let index = from; index <= items.length; index++) {
      const item = items[index] ?? items.at(-1);
      if (!item) return;
      try {
        removeLeftover(posix, at.held.get(splitKey(item.key).directory), draftName(placing.run, placing.step, index));
      } catch {
        // The failure that brought us here matters more; sweep() finds what is left.
      }
    }
  }
}

/** One link, special file or directory that comes alone and has no content. Publishing does the work, and repeating it
 *  changes nothing. */
export function entryDraft(target: Target, as: Item, options: DraftOptions): Draft {
  return {
    ticket: 'entry',
    published: false,
    async write() {
      throw new MigrationError('internal', `${as.key} has no content to write.`);
    },
    async publish() {
      naming(target, as, () => {
        if (as.kind === 'directory') {
          finishDirectory(target, as, options);
        } else {
          writeDraft(target, { item: as, bytes: new Uint8Array() }, options, 0);
          place(target, as, options, 0);
        }
      });
      try {
        await target.posix.syncFileSystem(target.held.rootFile());
      } catch (error) {
        throw targetError(error, 'make durable', target.held.root, as.key);
      }
    },
    async discard() {
      // Nothing exists before it is published.
    },
    async [Symbol.asyncDispose]() {
      // Holds nothing open.
    },
  };
}

/** Runs `work`, once more from the root if a directory on the way was removed since it was opened. */
function naming<T>(target: Target, item: Item, work: () => T): T {
  try {
    try {
      return work();
    } catch (error) {
      if (!['ENOENT', 'ESTALE'].includes(systemCode(error)) || item.key === rootKey) throw error;
      target.held.forget(splitKey(item.key).directory);
      return work();
    }
  } catch (error) {
    throw targetError(error, 'write', target.held.root, item.key);
  }
}

function writeDraft(target: Target, member: Member, options: DraftOptions, index: number): void {
  const { item } = member;
  const draft = draftName(options.run, options.step, index);
  const parent = parentOf(target, item.key, options);
  if (item.kind === 'file') {
    withWriteAccess(target, parent, () => writeFile(target, parent, draft, member));
  } else if (item.kind === 'symlink' || item.kind === 'special' || item.kind === 'hard-link') {
    withWriteAccess(target, parent, () => makeEntry(target, parent, draft, item));
  } else {
    throw new MigrationError('store.unsupported', `A folder cannot hold a ${item.kind}.`, { where: item.key });
  }
}

function writeFile(target: Target, parent: number, draft: string, { item, bytes, extents }: Member): void {
  const { posix } = target;
  const file = create(posix, parent, draft);
  try {
    if (extents) {
      posix.truncate(file, bytes.length);
      for (const [from, to] of extents) writeFully(file, bytes, from, to);
    } else {
      writeFully(file, bytes, 0, bytes.length);
    }
    if (item.entry) setAttributes(target, file, item.entry);
  } catch (error) {
    posix.unlink(parent, draft);
    throw error;
  } finally {
    posix.close(file);
  }
}

function create(posix: Posix, parent: number, draft: string): number {
  try {
    return posix.openAt(parent, draft, openFlags.create, 0o600);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    removeLeftover(posix, parent, draft);
    return posix.openAt(parent, draft, openFlags.create, 0o600);
  }
}

function writeFully(file: number, bytes: Uint8Array, from: number, to: number): void {
  for (let at = from; at < to;) at += writeSync(file, bytes, at, to - at, at);
}

/** Renames a draft into place. What already stands there is the same entry when an earlier life of this run came this
 *  far; anything else is not overwritten unless `into` says so. */
function place(target: Target, item: Item, options: DraftOptions, index: number): void {
  const { posix, held } = target;
  const parent = parentOf(target, item.key, options);
  const draft = draftName(options.run, options.step, index);
  try {
    withWriteAccess(target, parent, () => putInPlace(target, parent, draft, item, options.into));
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    if (!holdsSame(target, parent, draft, item)) throw occupied(held.root, item.key, 'exists already');
    removeLeftover(posix, parent, draft);
  }
}

function holdsSame(target: Target, parent: number, draft: string, item: Item): boolean {
  const { posix } = target;
  const { name } = splitKey(item.key);
  const there = posix.lookAt(parent, name);
  if (!there || !isSameEntry(target, parent, there, item)) return false;
  return item.kind !== 'file' || sameBytes(posix, parent, draft, name);
}

function sameBytes(posix: Posix, parent: number, a: string, b: string): boolean {
  const files: number[] = [];
  try {
    for (const name of [a, b]) files.push(posix.openAt(parent, name, openFlags.read));
    const [first, second] = files.map((file) => readWhole(file, posix.stat(file).size));
    return first !== undefined && second !== undefined && first.equals(second);
  } finally {
    for (const file of files) posix.close(file);
  }
}

function readWhole(file: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let done = 0;
  for (let length = -1; length !== 0 && done < size; done += length) {
    length = readSync(file, bytes, done, size - done, done);
  }
  return bytes.subarray(0, done);
}

function membersOf(payload: Payload): AsyncIterable<readonly Member[]> {
  if (payload.format === 'members') return payload.parts;
  throw new TypeError(`a batch takes members, not ${payload.format}`);
}
