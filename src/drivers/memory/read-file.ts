import type { Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { Reject } from '../../model/receipt.ts';
import type { FilePart, Member } from '../../store/store.ts';
import type { Kept } from './space.ts';

const partBytes = 64 * 1024;
const membersPerPart = 64;

/** The pieces of a file within `[from, to)`. Throws `item.changed` when it is not the file that was listed. */
export async function* readParts(
  kept: Kept,
  listed: Item,
  [from, to]: readonly [number, number],
  signal: AbortSignal,
): AsyncGenerator<FilePart> {
  if (!isSame(kept, listed)) {
    throw new MigrationError('item.changed', `${listed.key} changed after it was listed.`, { where: listed.key });
  }
  for (const part of kept.parts ?? []) {
    const end = Math.min(to, part.offset + part.bytes.length);
    for (let at = Math.max(from, part.offset); at < end; at += partBytes) {
      signal.throwIfAborted();
      yield {
        offset: at,
        bytes: part.bytes.subarray(at - part.offset, Math.min(at + partBytes, end) - part.offset),
      };
    }
  }
}

/** Whole entries; one that changed or is gone is named in `rejects`. */
export async function* readMembers(
  items: ReadonlyMap<string, Kept>,
  members: readonly Item[],
  rejects: Reject[],
  signal: AbortSignal,
): AsyncGenerator<readonly Member[]> {
  for (let at = 0; at < members.length; at += membersPerPart) {
    signal.throwIfAborted();
    const page: Member[] = [];
    for (const listed of members.slice(at, at + membersPerPart)) {
      const kept = items.get(listed.key);
      if (kept) page.push(member(kept));
      else rejects.push({ item: listed.key, key: listed.key, code: 'item.changed', reason: 'it vanished' });
    }
    if (page.length > 0) yield page;
  }
}

function member({ item, parts = [] }: Kept): Member {
  const bytes = new Uint8Array(item.kind === 'file' ? item.bytes : 0);
  for (const part of parts) bytes.set(part.bytes, part.offset);
  const extents = parts.map((part) => [part.offset, part.offset + part.bytes.length] as const);
  return { item, bytes, ...(item.entry?.sparse && { extents }) };
}

const isSame = ({ item }: Kept, listed: Item): boolean =>
  item.bytes === listed.bytes && (listed.entry?.ctime === undefined || item.entry?.ctime === listed.entry.ctime);
