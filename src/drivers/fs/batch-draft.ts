import type { Item } from '../../model/item.ts';
import type { Draft, DraftOptions, Member, Payload } from '../../store/store.ts';
import { finishDirectory, placingOf, removeMade, type Target } from './write-entry.ts';
import { onItem, publishDraft, removeDraft, syncTarget, writeDraft } from './write-member.ts';

/** Small entries that share one chunk. All are written under temporary names, renamed into place, and made durable by
 *  one sync of the file system. Where that would replace files, another sync comes before the renames: a power cut
 *  leaves the old file or the new one. A new name may be found empty after a power cut, and is then written again. */
export const batchDraft = (target: Target, as: Item, options: DraftOptions): Draft => ({
  ticket: 'batch',
  published: false,

  async write(_chunk, payload, signal) {
    const placing = placingOf(options);
    const written: Item[] = [];
    const directories: Item[] = [];
    let published = 0;
    let replaces = false;
    let bytes = 0;
    try {
      for await (const members of membersOf(payload)) {
        signal.throwIfAborted();
        for (const member of members) {
          bytes += member.bytes.length;
          if (member.item.kind === 'directory') {
            directories.push(member.item);
          } else {
            replaces = writeDraft(target, member, placing, written.length) || replaces;
            written.push(member.item);
          }
        }
      }
      if (replaces) await syncTarget(target);
      signal.throwIfAborted();
      for (const item of written) {
        publishDraft(target, item, placing, published, () => as.members?.find((member) => member.key === item.key));
        published += 1;
      }
      for (const item of directories) onItem(target, item, () => finishDirectory(target, item, placing));
      await syncTarget(target);
      return { bytes, rows: written.length + directories.length };
    } catch (error) {
      for (let index = published; index < written.length; index++) {
        const item = written[index];
        if (item) removeDraft(target, item, placing, index);
      }
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
