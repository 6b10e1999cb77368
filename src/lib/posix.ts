/** POSIX calls that Node lacks: everything relative to a held directory, nanosecond times, holes, syncfs. Linux only.
 *  All calls block (about 0.3 µs each above the kernel's own time): use them from worker threads. Names are byte-names
 *  (lib/byte-names.ts), one path component each. A failing call throws PosixError. */
import { constants } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { nameFromBytes, nameToBytes } from './byte-names.ts';

export class PosixError extends Error {
  /** `ENOENT` and so on, as in Node's own errors. */
  readonly code: string;
  readonly call: string;

  constructor(call: string, errno: number) {
    const code = getSystemErrorName(-errno);
    super(`${call}: ${code}`);
    this.name = 'PosixError';
    this.code = code;
    this.call = call;
  }
}

export interface Stat {
  /** st_mode with the type bits. */
  readonly mode: number;
  readonly links: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Bytes of storage in use; less than `size` where there are holes. */
  readonly stored: number;
  /** Decimal, for it may exceed 2^53. */
  readonly inode: string;
  /** Decimal nanoseconds since 1970. */
  readonly mtime: string;
  readonly ctime: string;
  /** dev_t of a device node. */
  readonly device: number;
  /** dev_t of the file system that holds the entry. */
  readonly fileSystem: number;
}

export interface DirectoryEntry {
  readonly name: string;
  /** DT_* of dirent.h; `entryType.unknown` where the file system does not say. */
  readonly type: number;
}

export const entryType = { unknown: 0, directory: 4, regular: 8 } as const;

export const openFlags = {
  read: constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY | 0o2000000,
  directory: constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW | 0o2000000,
  /** A directory named by its user, through symbolic links if need be. */
  root: constants.O_RDONLY | constants.O_DIRECTORY | 0o2000000,
  write: constants.O_RDWR | constants.O_NOFOLLOW | 0o2000000,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW | 0o2000000,
  /** A new file of the directory `.`, without a name until linkOpen(). */
  unnamed: constants.O_RDWR | constants.O_DIRECTORY | 0o20000000 | 0o2000000,
  /** Past the page cache: offset, length and memory must be multiples of `blockBytes`. */
  writeDirect: constants.O_WRONLY | constants.O_NOFOLLOW | 0o2000000 | constants.O_DIRECT,
} as const;

/** AT_FDCWD: names are then paths from the working directory. */
export const currentDirectory = -100;

export const fileType = {
  mask: constants.S_IFMT,
  regular: constants.S_IFREG,
  directory: constants.S_IFDIR,
  symlink: constants.S_IFLNK,
  fifo: constants.S_IFIFO,
  block: constants.S_IFBLK,
  character: constants.S_IFCHR,
  socket: constants.S_IFSOCK,
} as const;

/** What O_DIRECT asks alignment to, on every file system in use. */
export const blockBytes = 4096;

/** How rename treats what is there. */
export type RenameMode = 'replace' | 'keep' | 'exchange';
const renameFlags: Readonly<Record<RenameMode, number>> = { replace: 0, keep: 1, exchange: 2 };

const nameBytes = 4096;
const listingBytes = 256 * 1024;
const place = { first: 0, second: nameBytes, stat: 2 * nameBytes, times: 2 * nameBytes + 256, listing: 3 * nameBytes };
const notFollow = 0x100;
const follow = 0x400;
const noEntry = 2;
const removeDirectory = 0x200;
const effectiveAccess = 0x200;
const emptyPath = 0x1000;
const basicStats = 0x7ff;
const omitTime = 0x3ffffffe;

export type Posix = ReturnType<typeof load>;

let loaded: Posix | undefined;

/** Throws an Error naming the missing function where libc is not that of Linux. */
export const posix = (): Posix => (loaded ??= load());

function bind() {
  const libc = koffi.load(null);
  const int = (name: string, ...parameters: string[]): ((...args: (number | bigint)[]) => number) =>
    libc.func(name, 'int', parameters);
  // Addresses go as plain numbers (user space ends below 2^53): a pointer type would cost an object per call.
  return {
    openat: int('openat', 'int', 'int64', 'int', 'uint'),
    close: int('close', 'int'),
    statx: int('statx', 'int', 'int64', 'int', 'uint', 'int64'),
    getdents64: int('getdents64', 'int', 'int64', 'int64'),
    faccessat: int('faccessat', 'int', 'int64', 'int', 'int'),
    mkdirat: int('mkdirat', 'int', 'int64', 'uint'),
    unlinkat: int('unlinkat', 'int', 'int64', 'int'),
    renameat2: int('renameat2', 'int', 'int64', 'int', 'int64', 'uint'),
    linkat: int('linkat', 'int', 'int64', 'int', 'int64', 'int'),
    symlinkat: int('symlinkat', 'int64', 'int', 'int64'),
    readlinkat: int('readlinkat', 'int', 'int64', 'int64', 'int64'),
    mknodat: int('mknodat', 'int', 'int64', 'uint', 'int64'),
    fchown: int('fchown', 'int', 'uint', 'uint'),
    fchownat: int('fchownat', 'int', 'int64', 'uint', 'uint', 'int'),
    fchmod: int('fchmod', 'int', 'uint'),
    fchmodat: int('fchmodat', 'int', 'int64', 'uint', 'int'),
    futimens: int('futimens', 'int', 'int64'),
    utimensat: int('utimensat', 'int', 'int64', 'int64', 'int'),
    ftruncate: int('ftruncate', 'int', 'int64'),
    fallocate: int('fallocate', 'int', 'int', 'int64', 'int64'),
    lseek: libc.func('lseek', 'int64', ['int', 'int64', 'int']),
    sync_file_range: int('sync_file_range', 'int', 'int64', 'int64', 'uint'),
    syncfs: libc.func('syncfs', 'int', ['int']),
    flock: int('flock', 'int', 'int'),
  };
}

function load() {
  if (process.platform !== 'linux') throw new Error(`libc of ${process.platform} lacks statx and getdents64`);
  const libc = bind();
  const memory = Buffer.allocUnsafeSlow(place.listing + listingBytes);
  const base = Number(koffi.address(memory));
  const words = new Uint32Array(memory.buffer, memory.byteOffset + place.stat, 64);
  const times = new Int32Array(memory.buffer, memory.byteOffset + place.times, 8);
  const slots = [place.first, place.second].map((at) => new Uint8Array(memory.buffer, at, nameBytes)) as [
    Uint8Array,
    Uint8Array,
  ];
  const encoder = new TextEncoder();
  let linksOpen = true;

  const fail = (call: string): never => {
    throw new PosixError(call, koffi.errno());
  };
  const check = (call: string, result: number): number => (result < 0 ? fail(call) : result);

  /** Puts a name, NUL-terminated, where the call finds it. */
  function put(name: string, slot: 0 | 1 = 0): number {
    const into = slots[slot];
    let length: number;
    if (name.isWellFormed()) {
      const done = encoder.encodeInto(name, into);
      if (done.read < name.length) throw new PosixError('name', 36);
      length = done.written;
    } else {
      const bytes = nameToBytes(name);
      if (bytes.length >= nameBytes) throw new PosixError('name', 36);
      into.set(bytes);
      length = bytes.length;
    }
    if (length >= nameBytes) throw new PosixError('name', 36);
    if (name.includes('\0')) throw new PosixError('name', 22);
    into[length] = 0;
    return base + (slot === 0 ? place.first : place.second);
  }

  const wide = (index: number): number => word(index) + word(index + 1) * 2 ** 32;
  const word = (index: number): number => words[index] ?? 0;

  function parseStat(): Stat {
    const inodeHigh = word(9);
    return {
      mode: word(7) & 0xffff,
      links: word(4),
      uid: word(5),
      gid: word(6),
      size: wide(10),
      stored: wide(12) * 512,
      inode: inodeHigh < 2 ** 21 ? String(wide(8)) : String((BigInt(inodeHigh) << 32n) | BigInt(word(8))),
      mtime: nanoseconds(word(28), word(29) | 0, word(30)),
      ctime: nanoseconds(word(24), word(25) | 0, word(26)),
      device: makeDevice(word(32), word(33)),
      fileSystem: makeDevice(word(34), word(35)),
    };
  }

  function putTimes(mtime: string): number {
    const { seconds, rest } = splitNanoseconds(mtime);
    times.fill(0);
    times[2] = omitTime;
    times[4] = seconds | 0;
    times[5] = Math.floor(seconds / 2 ** 32);
    times[6] = rest;
    return base + place.times;
  }

  return {
    openAt(directory: number, name: string, flags: number, mode = 0): number {
      return check('openat', libc.openat(directory, put(name), flags, mode));
    },
    close(file: number): void {
      libc.close(file);
    },
    stat(file: number): Stat {
      words[32] = words[33] = 0;
      check('statx', libc.statx(file, put(''), emptyPath, basicStats, base + place.stat));
      return parseStat();
    },
    /** For listings of which no string is made (lib/raw-listing.ts): the name at an address, the 256 bytes of struct
     *  statx to another. False where that fails. */
    statRaw(directory: number, name: number, into: number): boolean {
      return libc.statx(directory, name, notFollow, basicStats, into) === 0;
    },
    /** Does not follow a symbolic link. */
    statAt(directory: number, name: string): Stat {
      check('statx', libc.statx(directory, put(name), notFollow, basicStats, base + place.stat));
      return parseStat();
    },
    /** The same, or undefined where there is nothing of this name. */
    lookAt(directory: number, name: string): Stat | undefined {
      if (libc.statx(directory, put(name), notFollow, basicStats, base + place.stat) === 0) return parseStat();
      const error = new PosixError('statx', koffi.errno());
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    },
    /** Throws where the effective user lacks a right; `rights` are Node's R_OK, W_OK and X_OK. */
    checkAccess(directory: number, path: string, rights: number): void {
      check('faccessat', libc.faccessat(directory, put(path), rights, effectiveAccess));
    },
    /** All entries but `.` and `..`, in the order of the file system. */
    readDirectory(directory: number): DirectoryEntry[] {
      const entries: DirectoryEntry[] = [];
      this.rewind(directory);
      for (;;) {
        const end = check('getdents64', libc.getdents64(directory, base + place.listing, listingBytes));
        if (end === 0) return entries;
        for (let at = place.listing; at < place.listing + end;) {
          const next = at + (memory[at + 16] ?? 0) + (memory[at + 17] ?? 0) * 256;
          const name = parseName(memory, at + 19);
          if (name !== '.' && name !== '..') entries.push({ name, type: memory[at + 18] ?? 0 });
          at = next;
        }
      }
    },
    /** The next entries as getdents64 gives them, to an address with room for `length` bytes. Gives the bytes used, 0 at
     *  the end. */
    readRaw(directory: number, into: number, length: number): number {
      return check('getdents64', libc.getdents64(directory, into, length));
    },
    /** Lets readRaw() begin again. */
    rewind(directory: number): void {
      check('lseek', libc.lseek(directory, 0, 0));
    },
    makeDirectory(directory: number, name: string, mode: number): void {
      check('mkdirat', libc.mkdirat(directory, put(name), mode));
    },
    unlink(directory: number, name: string): void {
      check('unlinkat', libc.unlinkat(directory, put(name), 0));
    },
    removeDirectory(directory: number, name: string): void {
      check('unlinkat', libc.unlinkat(directory, put(name), removeDirectory));
    },
    rename(directory: number, from: string, to: string, mode: RenameMode): void {
      check('renameat2', libc.renameat2(directory, put(from), directory, put(to, 1), renameFlags[mode]));
    },
    link(fromDirectory: number, from: string, directory: number, name: string): void {
      check('linkat', libc.linkat(fromDirectory, put(from), directory, put(name, 1), 0));
    },
    /** Gives an open file of no name its first one. Throws EEXIST where there is one of that name, and ENOENT where
     *  neither an open file can be linked nor /proc is there. */
    linkOpen(file: number, directory: number, name: string): void {
      if (linksOpen && libc.linkat(file, put(''), directory, put(name, 1), emptyPath) === 0) return;
      if (linksOpen && koffi.errno() !== noEntry) fail('linkat');
      // Without the right to link what is open, its name in /proc can be linked.
      linksOpen = false;
      const from = put(`/proc/self/fd/${file}`);
      check('linkat', libc.linkat(currentDirectory, from, directory, put(name, 1), follow));
    },
    symlink(target: string, directory: number, name: string): void {
      check('symlinkat', libc.symlinkat(put(target), directory, put(name, 1)));
    },
    readLink(directory: number, name: string): string {
      const length = check('readlinkat', libc.readlinkat(directory, put(name), base + place.listing, listingBytes));
      return nameFromBytes(memory.subarray(place.listing, place.listing + length));
    },
    /** `mode` with the type bits; the umask takes part. */
    makeNode(directory: number, name: string, mode: number, device: number): void {
      check('mknodat', libc.mknodat(directory, put(name), mode, device));
    },
    chown(file: number, uid: number, gid: number): void {
      check('fchown', libc.fchown(file, uid, gid));
    },
    chownAt(directory: number, name: string, uid: number, gid: number): void {
      check('fchownat', libc.fchownat(directory, put(name), uid, gid, notFollow));
    },
    chmod(file: number, mode: number): void {
      check('fchmod', libc.fchmod(file, mode & 0o7777));
    },
    chmodAt(directory: number, name: string, mode: number): void {
      check('fchmodat', libc.fchmodat(directory, put(name), mode & 0o7777, notFollow));
    },
    setModified(file: number, mtime: string): void {
      check('futimens', libc.futimens(file, putTimes(mtime)));
    },
    setModifiedAt(directory: number, name: string, mtime: string): void {
      check('utimensat', libc.utimensat(directory, put(name), putTimes(mtime), notFollow));
    },
    truncate(file: number, length: number): void {
      check('ftruncate', libc.ftruncate(file, length));
    },
    /** Reserves room so that a full disk is found now; does nothing where the file system cannot. */
    allocate(file: number, length: number): void {
      if (libc.fallocate(file, 0, 0, length) === 0) return;
      const error = new PosixError('fallocate', koffi.errno());
      if (error.code !== 'ENOTSUP' && error.code !== 'EINVAL') throw error;
    },
    /** False where the file system has no holes. */
    punchHole(file: number, from: number, to: number): boolean {
      if (libc.fallocate(file, 3, from, to - from) === 0) return true;
      const error = new PosixError('fallocate', koffi.errno());
      if (error.code === 'ENOTSUP') return false;
      throw error;
    },
    /** The next piece of data at or after `from`; undefined when only a hole is left. */
    nextData(file: number, from: number): readonly [from: number, to: number] | undefined {
      const start = libc.lseek(file, from, 3);
      if (start < 0) {
        const error = new PosixError('lseek', koffi.errno());
        if (error.code === 'ENXIO') return undefined;
        throw error;
      }
      return [start, check('lseek', libc.lseek(file, start, 4))];
    },
    /** Starts writing a range to the disk without waiting. A hint: failure is found by the sync that follows. */
    startWriteback(file: number, from: number, length: number): void {
      libc.sync_file_range(file, from, length, 2);
    },
    /** Makes everything written to the file system durable. The thread can go on meanwhile. */
    async syncFileSystem(file: number): Promise<void> {
      const result = await new Promise<number>((resolve, reject) => {
        libc.syncfs.async(file, (error: unknown, value: number) =>
          error ? reject(error instanceof Error ? error : new Error('syncfs')) : resolve(value),
        );
      });
      // errno belongs to the thread that made the call, so it is not known here.
      if (result < 0) throw new PosixError('syncfs', 5);
    },
    /** Holds an advisory lock on the open file while `work` runs; goes on without one where there are no locks. */
    locked<T>(file: number, work: () => T): T {
      libc.flock(file, 2);
      try {
        return work();
      } finally {
        libc.flock(file, 8);
      }
    },
    /** Memory whose address is a multiple of `blockBytes`. */
    alignedBuffer(length: number): Buffer {
      const raw = Buffer.allocUnsafeSlow(length + blockBytes);
      const skip = (blockBytes - Number(koffi.address(raw) % BigInt(blockBytes))) % blockBytes;
      return raw.subarray(skip, skip + length);
    },
    /** Good for as long as the bytes are referred to. */
    addressOf: (bytes: Uint8Array): number => Number(koffi.address(bytes)),
  };
}

/** The NUL-terminated name at `start`. */
export function parseName(memory: Buffer, start: number): string {
  let end = start;
  let seen = 0;
  for (let byte = memory[end] ?? 0; byte !== 0; byte = memory[++end] ?? 0) seen |= byte;
  return seen < 0x80 ? memory.toString('latin1', start, end) : nameFromBytes(memory.subarray(start, end));
}

function nanoseconds(low: number, high: number, rest: number): string {
  const seconds = high * 2 ** 32 + low;
  if (seconds > 0) return String(seconds) + String(rest).padStart(9, '0');
  return String(BigInt(seconds) * 1_000_000_000n + BigInt(rest));
}

function splitNanoseconds(text: string): { seconds: number; rest: number } {
  if (text.length > 9 && !text.startsWith('-')) {
    return { seconds: Number(text.slice(0, -9)), rest: Number(text.slice(-9)) };
  }
  const value = BigInt(text);
  const rest = ((value % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { seconds: Number((value - rest) / 1_000_000_000n), rest: Number(rest) };
}

/** glibc's makedev. */
const makeDevice = (major: number, minor: number): number =>
  Math.floor(major / 2 ** 12) * 2 ** 44 +
  (major & 0xfff) * 2 ** 8 +
  Math.floor(minor / 2 ** 8) * 2 ** 20 +
  (minor & 0xff);
