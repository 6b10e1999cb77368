import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { nameFromBytes, printableName } from '../../lib/byte-names.ts';
import type { BackupRecord } from '../../model/event.ts';
import { MigrationError } from '../../model/migration-error.ts';
import { digestFile, type BackupDetail } from './backup.ts';
import { isMissing, systemCode, targetError } from './fs-error.ts';
import { isDirectoryKey, rootKey, splitKey } from './keys.ts';
import { finished, startTar, tarOptions } from './tar.ts';
import type { Target } from './write-entry.ts';

/** Verifies the backup, removes what did not exist when it was taken, and puts back the rest. A directory that holds
 *  entries which no run made is kept and named in the error, after all else is restored. */
export async function restoreBackup(target: Target, backup: BackupRecord, signal: AbortSignal): Promise<void> {
  const { held } = target;
  const detail = parseDetail(backup);
  const absentPath = join(dirname(backup.path), detail.absent);
  await verify(backup.path, backup.digest);
  await verify(absentPath, detail.absentDigest);
  const options = await tarOptions(signal);
  try {
    const kept = await removeAbsent(target, absentPath, signal);
    if (!kept.rootWasAbsent) await extract(target, backup.path, options, signal);
    await target.posix.syncFileSystem(held.rootFile(true));
    if (kept.directories.length > 0) throw stillUsed(kept.directories);
  } catch (error) {
    throw signal.aborted ? error : targetError(error, 'restore', held.root, rootKey);
  }
}

async function extract(
  target: Target,
  archive: string,
  options: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const known = options.filter((option) => option !== '--sparse');
  const owner = target.owners ? '--same-owner' : '--no-same-owner';
  const file = await open(archive);
  try {
    const args = ['--extract', '--preserve-permissions', owner, ...known];
    const tar = startTar(args, target.held.rootFile(true), file.fd, 'ignore', signal);
    await finished(tar, `restore ${target.held.root}`);
  } finally {
    await file.close();
  }
}

interface Kept {
  readonly directories: readonly string[];
  readonly rootWasAbsent: boolean;
}

/** Files first, in any order, then directories from the deepest up. */
async function removeAbsent(target: Target, list: string, signal: AbortSignal): Promise<Kept> {
  const { posix, held } = target;
  const directories: string[] = [];
  let rootWasAbsent = false;
  for await (const key of namesIn(list)) {
    signal.throwIfAborted();
    if (key === rootKey) rootWasAbsent = true;
    else if (isDirectoryKey(key)) directories.push(key);
    else remove(key, (parent, name) => posix.unlink(parent, name));
  }
  const used: string[] = [];
  for (const key of directories.sort((a, b) => depth(b) - depth(a))) {
    held.forget(key);
    try {
      remove(key, (parent, name) => posix.removeDirectory(parent, name));
    } catch (error) {
      if (systemCode(error) !== 'ENOTEMPTY') throw error;
      used.push(key);
    }
  }
  return { directories: used, rootWasAbsent };

  /** Only what is of the kind that was absent: anything else was there before, or came from elsewhere. */
  function remove(key: string, work: (parent: number, name: string) => void): void {
    const { directory, name } = splitKey(key);
    try {
      work(held.get(directory), name);
    } catch (error) {
      if (!isMissing(error) && systemCode(error) !== 'EISDIR') throw error;
    }
  }
}

const depth = (key: string): number => key.split('/').length;

async function* namesIn(path: string): AsyncGenerator<string, void, void> {
  let rest = Buffer.alloc(0);
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    const bytes = Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = bytes.indexOf(0, from); end >= 0; end = bytes.indexOf(0, from)) {
      yield nameFromBytes(bytes.subarray(from, end));
      from = end + 1;
    }
    rest = bytes.subarray(from);
  }
}

async function verify(path: string, digest: string): Promise<void> {
  let actual: string;
  try {
    actual = (await digestFile(path)).digest;
  } catch (cause) {
    throw new MigrationError('source.missing', `The backup ${path} cannot be read.`, {
      hint: 'Put the backup folder back where it was when the run was made.',
      cause,
    });
  }
  if (actual === digest) return;
  throw new MigrationError('verify.differs', `The backup ${path} is not as it was written.`, {
    hint: 'Nothing was restored. Use a copy of the backup that is whole.',
  });
}

function parseDetail({ detail, path }: BackupRecord): BackupDetail {
  if (typeof detail === 'object' && detail !== null && 'absent' in detail && 'absentDigest' in detail) {
    const { absent, absentDigest } = detail;
    if (typeof absent === 'string' && typeof absentDigest === 'string' && !absent.includes('/')) {
      return { absent, absentDigest };
    }
  }
  throw new MigrationError('store.unsupported', `${path} is not a backup of a folder.`);
}

const stillUsed = (keys: readonly string[]): MigrationError =>
  new MigrationError(
    'target.not-empty',
    `All is restored, but ${keys.length === 1 ? 'a directory' : `${keys.length} directories`} that did not exist before could not be removed, because other entries are in it: ${printableName(keys[0] ?? '')}.`,
    { hint: 'Move those entries away and restore again.', ...(keys[0] !== undefined && { where: keys[0] }) },
  );
