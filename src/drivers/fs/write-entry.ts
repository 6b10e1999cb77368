/** What both kinds of draft do to put an entry in its place. Callers hold the parent directory open. */
import { fileType, type Posix, type Stat } from '../../lib/posix.ts';
import type { EntryAttributes } from '../../model/entry.ts';
import type { Item } from '../../model/item.ts';
import type { Into } from '../../model/job.ts';
import type { DraftOptions } from '../../store/store.ts';
import { MigrationError } from '../../model/migration-error.ts';
import { printableName } from '../../lib/byte-names.ts';
import type { BufferPool } from './buffer-pool.ts';
import { isDirectory } from './entry-item.ts';
import { occupied, systemCode } from './fs-error.ts';
import type { HeldDirectories } from './held-directories.ts';
import type { NewFiles } from './new-files.ts';
import { draftName, isDirectoryKey, rootKey, splitKey } from './keys.ts';
import { removeTree } from './remove-tree.ts';

export interface Target {
  readonly posix: Posix;
  readonly held: HeldDirectories;
  /** For blocks on their way to the disk. */
  readonly buffers: BufferPool;
  readonly newFiles: NewFiles;
  /** User and group are set. */
  readonly owners: boolean;
  /** This process may give files away; where it may not, owners are set as far as they can be. */
  readonly isRoot: boolean;
}

export interface Placing {
  readonly into: Into;
  readonly run: string;
  readonly step: number;
  /** Keys of the directories that were made on the way, topmost first. */
  readonly made: string[];
}

/** Does the new entry take the place of an old one? */
export const overwrites = ({ into }: { readonly into: Into }): boolean => into === 'replace' || into === 'merge';

export const placingOf = ({ into, run, step }: DraftOptions): Placing => ({ into, run, step, made: [] });

/** The open parent of an entry, made on demand with mode 0700 until the directory's own item sets it. */
export function parentOf(target: Target, key: string, placing: Placing): number {
  const { directory } = splitKey(key);
  return target.held.ensure(directory, (parent, name, at) => makeDirectory(target, parent, name, at, placing));
}

/** Makes a directory, clearing what stands in its way where `into` allows, and leaves the times of its parent alone:
 *  directories may get their final attributes in any order. */
export function makeDirectory(target: Target, parent: number, name: string, key: string, placing: Placing): void {
  const { posix, held } = target;
  posix.locked(parent, () => {
    const { mtime } = posix.stat(parent);
    const there = posix.lookAt(parent, name);
    if (there && isDirectory(there)) return;
    if (there && placing.into !== 'replace') throw occupied(held.root, key, 'is not a directory at the target');
    withWriteAccess(target, parent, () => {
      if (there) {
        const draft = draftName(placing.run, placing.step);
        makeIfMissing(posix, parent, draft);
        posix.rename(parent, draft, name, 'exchange');
        posix.unlink(parent, draft);
      } else {
        makeIfMissing(posix, parent, name);
        placing.made.push(key);
      }
    });
    posix.setModified(parent, mtime);
  });
}

/** Takes back the directories that were made on the way, as far as nobody uses them. */
export function removeMade({ posix, held }: Target, { made }: Placing): void {
  for (const key of made.splice(0).reverse()) {
    const { directory, name } = splitKey(key);
    try {
      posix.removeDirectory(held.get(directory), name);
      held.forget(key);
    } catch {
      return;
    }
  }
}

function makeIfMissing(posix: Posix, parent: number, name: string): void {
  try {
    posix.makeDirectory(parent, name, 0o700);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
}

/** Runs `work`, which may be repeated, and gives the owner of a read-only directory the right to write for as long. */
export function withWriteAccess<T>({ posix }: Target, directory: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (systemCode(error) !== 'EACCES') throw error;
    const { mode, uid } = posix.stat(directory);
    if (uid !== process.geteuid?.()) throw error;
    return posix.locked(directory, () => {
      posix.chmod(directory, mode | 0o300);
      try {
        return work();
      } finally {
        posix.chmod(directory, mode);
      }
    });
  }
}

/** Owner, mode and times of an open file or directory, in this order: a change of owner clears setuid. What comes from
 *  a store without such attributes gets those of a newly made entry. */
export function setAttributes(target: Target, file: number, { kind, entry }: Item): void {
  const { posix } = target;
  if (!entry) {
    posix.chmod(file, (kind === 'directory' ? 0o777 : 0o666) & ~process.umask());
    return;
  }
  const owned = giveAway(target, entry, (uid, gid) => posix.chown(file, uid, gid));
  posix.chmod(file, owned ? entry.mode : entry.mode & 0o1777);
  posix.setModified(file, entry.mtime);
}

/** The same for what cannot be opened: a link, a device. */
function setAttributesAt(target: Target, parent: number, name: string, entry: EntryAttributes): void {
  const { posix } = target;
  giveAway(target, entry, (uid, gid) => posix.chownAt(parent, name, uid, gid));
  if ((entry.mode & fileType.mask) !== fileType.symlink) posix.chmodAt(parent, name, entry.mode);
  posix.setModifiedAt(parent, name, entry.mtime);
}

/** False when the entry keeps another owner than it had: setuid and setgid must then not be set. */
function giveAway(target: Target, { uid, gid }: EntryAttributes, chown: (uid: number, gid: number) => void): boolean {
  if (!target.owners) return uid === process.geteuid?.() && gid === process.getegid?.();
  try {
    chown(uid, gid);
    return true;
  } catch (error) {
    const code = systemCode(error);
    if (code !== 'EPERM' && code !== 'EINVAL') throw error;
    if (!target.isRoot) return false;
    throw new MigrationError('store.denied', `Cannot give an entry to user ${uid} and group ${gid} (${code}).`, {
      hint: 'This container or user namespace may not. Set the option `owners: false` to go on without owners.',
      cause: error,
    });
  }
}

/** Makes a link or special file under the name `draft`, with its attributes. */
export function makeEntry(target: Target, parent: number, draft: string, item: Item): void {
  const { posix, held } = target;
  const { entry } = item;
  if (!entry) throw new TypeError(`${item.key} has no attributes`);
  removeLeftover(posix, parent, draft);
  if (item.kind === 'symlink') {
    posix.symlink(entry.target ?? '', parent, draft);
  } else if (item.kind === 'special') {
    posix.makeNode(parent, draft, (entry.mode & fileType.mask) | 0o600, entry.device ?? 0);
  } else if (item.kind === 'hard-link') {
    linkFirst(posix, held, splitKey(entry.linkTo ?? ''), parent, draft, item);
    return;
  } else {
    throw new MigrationError('store.unsupported', `A folder cannot hold a ${item.kind}.`, { where: item.key });
  }
  setAttributesAt(target, parent, draft, entry);
}

function linkFirst(
  posix: Posix,
  held: HeldDirectories,
  first: { readonly directory: string; readonly name: string },
  parent: number,
  draft: string,
  item: Item,
): void {
  try {
    posix.link(held.get(first.directory), first.name, parent, draft);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw new MigrationError(
      'item.unreadable',
      `Cannot link ${printableName(item.key)}: ${printableName(item.entry?.linkTo ?? '')}, which carries its content, has not arrived.`,
      { hint: 'Do not exclude the first name of a file that has several.', where: item.key, cause: error },
    );
  }
}

/** What a killed run left under a temporary name. */
export function removeLeftover(posix: Posix, parent: number, draft: string): void {
  try {
    posix.unlink(parent, draft);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EISDIR') removeTree(posix, parent, draft);
    else if (code !== 'ENOENT') throw error;
  }
}

/** Renames a finished draft to its name. With `empty` and `append` what is there stays, and EEXIST is thrown. */
export function putInPlace(target: Target, parent: number, draft: string, item: Item, into: Into): void {
  const { posix, held } = target;
  const { name } = splitKey(item.key);
  const keep = !overwrites({ into });
  try {
    posix.rename(parent, draft, name, keep ? 'keep' : 'replace');
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EINVAL' && keep) return linkInPlace(posix, parent, draft, name);
    if (code !== 'EISDIR') throw error;
    if (into !== 'replace') throw occupied(held.root, item.key, 'is a directory at the target and none at the source');
    posix.rename(parent, draft, name, 'exchange');
    held.forget(`${item.key}/`);
    removeTree(posix, parent, draft);
  }
  // Renaming one of two names of the same file to the other does nothing.
  if (item.kind === 'hard-link') removeLeftover(posix, parent, draft);
}

/** Where rename cannot refuse to overwrite. */
function linkInPlace(posix: Posix, parent: number, draft: string, name: string): void {
  posix.link(parent, draft, parent, name);
  posix.unlink(parent, draft);
}

/** Does the target hold this entry already, its bytes aside? */
export function isSameEntry(target: Target, parent: number, stat: Stat, item: Item): boolean {
  const { posix, held } = target;
  const { entry } = item;
  if (!entry) return false;
  if (entry.linkTo !== undefined) {
    const first = splitKey(entry.linkTo);
    return posix.lookAt(held.get(first.directory), first.name)?.inode === stat.inode;
  }
  if ((stat.mode & fileType.mask) !== (entry.mode & fileType.mask) || stat.mtime !== entry.mtime) return false;
  if (target.isRoot && target.owners && (stat.uid !== entry.uid || stat.gid !== entry.gid)) return false;
  if (item.kind === 'file') return stat.size === item.bytes && ((stat.mode ^ entry.mode) & 0o1777) === 0;
  if (item.kind === 'symlink') return posix.readLink(parent, splitKey(item.key).name) === entry.target;
  return item.kind === 'special' && stat.device === (entry.device ?? 0);
}

/** Makes a directory if need be and gives it its attributes; repeating it changes nothing. */
export function finishDirectory(target: Target, item: Item, placing: Placing): number {
  const { posix, held } = target;
  const key = item.key === rootKey ? '' : isDirectoryKey(item.key) ? item.key : `${item.key}/`;
  const file = held.ensure(key, (parent, name, at) => makeDirectory(target, parent, name, at, placing));
  posix.locked(file, () => setAttributes(target, file, item));
  return file;
}
