import { readdirSync, readlinkSync, readSync, realpathSync, statSync } from 'node:fs';

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
  let names: string[];
  try {
    names = readdirSync('/proc/self/fd');
  } catch {
    return undefined;
  }
  for (const name of names) {
    try {
      if (readlinkSync(`/proc/self/fd/${name}`) !== path) continue;
      const content = Buffer.alloc(bytes);
      if (readSync(Number(name), content, 0, bytes, 0) === bytes) return content;
    } catch {
      // Closed meanwhile, or not to be read: another descriptor may do.
    }
  }
  return undefined;
}
