import type { BaseContent } from '../../model/event.ts';
import type { Item } from '../../model/item.ts';
import type { Stored } from '../../model/receipt.ts';
import type { DraftOptions, FilePart, Member } from '../../store/store.ts';

/** What an item is in memory. Never changed in place: a new state is a new object, so a frozen view is a copied map. */
export interface Kept {
  readonly item: Item;
  /** Ascending; what lies between is a hole. */
  readonly parts?: readonly FilePart[];
  /** Whole rows in the form of docs/row-format.md, for the columns of `item.shape`. */
  readonly rows?: readonly Uint8Array[];
  /** The space's version that brought it: a file that is replaced by an equal one is still another file. */
  readonly version: number;
}

export interface WrittenChunk {
  readonly stored: Stored;
  readonly parts?: readonly FilePart[];
  readonly rows?: readonly Uint8Array[];
  readonly members?: readonly Member[];
}

export interface DraftRecord {
  readonly as: Item;
  readonly options: DraftOptions;
  readonly base: BaseContent | undefined;
  readonly chunks: Map<string, WrittenChunk>;
  published: boolean;
}

/** The durable half of a memory store: what a disk would still hold after a power cut. A Store object has nothing of
 *  its own but a closed flag and the snapshots it holds, so dropping it is a crash and opening the name again is what
 *  comes after. Every change is made in one synchronous piece: no reader can see half of it. */
export interface Space {
  readonly name: string;
  /** By key. */
  readonly items: Map<string, Kept>;
  /** By ticket. */
  readonly drafts: Map<string, DraftRecord>;
  /** By path. */
  readonly backups: Map<string, ReadonlyMap<string, Kept | undefined>>;
  /** Grows with every visible change; the position of a snapshot. */
  version: number;
  /** Not durable: what living snapshots see, by position. */
  readonly frozen: Map<number, { readonly items: ReadonlyMap<string, Kept>; holders: number }>;
}

const spaces = new Map<string, Space>();

/** The space of this name in this process; made when it is not there. */
export function memorySpace(name: string): Space {
  let space = spaces.get(name);
  if (!space) {
    space = {
      name,
      items: new Map(),
      drafts: new Map(),
      backups: new Map(),
      version: 0,
      frozen: new Map(),
    };
    spaces.set(name, space);
  }
  return space;
}

export const hasMemorySpace = (name: string): boolean => spaces.has(name);

/** Forgets all of it, drafts and backups too. */
export function dropMemorySpace(name: string): void {
  spaces.delete(name);
}

/** Puts an item in as if somebody else had written it: bytes of a file, or rows of a table. */
export function putInSpace(
  space: Space,
  item: Item,
  content: { readonly parts?: readonly FilePart[]; readonly rows?: readonly Uint8Array[] } = {},
): void {
  space.version += 1;
  space.items.set(item.key, { item: asListed(item, content, space.version), ...content, version: space.version });
}

/** What a listing tells of an item: sizes as they are, identity of this store. */
function asListed(item: Item, { parts, rows }: Pick<Kept, 'parts' | 'rows'>, version: number): Item {
  if (rows) {
    const { fingerprint: _, ...table } = item;
    return { ...table, rows: rows.length, bytes: rows.reduce((sum, row) => sum + row.length, 0) };
  }
  if (!item.entry) return item;
  const { mode, mtime, uid, gid, target, linkTo } = item.entry;
  const content = item.kind === 'file' ? item.bytes : (target ?? linkTo ?? '');
  const sparse = item.kind === 'file' && (parts ?? []).reduce((sum, part) => sum + part.bytes.length, 0) < item.bytes;
  const { sparse: _, ...entry } = item.entry;
  return {
    ...item,
    fingerprint: `${item.kind}:${content}:${mtime}:${(mode & 0o7777).toString(8)}:${uid}:${gid}`,
    entry: { ...entry, inode: item.key, ctime: String(version), ...(sparse && { sparse }) },
  };
}
