import { fileType, type Posix } from './posix.ts';

export interface EqualFilesOptions {
  /** User and group count. */
  readonly owners: boolean;
  /** Milliseconds since 1970: a first file whose status changed then or later is not taken for equal. */
  readonly since: number | undefined;
}

/** Bytes of the two files, or -1 when they are not plainly equal: regular, of one name each, the same permissions,
 *  size and modification time. Directories are open ones, names are addresses (RawListing.nameAddress). */
export type EqualFiles = (directory: number, name: number, otherDirectory: number, otherName: number) => number;

const statxBytes = 256;
/** 32-bit words of struct statx. */
const word = { links: 4, uid: 5, gid: 6, mode: 7, sizeLow: 10, sizeHigh: 11, ctime: 24, mtime: 28 } as const;

/** Compares without making a string or an object. */
export function createEqualFiles(posix: Posix, { owners, since }: EqualFilesOptions): EqualFiles {
  const memory = Buffer.allocUnsafeSlow(2 * statxBytes);
  const address = posix.addressOf(memory);
  const a = new Uint32Array(memory.buffer, memory.byteOffset, statxBytes / 4);
  const b = new Uint32Array(memory.buffer, memory.byteOffset + statxBytes, statxBytes / 4);
  const sinceSeconds = since === undefined ? Infinity : Math.floor(since / 1000);
  const sinceRest = since === undefined ? 0 : (since - sinceSeconds * 1000) * 1_000_000;

  const same = (index: number): boolean => a[index] === b[index];
  const get = (index: number): number => a[index] ?? 0;

  function isEqual(): boolean {
    // The upper half of the word that holds the mode is unused, and not necessarily zero.
    if ((get(word.mode) & fileType.mask) !== fileType.regular || get(word.links) !== 1) return false;
    if (((get(word.mode) ^ (b[word.mode] ?? 0)) & 0xffff) !== 0 || !same(word.links)) return false;
    if (!same(word.sizeLow) || !same(word.sizeHigh)) return false;
    if (!same(word.mtime) || !same(word.mtime + 1) || !same(word.mtime + 2)) return false;
    return !owners || (same(word.uid) && same(word.gid));
  }

  function isRecent(): boolean {
    const seconds = get(word.ctime) + (get(word.ctime + 1) | 0) * 2 ** 32;
    return seconds > sinceSeconds || (seconds === sinceSeconds && get(word.ctime + 2) >= sinceRest);
  }

  return (directory, name, otherDirectory, otherName) => {
    if (!posix.statRaw(directory, name, address)) return -1;
    if (!posix.statRaw(otherDirectory, otherName, address + statxBytes)) return -1;
    return isEqual() && !isRecent() ? get(word.sizeLow) + get(word.sizeHigh) * 2 ** 32 : -1;
  };
}
