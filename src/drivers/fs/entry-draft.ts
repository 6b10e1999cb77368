import { printableName } from '../../lib/byte-names.ts';
import type { Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { Draft, DraftOptions } from '../../store/store.ts';
import { finishDirectory, placingOf, type Target } from './write-entry.ts';
import { onItem, replaceEntry, syncTarget, writeEntry } from './write-member.ts';

const only = 0;

/** A link, special file or directory that comes alone. Publishing does all the work, and repeating it changes nothing. */
export const entryDraft = (target: Target, as: Item, options: DraftOptions): Draft => ({
  ticket: 'entry',
  published: false,

  async write() {
    throw new MigrationError('internal', `${printableName(as.key)} has no content to write.`, { where: as.key });
  },

  async publish() {
    const placing = placingOf(options);
    if (as.kind === 'directory') {
      onItem(target, as, () => finishDirectory(target, as, placing));
    } else {
      const placed = writeEntry(target, { item: as, bytes: new Uint8Array() }, placing, only, () => as);
      if (placed === 'waiting') replaceEntry(target, as, placing, only);
    }
    await syncTarget(target);
  },

  async discard() {
    // Nothing exists before it is published.
  },

  async [Symbol.asyncDispose]() {
    // Holds nothing open.
  },
});
