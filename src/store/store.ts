/** store: the contract between Waybill and whatever holds state. An ability is a method: absent means "cannot",
 *  never a silent no-op. Wrappers in this room add retry, throttle and observation; no driver knows of them.
 *  Callers: plan, move, verify, engine. Implemented by src/drivers; proven by src/testing/store-contract.ts. */
import type { Address } from '../model/address.ts';
import type { BackupRecord, BaseContent } from '../model/event.ts';
import type { Finding } from '../model/finding.ts';
import type { Chunk, Item } from '../model/item.ts';
import type { Into } from '../model/job.ts';
import type { MemberReceipt, Receipt, Reject, Stored } from '../model/receipt.ts';
import type { Pair } from './compare-listings.ts';
import type { KeyFilter } from './item-filter.ts';
import type { Feed, Intake } from './following.ts';
import type { OptionSchema, OptionValues } from './options.ts';

/** How content travels. `bytes`: a file's bytes in order. `members`: whole small entries of a batch. `rows`: rows in
 *  the canonical binary form (docs/row-format.md), every part holding whole rows. `nothing`: the item is its shape. */
export type Format = 'bytes' | 'members' | 'rows' | 'nothing';

export interface Driver {
  readonly scheme: string;
  readonly title: string;
  /** One list of options feeds validation, help, forms, docs and redaction. */
  readonly options: OptionSchema;
  /** An example address for help and docs. */
  readonly example: string;
  /** The address's path is one of this machine: a relative one starts at the job file's folder. */
  readonly local?: boolean;
  /** Opens the store without changing it. Throws `source.missing`, `store.unreachable`, `store.denied`,
   *  `config.invalid`. Aborting closes what was opened. */
  open(address: Address, options: OptionValues, signal: AbortSignal): Promise<Store>;
}

export interface Store extends AsyncDisposable {
  readonly address: Address;
  readonly source?: Source;
  readonly sink?: Sink;
  /** Looks for what would stop a run: versions, rights, room, settings. Writes nothing.
   *  Abilities such as digests may depend on what it finds. */
  probe(role: 'source' | 'target', signal: AbortSignal): Promise<Finding[]>;
  /** These two stores as they are to each other, when both are of one kind and can move between them what the neutral
   *  contract has no words for (types, functions, sequences), or follow one another. Undefined: they are strangers.
   *  `filter` is the shipment's: what belongs to a table that is left out is left out by the source.
   *  Disposing the pair's stores closes these two. */
  pairWith?(target: Store, filter: KeyFilter): { readonly from: Store; readonly to: Store } | undefined;
  /** Throws what would keep `Sink.backup` from working, such as a program that is missing. Absent: nothing would. */
  probeBackup?(signal: AbortSignal): Promise<void>;
}

export interface Source {
  /** Best first. A `batch` item always travels as `members`, an item without content as `nothing`. */
  readonly offers: readonly Format[];
  /** Rows of a table can be chosen: `Item.where` is heeded by split, read and digests. */
  readonly selects?: true;
  /** All items in ascending order of key (UTF-8 bytes), in pages. Flat memory: 10^8 items are not held.
   *  What it passes over on purpose (sockets, system tables, other file systems) goes to `report`. A target that does
   *  not exist yet lists nothing. */
  list(report: (finding: Finding) => void, signal: AbortSignal): AsyncIterable<readonly Item[]>;
  /** What comparing this list with that of `target` gives (compareListings), without the files that are equal in kind
   *  and fingerprint: those are only counted. A file of this source whose ctime is not before `since` (milliseconds since
   *  1970) is handed out all the same. Undefined, or absent: these two cannot do better than comparing their lists. */
  differing?(
    target: Source,
    since: number | undefined,
    report: (finding: Finding) => void,
    signal: AbortSignal,
  ): AsyncIterable<Differing> | undefined;
  /** Covers the item exactly, without gap or overlap. Items of at most `targetBytes` give one chunk; an item with no
   *  content (a directory, an index) gives none. The same call on the same snapshot gives the same chunks. */
  split(item: Item, targetBytes: number, signal: AbortSignal): AsyncIterable<Chunk>;
  /** Reads a chunk. `as` is the item at the target: rows are encoded for its columns. A batch's chunk has id `batch`. */
  read(chunk: Chunk, item: Item, as: Item, format: Format, signal: AbortSignal): Promise<Payload>;
  /** Freezes what list, split and read see, at the position `at` if given (another worker's) or now. Throws
   *  `source.moved` when `at` can no longer be had. Absent: the source cannot freeze; entries that change underway are
   *  found by attributes (`item.changed`). Dispose to thaw. */
  snapshot?(at: string | undefined, signal: AbortSignal): Promise<Snapshot>;
  /** Content digest of one chunk as a worker's receipt would have it, computed where the rows are. Lets a run whose
   *  snapshot is gone keep the chunks that still read the same. */
  chunkDigest?(chunk: Chunk, item: Item, as: Item, signal: AbortSignal): Promise<string>;
  /** Absent: this source cannot be followed, or not into this target. */
  readonly feed?: Feed;
  /** The item as it is now; undefined when it is gone. For items that changed while they were read. */
  look?(item: Item, signal: AbortSignal): Promise<Item | undefined>;
  /** Content digest of a whole item as stored now: bytes for files, rows for tables (in the columns and types of
   *  `as`, so that both ends are comparable). */
  digest?(item: Item, as: Item, signal: AbortSignal): Promise<ItemDigest>;
  /** Tables: digests of `buckets` (a power of two) disjoint parts, chosen by the row's key hash (docs/row-format.md). */
  bucketDigests?(item: Item, as: Item, buckets: number, signal: AbortSignal): Promise<BucketDigests>;
  /** Tables: one print per row of the given buckets, in any order. */
  rowPrints?(
    item: Item,
    as: Item,
    buckets: number,
    wanted: ReadonlySet<number>,
    signal: AbortSignal,
  ): AsyncIterable<readonly RowPrint[]>;
}

export interface Differing {
  readonly pairs: readonly Pair[];
  /** Equal files that were left out since the page before; they may lie before, between or behind its pairs. */
  readonly equal: { readonly files: number; readonly bytes: number };
}

export interface Snapshot extends AsyncDisposable {
  readonly position: string;
}

export interface ItemDigest {
  readonly rows: number;
  readonly bytes: number;
  readonly digest: string;
}

export interface BucketDigests {
  readonly rows: Float64Array;
  readonly sums: BigUint64Array;
}

/** `key` is the row's key as a JSON array of canonical texts, in primary key order; for a table without key it is
 *  `["#<row hash>"]`. Equal rows have equal keys at both ends. */
export interface RowPrint {
  readonly key: string;
  readonly hash: bigint;
}

/** Content on its way. `parts` can be read once; `rejects` is complete when `parts` has ended. */
export type Payload =
  | { readonly format: 'bytes'; readonly parts: AsyncIterable<FilePart>; readonly rejects: readonly Reject[] }
  | {
      readonly format: 'rows';
      /** A part's bytes may be overwritten once the next part is asked for. */
      readonly parts: AsyncIterable<Uint8Array>;
      readonly rejects: readonly Reject[];
      /** Where the reader hashes rows as they pass; complete when `parts` has ended. */
      readonly hash?: RowsHash;
    }
  | {
      readonly format: 'members';
      readonly parts: AsyncIterable<readonly Member[]>;
      readonly rejects: readonly Reject[];
    };

/** Rows counted, and the sum of their hashes modulo 2^64 (docs/row-format.md). */
export interface RowsHash {
  rows: number;
  sum: bigint;
}

/** A piece of a file at its place; the space between pieces is a hole. The bytes may be overwritten once the next
 *  part is asked for: a sink that needs them longer copies them. */
export interface FilePart {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** A whole small entry. `item` has the attributes as they were when the bytes were read. */
export interface Member {
  readonly item: Item;
  readonly bytes: Uint8Array;
  /** Pieces of `bytes` that are data, where the entry has holes. */
  readonly extents?: readonly (readonly [from: number, to: number])[];
}

export interface DraftOptions {
  readonly into: Into;
  /** Names drafts, staging areas and temporary files, so that leftovers can be told from another run's. */
  readonly run: string;
  readonly step: number;
  /** Rows to delete when published (merge only), by canonical key. */
  readonly removeKeys?: readonly string[];
}

export interface Sink {
  readonly accepts: readonly Format[];
  readonly visible: 'on publish' | 'as written';
  /** What may happen to what is already there. Absent: anything. */
  readonly intos?: readonly Into[];
  /** The item as it will be named and shaped here, and what that loses. Pure: the store is not asked. Throws
   *  `store.unsupported` for an item that cannot be held at all. */
  adapt(item: Item): { readonly item: Item; readonly findings: readonly Finding[] };
  /** Why an item has no place here and is left out (an index among files); undefined where it has one. Pure, as adapt.
   *  Absent: everything that adapt takes has a place. */
  leftOut?(item: Item): Finding | undefined;
  /** Is there already an item of this key? For `--into` and preflight. */
  exists(as: Item, signal: AbortSignal): Promise<boolean>;
  /** Begins, or finds again by `ticket`, an item that is not yet visible. Throws `draft.lost` for a ticket that this
   *  store no longer knows. May be called for one ticket by several workers at once. */
  draft(as: Item, ticket: string | undefined, options: DraftOptions, signal: AbortSignal): Promise<Draft>;
  /** Absent: this target cannot follow a source. */
  readonly intake?: Intake;
  /** Removes an item that is there; one that is gone is no error. */
  remove(as: Item, signal: AbortSignal): Promise<void>;
  /** Removes what this run left behind at the target: staging areas, temporary files. Safe to repeat. */
  sweep(run: string, signal: AbortSignal): Promise<void>;
  /** Keeps in folder `path` what the given items are at this moment, and which of them do not exist. */
  backup?(items: AsyncIterable<readonly Item[]>, path: string, signal: AbortSignal): Promise<BackupRecord>;
  /** Puts a backup back: replaced items as they were, items that did not exist removed. Safe to repeat. */
  restore?(backup: BackupRecord, signal: AbortSignal): Promise<void>;
}

/** An item being written and not yet visible. Of a batch, each member may become visible, whole, as it is written. */
export interface Draft extends AsyncDisposable {
  readonly ticket: string;
  /** An earlier life already published it; write and publish then change nothing. */
  readonly published: boolean;
  /** What the target held before, when `into` is `append`. */
  readonly base?: BaseContent;
  /** Durable (survives a power cut) when it resolves; twice is once; may be called concurrently for several chunks.
   *  Reads the payload to its end, also when it turns out to be known already. An abort leaves nothing of the chunk. */
  write(chunk: Chunk, payload: Payload, signal: AbortSignal): Promise<Stored>;
  /** Takes out what all chunks but these stored, also what was never recorded, so that it can be written anew,
   *  differently; what was published is then no longer. Throws `draft.lost` when one of these is not there. Safe to
   *  repeat. */
  keep?(chunks: readonly string[], signal: AbortSignal): Promise<void>;
  /** Makes everything written visible at once; whole or not at all; safe to repeat, also by another process after a
   *  crash. Must throw `draft.lost` rather than publish less than `receipts` promise. */
  publish(receipts: readonly Receipt[], signal: AbortSignal): Promise<void>;
  /** Undoes everything; the target is as before the draft. */
  discard(signal: AbortSignal): Promise<void>;
}

export type { MemberReceipt };
