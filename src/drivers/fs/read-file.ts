import { readSync } from 'node:fs';
import { openFlags, type Posix } from '../../lib/posix.ts';
import type { Chunk, Item } from '../../model/item.ts';
import type { Digest } from '../../model/digest.ts';
import { chunkHasher, hashBytes } from '../../store/content-digest.ts';
import type { FilePart } from '../../store/store.ts';
import type { BufferPool } from './buffer-pool.ts';
import { isRegular, isSameMoment, isUnchanged } from './entry-item.ts';
import { changed, isMissing, sourceError } from './fs-error.ts';
import type { HeldDirectories } from './held-directories.ts';
import { splitKey } from './keys.ts';

/** The pieces of data of one chunk, holes left out. Throws `item.changed` when the file is not, or no longer is, the
 *  one that was listed. A piece is overwritten when the next is asked for. */
export async function* readChunk(
  posix: Posix,
  held: HeldDirectories,
  pool: BufferPool,
  item: Item,
  chunk: Chunk,
  signal: AbortSignal,
): AsyncGenerator<FilePart, void, void> {
  const [from, to] = chunkRange(chunk);
  const file = openFile(posix, held, item.key);
  const buffer = pool.borrow();
  try {
    if (!isUnchanged(item, posix.stat(file))) throw changed(item.key, 'it is not as it was listed');
    for (const part of readRange(posix, file, buffer, from, to, item.entry?.sparse === true, item.key)) {
      signal.throwIfAborted();
      yield part;
    }
    if (!isUnchanged(item, posix.stat(file))) throw changed(item.key, 'it was written to while it was read');
  } catch (error) {
    throw signal.aborted ? error : sourceError(error, held.root, item.key);
  } finally {
    posix.close(file);
    pool.giveBack(buffer);
  }
}

/** The digest of a whole file as it is now. Throws `item.changed` when it is written to meanwhile. */
export function digestFile(
  posix: Posix,
  held: HeldDirectories,
  pool: BufferPool,
  key: string,
  signal: AbortSignal,
): { readonly bytes: number; readonly digest: Digest } {
  const file = openFile(posix, held, key);
  const buffer = pool.borrow();
  try {
    const before = posix.stat(file);
    const { size } = before;
    const sparse = before.stored < size;
    let digest: Digest;
    if (size <= buffer.length) {
      if (readSmall(file, buffer, 0, size) !== size) throw changed(key, 'it became shorter');
      digest = hashBytes(buffer.subarray(0, size));
    } else {
      const hasher = chunkHasher(0, size);
      for (const part of readRange(posix, file, buffer, 0, size, sparse, key)) {
        signal.throwIfAborted();
        hasher.update(part);
      }
      digest = hasher.digest();
    }
    if (!isSameMoment(before, posix.stat(file))) throw changed(key, 'it was written to while it was read');
    return { bytes: size, digest };
  } catch (error) {
    throw signal.aborted ? error : sourceError(error, held.root, key);
  } finally {
    posix.close(file);
    pool.giveBack(buffer);
  }
}

/** Opens a regular file, never through a symbolic link, and never waits for a FIFO that took its place. */
export function openFile(posix: Posix, held: HeldDirectories, key: string): number {
  const { directory, name } = splitKey(key);
  let file: number | undefined;
  try {
    file = openHeld(posix, held, directory, name);
    if (!isRegular(posix.stat(file))) throw changed(key, 'it is no longer a file');
    return file;
  } catch (error) {
    if (file !== undefined) posix.close(file);
    throw sourceError(error, held.root, key);
  }
}

/** Once more from the root when a directory on the way was replaced since it was opened. */
export function openHeld(posix: Posix, held: HeldDirectories, directory: string, name: string): number {
  try {
    return posix.openAt(held.get(directory), name, openFlags.read);
  } catch (error) {
    if (!isMissing(error)) throw error;
    held.forget(directory);
    return posix.openAt(held.get(directory), name, openFlags.read);
  }
}

function* readRange(
  posix: Posix,
  file: number,
  buffer: Buffer,
  from: number,
  to: number,
  sparse: boolean,
  key: string,
): Generator<FilePart, void, void> {
  for (let at = from; at < to;) {
    const [start, end] = sparse ? (posix.nextData(file, at) ?? [to, to]) : [at, to];
    for (at = start; at < Math.min(end, to);) {
      const wanted = Math.min(buffer.length, end - at, to - at);
      const length = readSync(file, buffer, 0, wanted, at);
      if (length === 0) throw changed(key, 'it became shorter');
      yield { offset: at, bytes: length === buffer.length ? buffer : buffer.subarray(0, length) };
      at += length;
    }
  }
}

/** Reads a small file from its beginning in one go. Less than `wanted` is the end of the file; callers compare what
 *  they got with its size, for a network file system may give less. */
export const readSmall = (file: number, buffer: Buffer, start: number, wanted: number): number =>
  wanted === 0 ? 0 : readSync(file, buffer, start, wanted, 0);

/** Byte bounds of a file's chunk. */
export function chunkRange(chunk: Chunk): readonly [from: number, to: number] {
  const [from, to] = (chunk.range ?? chunk.id.split('-')).map(Number);
  if (from === undefined || to === undefined || !(from >= 0) || !(to >= from)) {
    throw new TypeError(`chunk ${chunk.id} has no byte range`);
  }
  return [from, to];
}
