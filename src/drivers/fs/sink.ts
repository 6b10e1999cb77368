import { entryType, fileType, openFlags, type Posix } from '../../lib/posix.ts';
import { nameToBytes, printableName } from '../../lib/byte-names.ts';
import { RawListing } from '../../lib/raw-listing.ts';
import type { Finding } from '../../model/finding.ts';
import type { Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { Sink } from '../../store/store.ts';
import { backUp } from './backup.ts';
import { batchDraft } from './batch-draft.ts';
import { entryDraft } from './entry-draft.ts';
import { fileDraft } from './file-draft.ts';
import { isMissing, occupied, systemCode, targetError } from './fs-error.ts';
import { draftPrefix, isDirectoryKey, namesOf, rootKey, splitKey } from './keys.ts';
import { removeLeftover, type Target } from './write-entry.ts';
import { restoreBackup } from './restore.ts';

const longestName = 255;

export function fsSink(target: Target): Sink {
  const { posix, held } = target;
  return {
    accepts: ['bytes', 'members', 'nothing'],
    visible: 'on publish',

    adapt(item) {
      return { item, findings: item.kind === 'batch' ? [] : unfit(item, target.isRoot) };
    },

    async exists(as) {
      try {
        if (as.key === rootKey) return posix.readDirectory(held.rootFile()).length > 0;
        const { directory, name } = splitKey(as.key);
        return posix.lookAt(held.get(directory), name) !== undefined;
      } catch (error) {
        if (isMissing(error)) return false;
        throw targetError(error, 'look at', held.root, as.key);
      }
    },

    async draft(as, ticket, options) {
      if (as.kind === 'batch') return batchDraft(target, as, options);
      if (as.kind === 'file') return fileDraft(target, as, ticket, options);
      if (kinds.has(as.kind)) return entryDraft(target, as, options);
      throw new MigrationError('store.unsupported', `A folder cannot hold a ${as.kind}.`, { where: as.key });
    },

    async remove(as) {
      if (as.key === rootKey) return;
      const { directory, name } = splitKey(as.key);
      try {
        const parent = held.get(directory);
        if (isDirectoryKey(as.key)) {
          held.forget(as.key);
          posix.removeDirectory(parent, name);
        } else {
          posix.unlink(parent, name);
        }
      } catch (error) {
        if (isMissing(error)) return;
        if (systemCode(error) !== 'ENOTEMPTY') throw targetError(error, 'remove', held.root, as.key);
        throw occupied(held.root, as.key, `cannot be removed: it still holds ${firstEntry(posix, held.get(as.key))}`);
      }
    },

    async sweep(run, signal) {
      let root: number;
      try {
        root = held.rootFile();
      } catch (error) {
        if (isMissing(error)) return;
        throw targetError(error, 'clean up', held.root, rootKey);
      }
      try {
        sweepDirectory(root, new RawListing(posix), draftPrefix(run), signal);
        await posix.syncFileSystem(root);
      } catch (error) {
        throw signal.aborted ? error : targetError(error, 'clean up', held.root, rootKey);
      }
    },

    backup: (items, path, signal) => backUp(target, items, path, signal),
    restore: (backup, signal) => restoreBackup(target, backup, signal),
  };

  /** A string for each name would be most of the time that this takes. */
  function sweepDirectory(directory: number, listing: RawListing, prefix: string, signal: AbortSignal): void {
    signal.throwIfAborted();
    listing.read(directory);
    const inside: string[] = [];
    for (let index = 0; index < listing.count; index++) {
      const type = listing.type(index);
      const mayHoldMore = type === entryType.directory || type === entryType.unknown;
      if (!mayHoldMore && !listing.startsWithDot(index)) continue;
      const { name } = listing.entry(index);
      if (name.startsWith(prefix)) removeLeftover(posix, directory, name);
      else if (mayHoldMore) inside.push(name);
    }
    for (const name of inside) sweepChild(directory, name, listing, prefix, signal);
  }

  function sweepChild(parent: number, name: string, listing: RawListing, prefix: string, signal: AbortSignal): void {
    let directory: number;
    try {
      directory = posix.openAt(parent, name, openFlags.directory);
    } catch (error) {
      // Gone, no directory after all, or one that nobody could have written to.
      if (isMissing(error) || systemCode(error) === 'EACCES') return;
      throw error;
    }
    try {
      sweepDirectory(directory, listing, prefix, signal);
    } finally {
      posix.close(directory);
    }
  }
}

const kinds: ReadonlySet<string> = new Set(['directory', 'symlink', 'hard-link', 'special']);

function firstEntry(posix: Posix, directory: number): string {
  return printableName(posix.readDirectory(directory)[0]?.name ?? 'something');
}

/** Throws for what cannot be held at all. */
function unfit(item: Item, isRoot: boolean): Finding[] {
  if (item.key === rootKey) return [];
  const type = (item.entry?.mode ?? 0) & fileType.mask;
  if (!isRoot && (type === fileType.block || type === fileType.character)) {
    throw new MigrationError('store.unsupported', `Only root can make the device ${printableName(item.key)}.`, {
      hint: 'Run as root, or exclude it.',
      where: item.key,
    });
  }
  return namesOf(item.key)
    .filter((name) => name.length * 3 > longestName && nameToBytes(name).length > longestName)
    .map((name) => ({
      level: 'error' as const,
      code: 'store.unsupported',
      message: `The name ${printableName(name).slice(0, 40)}… is longer than the ${longestName} bytes a folder can hold.`,
      hint: 'Rename or exclude the entry at the source.',
      where: item.key,
    }));
}
