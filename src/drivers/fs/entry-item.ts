import { fileType, type Stat } from '../../lib/posix.ts';
import type { EntryAttributes } from '../../model/entry.ts';
import type { Item } from '../../model/item.ts';

/** What of an entry counts as the same on both ends. */
export interface EntryOptions {
  /** User and group are carried and compared. */
  readonly owners: boolean;
}

/** The item of a listed entry. `target` is given for a symbolic link, `linkTo` for a further name of a file. */
export function entryItem(
  key: string,
  stat: Stat,
  options: EntryOptions,
  links: { readonly target?: string; readonly linkTo?: string } = {},
): Item {
  const owner = options.owners ? `:${stat.uid}:${stat.gid}` : '';
  const mode = (stat.mode & 0o7777).toString(8);
  const { mtime, uid, gid } = stat;
  const base = { mode: stat.mode, uid, gid, mtime };
  if (links.linkTo !== undefined) {
    return {
      key,
      kind: 'hard-link',
      stage: 'after',
      bytes: 0,
      fingerprint: `hard-link:${stat.size}:${mtime}:${mode}${owner}:${links.linkTo}`,
      entry: { ...base, linkTo: links.linkTo },
    };
  }
  switch (stat.mode & fileType.mask) {
    case fileType.regular:
      return {
        key,
        kind: 'file',
        stage: 'data',
        bytes: stat.size,
        fingerprint: `file:${stat.size}:${mtime}:${mode}${owner}`,
        entry: fileAttributes(stat),
      };
    case fileType.directory:
      return {
        key,
        kind: 'directory',
        stage: 'last',
        bytes: 0,
        fingerprint: `directory:${mtime}:${mode}${owner}`,
        entry: base,
      };
    case fileType.symlink: {
      const target = links.target ?? '';
      return {
        key,
        kind: 'symlink',
        stage: 'data',
        bytes: 0,
        fingerprint: `symlink:${mtime}${owner}:${target}`,
        entry: { ...base, target },
      };
    }
    default:
      return {
        key,
        kind: 'special',
        stage: 'data',
        bytes: 0,
        fingerprint: `special:${stat.mode.toString(8)}:${stat.device}:${mtime}${owner}`,
        entry: { ...base, device: stat.device },
      };
  }
}

const fileAttributes = (stat: Stat): EntryAttributes => ({
  mode: stat.mode,
  uid: stat.uid,
  gid: stat.gid,
  mtime: stat.mtime,
  inode: stat.inode,
  ctime: stat.ctime,
  ...(stat.stored < stat.size && { sparse: true }),
});

/** Is this still the file that was listed, with the same content as far as its attributes tell? */
export const isUnchanged = (item: Item, stat: Stat): boolean =>
  stat.size === item.bytes &&
  stat.mtime === item.entry?.mtime &&
  (item.entry.ctime === undefined || stat.ctime === item.entry.ctime) &&
  (item.entry.inode === undefined || stat.inode === item.entry.inode);

export const isSameMoment = (a: Stat, b: Stat): boolean =>
  a.size === b.size && a.mtime === b.mtime && a.ctime === b.ctime && a.inode === b.inode;

export const isRegular = (stat: Stat): boolean => (stat.mode & fileType.mask) === fileType.regular;
export const isDirectory = (stat: Stat): boolean => (stat.mode & fileType.mask) === fileType.directory;
