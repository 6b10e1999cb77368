import { constants, readdirSync, readFileSync, readlinkSync, readSync, realpathSync, statSync } from 'node:fs';

/** Bytes of the first of the two copies of the wal-index header. */
const walIndexHeaderBytes = 48;
const databaseHeaderBytes = 100;

/** What identifies the committed content of a database file at this moment. The caller holds an open connection that
 *  has read: SQLite's own descriptors are used, because closing another one of the same file would drop the locks of
 *  all connections of this process. Where descriptors cannot be found (not Linux), size and times of the files tell. */
export function readPosition(path: string): string {
  const real = realpathSync(path);
  const header = readThroughOpenFile(real, databaseHeaderBytes);
  if (!header) return `stat:${fileTimes(real)}:${fileTimes(`${real}-wal`)}`;
  const writesAhead = header[18] === 2;
  const index = writesAhead ? readThroughOpenFile(`${real}-shm`, walIndexHeaderBytes * 2) : undefined;
  if (writesAhead && !index) return `stat:${fileTimes(real)}:${fileTimes(`${real}-wal`)}`;
  if (index && index.readUInt32LE(16) > 0) {
    // mxFrame, then the running checksum and the salts of the last commit.
    return `wal:${index.readUInt32LE(16)}:${index.subarray(24, 40).toString('hex')}`;
  }
  return `file:${header.readUInt32BE(24)}:${fileTimes(real)}`;
}

function fileTimes(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats ? `${stats.size}.${stats.mtimeNs}` : 'none';
}

/** The first bytes of a file that this process holds open, or undefined. */
function readThroughOpenFile(path: string, bytes: number): Buffer | undefined {
  const descriptor = findDescriptor(path);
  if (descriptor === undefined) return undefined;
  const content = Buffer.alloc(bytes);
  return readSync(descriptor, content, 0, bytes, 0) === bytes ? content : undefined;
}

/** A descriptor by which SQLite holds the file open. It stays open as long as any connection of this process holds a
 *  lock on the file. Undefined where descriptors cannot be listed (not Linux). */
export function findDescriptor(path: string): number | undefined {
  let names: string[];
  try {
    names = readdirSync('/proc/self/fd');
  } catch {
    return undefined;
  }
  return names.map(Number).find((descriptor) => isDescriptorOf(descriptor, path));
}

/** SQLite opens with O_NOFOLLOW and Node does not: a descriptor that somebody else may close at any time is passed by. */
export function isDescriptorOf(descriptor: number, path: string): boolean {
  try {
    if (readlinkSync(`/proc/self/fd/${descriptor}`) !== path) return false;
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1] ?? '0';
    return (Number.parseInt(flags, 8) & constants.O_NOFOLLOW) !== 0;
  } catch {
    return false;
  }
}
