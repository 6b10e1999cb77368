/** fs: folders and single files of this machine, names as bytes, nothing followed out of the root. */
import { constants, lstatSync, statSync, statfsSync, type Stats } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { nameToBytes, printableName } from '../../lib/byte-names.ts';
import { currentDirectory, posix, type Posix } from '../../lib/posix.ts';
import type { Address } from '../../model/address.ts';
import type { Finding } from '../../model/finding.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { Driver, Store } from '../../store/store.ts';
import { bufferPool } from './buffer-pool.ts';
import { systemCode } from './fs-error.ts';
import { HeldDirectories } from './held-directories.ts';
import { NewFiles } from './new-files.ts';
import { fsOptions } from './options.ts';
import { fsSink } from './sink.ts';
import { tarOptions } from './tar.ts';
import type { Target } from './write-entry.ts';
import { fsSource } from './source.ts';

/** What goes to the disk at once. */
const blockBytes = 1024 * 1024;

export const fsDriver: Driver = {
  scheme: 'file',
  title: 'Folders and files',
  options: fsOptions,
  example: './photos',
  local: true,

  async open(address, values, signal): Promise<Store> {
    signal.throwIfAborted();
    const options = fsOptions.parse(values);
    const calls = openPosix(address);
    const path = resolve(address.path);
    const isFile = look(path)?.isFile() === true;
    const held = new HeldDirectories(calls, isFile ? dirname(path) : path);
    const isRoot = process.geteuid?.() === 0;
    const owners = options.owners ?? isRoot;
    const walkOptions = { owners, oneFileSystem: options.oneFileSystem };
    return {
      address,
      source: fsSource(calls, held, walkOptions, isFile ? basename(path) : undefined),
      ...(!isFile && {
        sink: fsSink({
          posix: calls,
          held,
          buffers: bufferPool(calls, blockBytes),
          newFiles: new NewFiles(calls, owners),
          owners,
          isRoot,
        }),
      }),
      probe: async (role) =>
        role === 'source' ? probeSource(address, path) : probeTarget(address, path, { owners, isRoot }),
      async probeBackup(stop) {
        await tarOptions(stop);
      },
      async [Symbol.asyncDispose]() {
        held[Symbol.dispose]();
      },
    };
  },
};

function openPosix(address: Address): Posix {
  try {
    return posix();
  } catch (cause) {
    throw new MigrationError('store.unsupported', `Folders cannot be opened on this system (${process.platform}).`, {
      hint: 'Run Waybill on Linux (glibc 2.30, musl 1.2.5 or newer), or in a Linux container with the folder mounted.',
      where: address.text,
      cause,
    });
  }
}

const bytesOf = (path: string): Buffer => Buffer.from(nameToBytes(path));

function look(path: string): Stats | undefined {
  try {
    return statSync(bytesOf(path));
  } catch {
    return undefined;
  }
}

function probeSource(address: Address, path: string): Finding[] {
  let stats: Stats;
  try {
    stats = statSync(bytesOf(path));
    posix().checkAccess(currentDirectory, path, stats.isDirectory() ? constants.R_OK | constants.X_OK : constants.R_OK);
  } catch (cause) {
    if (systemCode(cause) === 'EACCES') {
      throw new MigrationError('store.denied', `${printableName(path)} cannot be read: permission denied.`, {
        hint: 'Run as a user who may read it.',
        where: address.text,
        cause,
      });
    }
    throw new MigrationError('source.missing', `There is no folder or file ${printableName(path)}.`, {
      hint: 'Check the path; a relative one counts from the working directory.',
      where: address.text,
      cause,
    });
  }
  if (stats.isDirectory() || stats.isFile()) return [];
  throw new MigrationError('source.missing', `${printableName(path)} is neither a folder nor a file.`, {
    where: address.text,
  });
}

function probeTarget(address: Address, path: string, { owners, isRoot }: Pick<Target, 'owners' | 'isRoot'>): Finding[] {
  const where = address.text;
  const findings: Finding[] = [];
  const there = look(path);
  if (there && !there.isDirectory()) {
    return [
      {
        level: 'error',
        code: 'store.unsupported',
        message: `${printableName(path)} is a file, and a target is a folder.`,
        hint: 'Name the folder that the entries go into.',
        where,
      },
    ];
  }
  const existing = nearestExisting(path);
  try {
    posix().checkAccess(currentDirectory, existing, constants.W_OK | constants.X_OK);
    const room = statfsSync(bytesOf(existing));
    const free = room.bavail * room.bsize;
    findings.push({
      level: 'info',
      code: 'store.room',
      message: `${gibibytes(free)} free at ${printableName(existing)}.`,
      where,
    });
  } catch (error) {
    findings.push({
      level: 'error',
      code: 'store.denied',
      message: `${printableName(existing)} cannot be written to (${systemCode(error)}).`,
      hint: 'Run as a user who may write there, or choose another target.',
      where,
    });
  }
  if (!isRoot) findings.push(ownersFinding(owners, where));
  return findings;
}

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

const ownersFinding = (owners: boolean, where: string): Finding => ({
  level: 'warning',
  code: 'entry.owners',
  message: owners
    ? 'Not root: owners that this user may not give files to are not carried.'
    : 'Not root: owners are not carried.',
  hint: 'Run as root to carry users and groups.',
  where,
});

/** The folder itself, or the nearest above it that exists: where a missing target will be made. */
function nearestExisting(path: string): string {
  for (let at = path; ; at = dirname(at)) {
    try {
      lstatSync(bytesOf(at));
      return at;
    } catch {
      if (at === dirname(at)) return at;
    }
  }
}
