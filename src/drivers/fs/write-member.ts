import { readSync, writeSync } from 'node:fs';
import { openFlags, type Posix, type Stat } from '../../lib/posix.ts';
import type { Item } from '../../model/item.ts';
import type { Member } from '../../store/store.ts';
import { isDirectory, isRegular } from './entry-item.ts';
import { isMissing, occupied, systemCode, targetError } from './fs-error.ts';
import { draftName, rootKey, splitKey } from './keys.ts';
import {
  isSameEntry,
  makeEntry,
  overwrites,
  parentOf,
  putInPlace,
  removeLeftover,
  setAttributes,
  withWriteAccess,
  type Placing,
  type Target,
} from './write-entry.ts';

/** Writes a small entry whole, attributes included, and gives it its name if that is free. `waiting`: it is not, and
 *  `into` lets the draft take its place (replaceEntry). `there`: it stood there already, from an earlier life of this
 *  run. Leaves nothing when it throws. */
export function writeEntry(
  target: Target,
  member: Member,
  placing: Placing,
  index: number,
  planned: (key: string) => Item | undefined,
): 'added' | 'there' | 'waiting' {
  const { item } = member;
  const draft = draftName(placing.run, placing.step, index);
  return onItem(target, item, () => {
    const parent = parentOf(target, item.key, placing);
    try {
      return withWriteAccess(target, parent, () => {
        if (addFile(target, parent, draft, member) ?? addDraft(target, parent, draft, member)) return 'added';
        if (overwrites(placing)) return 'waiting';
        settle(target, parent, draft, item, planned(item.key));
        return 'there';
      });
    } catch (error) {
      removeLeftover(target.posix, parent, draft);
      throw error;
    }
  });
}

/** A file that gets its name when it is whole: half the work of a rename. False when the name is taken, and the file
 *  then has the name `draft`; undefined where it cannot be done. */
function addFile(target: Target, parent: number, draft: string, member: Member): boolean | undefined {
  const { posix, newFiles } = target;
  const { item } = member;
  if (item.kind !== 'file') return undefined;
  const { directory, name } = splitKey(item.key);
  const mode = newFiles.bornAs(directory, item);
  const file = newFiles.openUnnamed(parent, mode ?? 0o600);
  if (file === undefined) return undefined;
  try {
    fill(target, file, member, mode !== undefined);
    if (newFiles.name(file, parent, name)) return true;
    return undefined;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    removeLeftover(posix, parent, draft);
    posix.linkOpen(file, parent, draft);
    return false;
  } finally {
    posix.close(file);
  }
}

/** Any entry, under its temporary name first. False when its own is taken. */
function addDraft(target: Target, parent: number, draft: string, member: Member): boolean {
  const { item } = member;
  if (item.kind === 'file') writeFile(target, parent, draft, member);
  else makeEntry(target, parent, draft, item);
  try {
    putInPlace(target, parent, draft, item, 'empty');
    return true;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    return false;
  }
}

/** Lets a waiting draft take the place of what is there. */
export function replaceEntry(target: Target, item: Item, placing: Placing, index: number): void {
  const draft = draftName(placing.run, placing.step, index);
  onItem(target, item, () => {
    const parent = parentOf(target, item.key, placing);
    withWriteAccess(target, parent, () => putInPlace(target, parent, draft, item, placing.into));
  });
}

/** Something stands where nothing may be overwritten. That is right when it is the same entry, as it is now or as it was
 *  `planned`, because an earlier life of this run came this far. */
function settle(target: Target, parent: number, draft: string, item: Item, planned: Item | undefined): void {
  const { posix, held } = target;
  const { name } = splitKey(item.key);
  const there = posix.statAt(parent, name);
  if (isSameEntry(target, parent, there, item) && (item.kind !== 'file' || sameBytes(posix, parent, draft, name))) {
    removeLeftover(posix, parent, draft);
  } else if (isCutShort(there, item) || isOutdated(target, parent, there, item, planned)) {
    posix.rename(parent, draft, name, 'replace');
  } else {
    throw occupied(held.root, item.key, 'exists already');
  }
}

/** Removes a waiting draft, as far as it is still there. */
export function removeDraft({ posix, held }: Target, item: Item, placing: Placing, index: number): void {
  try {
    removeLeftover(posix, held.get(splitKey(item.key).directory), draftName(placing.run, placing.step, index));
  } catch {
    // The failure that brought us here matters more; sweep() finds what is left.
  }
}

/** Takes back an entry that was put where nothing stood, unless it is another one by now. */
export function removeAdded(target: Target, item: Item): void {
  const { posix, held } = target;
  try {
    const { directory, name } = splitKey(item.key);
    const parent = held.get(directory);
    if (isSameEntry(target, parent, posix.statAt(parent, name), item)) posix.unlink(parent, name);
  } catch {
    // The failure that brought us here matters more, and a whole entry does no harm.
  }
}

/** Runs `work`, once more from the root if a directory on the way was removed since it was opened. */
export function onItem<T>({ held }: Target, item: Item, work: () => T): T {
  try {
    try {
      return work();
    } catch (error) {
      if (!isMissing(error) || item.key === rootKey) throw error;
      held.forget(splitKey(item.key).directory);
      return work();
    }
  } catch (error) {
    throw targetError(error, 'write', held.root, item.key);
  }
}

function writeFile(target: Target, parent: number, draft: string, member: Member): void {
  const { posix, newFiles } = target;
  const mode = newFiles.bornAs(splitKey(member.item.key).directory, member.item);
  const file = create(posix, parent, draft, mode ?? 0o600);
  try {
    fill(target, file, member, mode !== undefined);
  } finally {
    posix.close(file);
  }
}

/** `asBorn`: the file was made with the mode that it has to have in the end. */
function fill(target: Target, file: number, { item, bytes, extents }: Member, asBorn: boolean): void {
  const { posix, newFiles } = target;
  const needsNoMore = asBorn && newFiles.isBorn(file);
  if (extents) {
    posix.truncate(file, bytes.length);
    for (const [from, to] of extents) writeFully(file, bytes, from, to);
  } else {
    writeFully(file, bytes, 0, bytes.length);
  }
  if (needsNoMore && item.entry) posix.setModified(file, item.entry.mtime);
  else setAttributes(target, file, item);
}

function create(posix: Posix, parent: number, draft: string, mode: number): number {
  try {
    return posix.openAt(parent, draft, openFlags.create, mode);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    removeLeftover(posix, parent, draft);
    return posix.openAt(parent, draft, openFlags.create, mode);
  }
}

function writeFully(file: number, bytes: Uint8Array, from: number, to: number): void {
  for (let at = from; at < to;) at += writeSync(file, bytes, at, to - at, at);
}

/** A power cut can leave a file that was just renamed with its attributes and no content. */
const isCutShort = (there: Stat, item: Item): boolean =>
  isRegular(there) && there.size === 0 && item.kind === 'file' && there.mtime === item.entry?.mtime;

/** The source was written to after an earlier life had carried the entry as it was planned. */
const isOutdated = (target: Target, parent: number, there: Stat, item: Item, planned: Item | undefined): boolean =>
  planned !== undefined &&
  planned.entry?.mtime !== item.entry?.mtime &&
  isSameEntry(target, parent, there, planned) &&
  !isDirectory(there);

const comparedBytes = 1024 * 1024;

function sameBytes(posix: Posix, parent: number, draft: string, name: string): boolean {
  const first = posix.openAt(parent, draft, openFlags.read);
  let second: number | undefined;
  try {
    second = posix.openAt(parent, name, openFlags.read);
    const [a, b] = [Buffer.allocUnsafe(comparedBytes), Buffer.allocUnsafe(comparedBytes)];
    for (let at = 0; ;) {
      const length = readSync(first, a, 0, comparedBytes, at);
      if (readSync(second, b, 0, comparedBytes, at) !== length) return false;
      if (length === 0) return true;
      if (a.compare(b, 0, length, 0, length) !== 0) return false;
      at += length;
    }
  } finally {
    posix.close(first);
    if (second !== undefined) posix.close(second);
  }
}

/** Makes everything written so far survive a power cut. */
export async function syncTarget({ posix, held }: Target): Promise<void> {
  try {
    await posix.syncFileSystem(held.rootFile(true));
  } catch (error) {
    throw targetError(error, 'make durable what was written to', held.root, rootKey);
  }
}
