import type { Item } from '../../model/item.ts';
import type { Draft, DraftOptions, Member, Payload } from '../../store/store.ts';
import { finishDirectory, placingOf, removeMade, type Target } from './write-entry.ts';
import { onItem, removeAdded, removeDraft, replaceEntry, syncTarget, writeEntry } from './write-member.ts';

/** Small entries that share one chunk. Each gets its name when it is whole, and all are made durable by one sync of the
 *  file system. What would take the place of another entry has a temporary name first and waits for a sync before its
 *  rename: a power cut leaves the old file or the new one. A new name may be found empty after a power cut, and is then
 *  written again. */
export const batchDraft = (target: Target, as: Item, options: DraftOptions): Draft => ({
  ticket: 'batch',
  published: false,

  async write(_chunk, payload, signal) {
    const placing = placingOf(options);
    const planned = (key: string) => as.members?.find((member) => member.key === key);
    const directories: Item[] = [];
    /** Under names that were free. */
    const added: Item[] = [];
    /** Under their temporary names still. */
    const waiting = new Map<number, Item>();
    let entries = 0;
    let bytes = 0;
    try {
      for await (const members of membersOf(payload)) {
        signal.throwIfAborted();
        for (const member of members) {
          const { item } = member;
          bytes += member.bytes.length;
          if (item.kind === 'directory') {
            directories.push(item);
            continue;
          }
          const index = entries++;
          const placed = writeEntry(target, member, placing, index, planned);
          if (placed === 'added') added.push(item);
          else if (placed === 'waiting') waiting.set(index, item);
        }
      }
      if (waiting.size > 0) await syncTarget(target);
      signal.throwIfAborted();
      for (const [index, item] of waiting) {
        replaceEntry(target, item, placing, index);
        waiting.delete(index);
      }
      for (const item of directories) onItem(target, item, () => finishDirectory(target, item, placing));
      await syncTarget(target);
      return { bytes, rows: entries + directories.length };
    } catch (error) {
      for (const [index, item] of waiting) removeDraft(target, item, placing, index);
      for (const item of added) removeAdded(target, item);
      removeMade(target, placing);
      throw error;
    }
  },

  async publish() {
    // Every member became visible with its own rename.
  },

  async discard() {
    // Nothing is kept between writes.
  },

  async [Symbol.asyncDispose]() {
    // Holds nothing open.
  },
});

function membersOf(payload: Payload): AsyncIterable<readonly Member[]> {
  if (payload.format === 'members') return payload.parts;
  throw new TypeError(`a batch takes members, not ${payload.format}`);
}
