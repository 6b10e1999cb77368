import { createReadStream, constants } from 'node:fs';
import { mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { Blake3Hasher } from '@napi-rs/blake-hash';
import { nameToBytes } from '../../lib/byte-names.ts';
import { currentDirectory, openFlags, type Posix, type Stat } from '../../lib/posix.ts';
import type { BackupRecord } from '../../model/event.ts';
import type { Item } from '../../model/item.ts';
import { isDirectory } from './entry-item.ts';
import { isMissing, systemCode, targetError } from './fs-error.ts';
import { isDirectoryKey, rootKey, splitKey } from './keys.ts';
import { finished, startTar, tarOptions } from './tar.ts';
import { walk } from './walk.ts';
import type { Target } from './write-entry.ts';

/** What restore needs beside the archive. */
export interface BackupDetail {
  /** File beside the archive: keys that did not exist, each ended by NUL. */
  readonly absent: string;
  readonly absentDigest: string;
  readonly [key: string]: string;
}

/** Archives those of the items that exist with the system's tar, and lists those that do not. Directories above an
 *  item count as items: their attributes change, or they are made, when something is written in them. */
export async function backUp(
  target: Target,
  items: AsyncIterable<readonly Item[]>,
  path: string,
  signal: AbortSignal,
): Promise<BackupRecord> {
  const options = await tarOptions(signal);
  await mkdir(path, { recursive: true, mode: 0o700 });
  const files = await createFiles(resolve(path));
  try {
    const present = presentKeys(target, items, signal, (key) => absent.add(key));
    const absent = listWriter(files.absent);
    await writeArchive(target, present, files, options, signal);
    await absent.flush();
    await files.archive.sync();
    await files.absent.sync();
    await syncFolder(path);
    const archive = await digestFile(files.archivePath);
    const detail: BackupDetail = {
      absent: files.absentName,
      absentDigest: (await digestFile(files.absentPath)).digest,
    };
    return { path: files.archivePath, ...archive, detail };
  } catch (error) {
    await rm(files.archivePath, { force: true });
    await rm(files.absentPath, { force: true });
    throw signal.aborted ? error : targetError(error, 'back up', target.held.root, rootKey);
  } finally {
    await files.archive.close();
    await files.absent.close();
  }
}

interface BackupFiles {
  readonly archivePath: string;
  readonly absentPath: string;
  readonly absentName: string;
  readonly archive: FileHandle;
  readonly absent: FileHandle;
}

async function createFiles(folder: string): Promise<BackupFiles> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
  for (let attempt = 1; ; attempt++) {
    const name = attempt === 1 ? 'files' : `files-${attempt}`;
    const archivePath = join(folder, `${name}.tar`);
    const absentName = `${name}.absent`;
    const absentPath = join(folder, absentName);
    try {
      const archive = await open(archivePath, flags, 0o600);
      const absent = await open(absentPath, flags, 0o600);
      return { archivePath, absentPath, absentName, archive, absent };
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
    }
  }
}

async function writeArchive(
  target: Target,
  keys: AsyncIterable<string>,
  files: BackupFiles,
  options: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  // A target that does not exist yet has nothing to archive; tar still makes the empty archive.
  const root = openRoot(target);
  try {
    const tar = startTar(
      ['--create', '--format=posix', ...options, '--no-recursion', '--null', '--files-from=-'],
      root,
      'pipe',
      files.archive.fd,
      signal,
    );
    const done = finished(tar, `archive what stands in ${target.held.root}`);
    done.catch(() => {});
    await feed(keys, tar.stdin, done);
    await done;
  } finally {
    target.posix.close(root);
  }
}

function openRoot({ posix, held }: Target): number {
  try {
    return posix.openAt(held.rootFile(), '.', openFlags.directory);
  } catch (error) {
    if (!isMissing(error)) throw error;
    return posix.openAt(currentDirectory, '/', openFlags.root);
  }
}

async function feed(keys: AsyncIterable<string>, stdin: Writable | null, done: Promise<void>): Promise<void> {
  if (!stdin) throw new TypeError('tar was started without a pipe');
  // tar may end early; what it said then is the better error.
  stdin.on('error', () => {});
  const list = listOf((bytes) => (stdin.write(bytes) ? undefined : Promise.race([once(stdin, 'drain'), done])));
  for await (const key of keys) await list.add(`./${key === rootKey ? '' : key}`);
  await list.flush();
  stdin.end();
}

/** Keys of all entries to archive; those that do not exist go to `absent`. */
async function* presentKeys(
  target: Target,
  items: AsyncIterable<readonly Item[]>,
  signal: AbortSignal,
  absent: (key: string) => Promise<void> | undefined,
): AsyncGenerator<string, void, void> {
  const directories = new Set<string>();
  for await (const page of items) {
    signal.throwIfAborted();
    for (const item of page) {
      for (const member of item.members ?? [item]) {
        for (const key of [...newAncestors(member.key, directories), member.key]) {
          const there = lookUp(target, key);
          if (there === undefined || isDirectory(there) !== isDirectoryKey(key)) await absent(key);
          if (there === undefined) continue;
          if (isDirectory(there) && !isDirectoryKey(key)) yield* wholeTree(target, key);
          else yield isDirectory(there) ? key : key.replace(/\/$/, '');
        }
      }
    }
  }
}

const rememberedDirectories = 10_000;

/** Keys of the directories above an entry that were not asked about lately, topmost first. Naming one twice is
 *  harmless, so that memory stays bounded. */
function newAncestors(key: string, known: Set<string>): string[] {
  if (known.size > rememberedDirectories) known.clear();
  const found: string[] = [];
  let at = key;
  while (at !== rootKey) {
    at = splitKey(at).directory || rootKey;
    if (known.has(at)) break;
    known.add(at);
    found.unshift(at);
  }
  return found;
}

function lookUp({ posix, held }: Target, key: string): Stat | undefined {
  try {
    if (key === rootKey) return posix.stat(held.rootFile());
    const { directory, name } = splitKey(key);
    return posix.lookAt(held.get(directory), name);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw targetError(error, 'look at', held.root, key);
  }
}

/** A directory that a file is going to replace. */
function* wholeTree({ posix, held }: Target, key: string): Generator<string, void, void> {
  const { directory, name } = splitKey(key);
  const file = openDirectory(posix, held.get(directory), name);
  try {
    const entries = walk(posix, held.root, file, { owners: true, oneFileSystem: false }, () => {});
    for (const entry of entries) yield entry.key === rootKey ? `${key}/` : `${key}/${entry.key}`;
  } finally {
    posix.close(file);
  }
}

const openDirectory = (posix: Posix, parent: number, name: string): number =>
  posix.openAt(parent, name, openFlags.directory);

const flushBytes = 64 * 1024;

interface NameList {
  add(name: string): Promise<void>;
  flush(): Promise<void>;
}

/** Collects NUL-ended names into few writes. */
function listOf(write: (bytes: Uint8Array) => Promise<unknown> | undefined): NameList {
  let parts: Uint8Array[] = [];
  let size = 0;
  const self: NameList = {
    async flush(): Promise<void> {
      const bytes = Buffer.concat(parts);
      parts = [];
      size = 0;
      if (bytes.length > 0) await write(bytes);
    },
    async add(name: string): Promise<void> {
      const bytes = nameToBytes(`${name}\0`);
      parts.push(bytes);
      size += bytes.length;
      if (size >= flushBytes) await self.flush();
    },
  };
  return self;
}

const listWriter = (file: FileHandle): NameList => listOf((bytes) => file.writeFile(bytes));

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** BLAKE3 of the file's bytes in one go, so that `b3sum` gives the same. */
export async function digestFile(path: string): Promise<{ readonly bytes: number; readonly digest: string }> {
  const hasher = new Blake3Hasher();
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    hasher.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, digest: `b3:${hasher.digest('hex')}` };
}
