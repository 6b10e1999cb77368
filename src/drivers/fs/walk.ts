import { entryType, fileType, openFlags, type DirectoryEntry, type Posix, type Stat } from '../../lib/posix.ts';
import { compareNames } from '../../lib/byte-names.ts';
import type { Finding } from '../../model/finding.ts';
import type { Item } from '../../model/item.ts';
import { entryItem, isDirectory, type EntryOptions } from './entry-item.ts';
import { isMissing, place } from './fs-error.ts';
import { isDraftName, rootKey } from './keys.ts';

export interface WalkOptions extends EntryOptions {
  readonly oneFileSystem: boolean;
}

export type Report = (finding: Finding) => void;

interface Frame {
  readonly file: number;
  /** Key of the directory, '' for the root. */
  readonly prefix: string;
  /** Byte order; a directory's name ends in '/', which makes a walk in this order the byte order of full keys. */
  readonly names: readonly string[];
  next: number;
}

/** Everything beneath an open directory and the directory itself, in ascending byte order of key. Holds one open
 *  directory and the names per level, and the hard links whose other names are still to come. Entries that vanish
 *  meanwhile are left out; what cannot be read or carried is reported. Does not close `root`. */
export function* walk(
  posix: Posix,
  rootPath: string,
  root: number,
  options: WalkOptions,
  report: Report,
): Generator<Item, void, void> {
  const links = linkTable();
  const fileSystem = posix.stat(root).fileSystem;
  const stack: Frame[] = [{ file: root, prefix: '', names: sortedNames(posix, root, rootKey), next: 0 }];
  try {
    for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
      const name = frame.names[frame.next++];
      if (name === undefined) {
        stack.pop();
        if (frame.file !== root) posix.close(frame.file);
        continue;
      }
      const key = frame.prefix + name;
      if (isDraftName(name)) {
        report(leftover(rootPath, key));
      } else if (key === rootKey) {
        yield entryItem(rootKey, posix.stat(root), options);
      } else if (name.endsWith('/')) {
        const item = enter(frame, name.slice(0, -1), key);
        if (item) yield item;
      } else {
        const item = look(frame, name, key);
        if (item) yield item;
      }
    }
  } finally {
    for (const frame of stack) if (frame.file !== root) posix.close(frame.file);
  }

  /** Opens a directory and takes its attributes from the opened one, so that both are of the same directory. */
  function enter(parent: Frame, name: string, key: string): Item | undefined {
    let file: number | undefined;
    try {
      file = posix.openAt(parent.file, name, openFlags.directory);
      const stat = posix.stat(file);
      if (options.oneFileSystem && stat.fileSystem !== fileSystem) {
        posix.close(file);
        report(otherFileSystem(rootPath, key));
        return undefined;
      }
      stack.push({ file, prefix: key, names: sortedNames(posix, file), next: 0 });
      return entryItem(key, stat, options);
    } catch (error) {
      if (file !== undefined) posix.close(file);
      if (isMissing(error)) return undefined;
      report(unreadable(rootPath, key, error));
      const stat = posix.lookAt(parent.file, name);
      return stat && isDirectory(stat) ? entryItem(key, stat, options) : undefined;
    }
  }

  function look(parent: Frame, name: string, key: string): Item | undefined {
    try {
      const stat = posix.lookAt(parent.file, name);
      // A directory that took a file's place after the names were read is out of order now: the next run finds it.
      if (stat === undefined || isDirectory(stat)) return undefined;
      if ((stat.mode & fileType.mask) === fileType.socket) {
        report(socket(rootPath, key));
        return undefined;
      }
      const linkTo = stat.links > 1 ? links.first(key, stat) : undefined;
      if (linkTo !== undefined) return entryItem(key, stat, options, { linkTo });
      if ((stat.mode & fileType.mask) !== fileType.symlink) return entryItem(key, stat, options);
      return entryItem(key, stat, options, { target: posix.readLink(parent.file, name) });
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

function sortedNames(posix: Posix, directory: number, ...more: readonly string[]): string[] {
  const names = posix.readDirectory(directory).map((entry) => keyName(posix, directory, entry));
  names.push(...more);
  return sortNames(names);
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
