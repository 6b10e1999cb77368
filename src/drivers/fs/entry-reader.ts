import { entryType, fileType, openFlags, type DirectoryEntry, type Posix, type Stat } from '../../lib/posix.ts';
import { compareNames } from '../../lib/byte-names.ts';
import type { Finding } from '../../model/finding.ts';
import type { Item } from '../../model/item.ts';
import { entryItem, isDirectory, type EntryOptions } from './entry-item.ts';
import { isMissing, place } from './fs-error.ts';
import { rootKey } from './keys.ts';

export interface WalkOptions extends EntryOptions {
  readonly oneFileSystem: boolean;
}

export type Report = (finding: Finding) => void;

/** A directory that was opened, or one that cannot be read: then it is only an item. `listing` is what enter()'s `read`
 *  gave. */
export interface Entered<T> {
  readonly item: Item;
  readonly opened?: { readonly file: number; readonly listing: T };
}

export type EntryReader = ReturnType<typeof entryReader>;

/** Makes items of a tree's entries. Must be asked in ascending order of key: of a file with several names the first one
 *  carries the content. Entries that vanish meanwhile are left out; what cannot be read or carried is reported. */
export function entryReader(posix: Posix, rootPath: string, root: number, options: WalkOptions, report: Report) {
  const links = linkTable();
  const fileSystem = posix.stat(root).fileSystem;
  return { root: rootItem, enter, look, leftover: (key: string) => report(leftover(rootPath, key)) };

  function rootItem(): Item {
    return entryItem(rootKey, posix.stat(root), options);
  }

  /** Opens a directory and takes its attributes from the opened one, so that both are of the same directory. */
  function enter<T>(parent: number, name: string, key: string, read: (file: number) => T): Entered<T> | undefined {
    let file: number | undefined;
    try {
      file = posix.openAt(parent, name, openFlags.directory);
      const stat = posix.stat(file);
      if (options.oneFileSystem && stat.fileSystem !== fileSystem) {
        posix.close(file);
        report(otherFileSystem(rootPath, key));
        return undefined;
      }
      return { item: entryItem(key, stat, options), opened: { file, listing: read(file) } };
    } catch (error) {
      if (file !== undefined) posix.close(file);
      if (isMissing(error)) return undefined;
      report(unreadable(rootPath, key, error));
      const stat = posix.lookAt(parent, name);
      return stat && isDirectory(stat) ? { item: entryItem(key, stat, options) } : undefined;
    }
  }

  function look(parent: number, name: string, key: string): Item | undefined {
    try {
      const stat = posix.lookAt(parent, name);
      // A directory that took a file's place after the names were read is out of order now: the next run finds it.
      if (stat === undefined || isDirectory(stat)) return undefined;
      if ((stat.mode & fileType.mask) === fileType.socket) {
        report(socket(rootPath, key));
        return undefined;
      }
      const linkTo = stat.links > 1 ? links.first(key, stat) : undefined;
      if (linkTo !== undefined) return entryItem(key, stat, options, { linkTo });
      if ((stat.mode & fileType.mask) !== fileType.symlink) return entryItem(key, stat, options);
      return entryItem(key, stat, options, { target: posix.readLink(parent, name) });
    } catch (error) {
      if (!isMissing(error)) report(unreadable(rootPath, key, error));
      return undefined;
    }
  }
}

/** Remembers the first name of each file that has several, until all of them were seen. */
function linkTable() {
  const seen = new Map<string, { readonly key: string; left: number }>();
  return {
    /** The key that carries the content, or undefined when this is it. */
    first(key: string, stat: Stat): string | undefined {
      const identity = `${stat.fileSystem}:${stat.inode}`;
      const known = seen.get(identity);
      if (!known) {
        seen.set(identity, { key, left: stat.links - 1 });
        return undefined;
      }
      known.left -= 1;
      if (known.left === 0) seen.delete(identity);
      return known.key;
    },
  };
}

/** Names of a directory's entries in byte order; a directory's name ends in '/', which makes a walk in this order the
 *  byte order of full keys. */
export function sortedNames(posix: Posix, directory: number, entries: readonly DirectoryEntry[]): string[] {
  return sortNames(entries.map((entry) => keyName(posix, directory, entry)));
}

/** The root's own key stands among the names of its entries. */
export function withRoot(names: readonly string[]): string[] {
  const at = names.findIndex((name) => compareNames(name, rootKey) > 0);
  return names.toSpliced(at < 0 ? names.length : at, 0, rootKey);
}

function keyName(posix: Posix, directory: number, { name, type }: DirectoryEntry): string {
  if (type === entryType.directory) return `${name}/`;
  if (type !== entryType.unknown) return name;
  const stat = posix.lookAt(directory, name);
  return stat && isDirectory(stat) ? `${name}/` : name;
}

/** JavaScript's own order is that of UTF-16, equal to that of bytes below the surrogates. */
const unusual = /[\ud800-\uffff]/;

function sortNames(names: string[]): string[] {
  return names.some((name) => unusual.test(name)) ? names.sort(compareNames) : names.sort();
}

const unreadable = (root: string, key: string, error: unknown): Finding => ({
  level: 'warning',
  code: 'item.unreadable',
  message: `Cannot read ${place(root, key)}: ${error instanceof Error ? error.message : String(error)}.`,
  hint: 'Run as a user who may read it, or exclude it.',
  where: key,
});

const socket = (root: string, key: string): Finding => ({
  level: 'warning',
  code: 'entry.socket',
  message: `${place(root, key)} is a socket and is not carried.`,
  hint: 'The program that listens on it makes it anew.',
  where: key,
});

const leftover = (root: string, key: string): Finding => ({
  level: 'warning',
  code: 'entry.draft',
  message: `${place(root, key)} was left over by an interrupted run and is not carried.`,
  hint: 'Resume that run, or remove the file.',
  where: key,
});

const otherFileSystem = (root: string, key: string): Finding => ({
  level: 'warning',
  code: 'entry.other-file-system',
  message: `${place(root, key)} is another file system and is not carried.`,
  hint: 'Set oneFileSystem to false to carry it.',
  where: key,
});
