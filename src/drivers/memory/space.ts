import type { BaseContent } from '../../model/event.ts';
import type { Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
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
  /** What happened, by version, as far back as a run that follows may still ask for. */
  readonly log: LoggedTransaction[];
  /** Runs that follow this space, and up to where each of them no longer needs the log. */
  readonly followers: Map<string, { confirmed: number }>;
  /** Runs that this space follows another one for, and how far each has come. */
  readonly followed: Map<string, string>;
  /** Transactions under way. Not durable. */
  readonly writers: Set<{ rollback(): void }>;
  /** The run that keeps writers out of this source; the one that keeps them out of this target. */
  frozenFor: string | undefined;
  closedFor: string | undefined;
  /** What sequences give out next. */
  readonly counters: Map<string, number>;
  /** Called at every commit and freeze. Not durable. */
  readonly listeners: Set<() => void>;
}

/** One change of a transaction: a row of a table, a whole item put, or one removed. */
export type MemoryChange =
  | { readonly do: 'row'; readonly table: string; readonly remove?: Uint8Array; readonly insert?: Uint8Array }
  | {
      readonly do: 'put';
      readonly item: Item;
      readonly parts?: readonly FilePart[];
      readonly rows?: readonly Uint8Array[];
    }
  | { readonly do: 'remove'; readonly key: string };

export interface LoggedTransaction {
  readonly version: number;
  readonly at: number;
  readonly bytes: number;
  readonly changes: readonly MemoryChange[];
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
      log: [],
      followers: new Map(),
      followed: new Map(),
      writers: new Set(),
      frozenFor: undefined,
      closedFor: undefined,
      counters: new Map(),
      listeners: new Set(),
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
  changeSpace(space, [{ do: 'put', item, ...content }]);
}

/** One transaction, seen at once. Everything that can fail is tried before the first change. */
export function changeSpace(space: Space, changes: readonly MemoryChange[]): void {
  if (changes.length === 0) return;
  const version = space.version + 1;
  const next = new Map<string, Kept | undefined>();
  const at = (key: string): Kept | undefined => (next.has(key) ? next.get(key) : space.items.get(key));
  for (const change of changes) {
    if (change.do === 'remove') next.set(change.key, undefined);
    else if (change.do === 'row') next.set(change.table, withRow(at(change.table), change, version));
    else {
      const { do: _, item, ...content } = change;
      next.set(item.key, { item: asListed(item, content, version), ...content, version });
    }
  }
  space.version = version;
  for (const [key, kept] of next) {
    if (kept) space.items.set(key, kept);
    else space.items.delete(key);
  }
  if (space.followers.size > 0) space.log.push({ version, at: Date.now(), bytes: bytesOf(changes), changes });
  for (const listener of space.listeners) listener();
}

function withRow(kept: Kept | undefined, change: MemoryChange & { readonly do: 'row' }, version: number): Kept {
  const rows = kept?.rows;
  const gone = rows && change.remove ? rows.findIndex((row) => Buffer.compare(row, change.remove ?? row) === 0) : -1;
  if (!kept || !rows || (change.remove && gone < 0)) {
    throw new MigrationError('target.conflict', `A row that ${change.table} should hold is not in it.`, {
      hint: 'Somebody else wrote to this store.',
      where: change.table,
    });
  }
  const left = gone < 0 ? rows : rows.toSpliced(gone, 1);
  const now = { rows: change.insert ? [...left, change.insert] : left };
  return { item: asListed(kept.item, now, version), ...now, version };
}

function bytesOf(changes: readonly MemoryChange[]): number {
  return changes.reduce((sum, change) => {
    if (change.do === 'row') return sum + (change.remove?.length ?? 0) + (change.insert?.length ?? 0);
    return sum + (change.do === 'put' ? change.item.bytes : 0);
  }, 0);
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
