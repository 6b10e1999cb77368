/** What two stores add to the contract (store.ts) when one can be followed into the other. Positions are the source's
 *  own texts; only the source compares them. */
import type { Finding } from '../model/finding.ts';
import type { FollowOptions, FreezeOptions, Shipment } from '../model/job.ts';
import type { Lag } from '../model/lag.ts';
import type { Json } from '../model/model.ts';
import type { Snapshot } from './store.ts';

/** How a shipment is followed, and what of its source: without filters everything is. */
export type FeedOptions = FollowOptions & Partial<Pick<Shipment, 'include' | 'exclude' | 'where' | 'omit'>>;

/** The source's side of following. `run` names what it keeps for a run (a replication slot), so that leftovers can be
 *  told from another run's. Every method is safe to repeat. */
export interface Feed {
  /** What would keep a run from following: settings, rights, room, rows without identity. Writes nothing. */
  probe(options: FeedOptions, signal: AbortSignal): Promise<Finding[]>;
  /** The source keeps its changes for `run` from the returned snapshot on: what the snapshot does not show comes as a
   *  change. What it kept for an earlier life of the run is let go. Other workers see the same with
   *  `Source.snapshot(position)`. */
  begin(run: string, options: FeedOptions, signal: AbortSignal): Promise<Snapshot>;
  /** Changes after `since` (of `begin`, or of a batch), in the order of their commits; never ends by itself. Gives a batch
   *  without changes at least once a second, so that the position moves on while the source rests.
   *  Throws `source.moved` when the changes after `since` are gone, `source.altered` when a definition changed and
   *  `options.ddl` is `stop`, `source.filling` when what is kept passes `options.keptBytes`. */
  changes(run: string, since: string, options: FeedOptions, signal: AbortSignal): AsyncIterable<ChangeBatch>;
  /** Everything up to `position` is durable at the target: the source may forget it. */
  confirm(run: string, position: string): void;
  /** How far the target is behind the source's present. */
  lag(run: string, position: string, signal: AbortSignal): Promise<Lag>;
  /** `position` holds everything up to `goal`. Pure. */
  reached(position: string, goal: string): boolean;
  /** Keeps writers out of the source, those under way ended as `how` says. Gives the position after the last of their
   *  changes. Throws `source.busy-writers` when they did not end within `how.waitMs`; it is then still frozen. */
  freeze(run: string, how: FreezeOptions, signal: AbortSignal): Promise<string>;
  /** Lets writers in again. */
  thaw(run: string, signal: AbortSignal): Promise<void>;
  /** Numbers that no change tells of: what sequences give out next. */
  counters(signal: AbortSignal): Promise<Json>;
  /** Lets go of everything `begin` made. */
  end(run: string, signal: AbortSignal): Promise<void>;
}

/** The target's side of following. */
export interface Intake {
  probe(options: FollowOptions, signal: AbortSignal): Promise<Finding[]>;
  /** Up to where changes of this run are durable here; undefined before the first. Asked whenever following begins
   *  again: pieces of a transaction that has not ended are forgotten. */
  position(run: string, signal: AbortSignal): Promise<string | undefined>;
  /** Applies a batch and stores its position in the same transaction: durable when it resolves. A batch without
   *  position is a piece of a transaction that goes on in the next one: all its pieces become visible together. Batches
   *  arrive in order, one at a time; after an error or an abort the caller begins again from `position`.
   *  Throws `target.conflict`, naming table and key, where a row is not as the change found it. */
  apply(run: string, batch: ChangeBatch, signal: AbortSignal): Promise<void>;
  /** No later change may give out a number that the source gave out. */
  setCounters(counters: Json, signal: AbortSignal): Promise<void>;
  /** Keeps everybody but Waybill from writing here, until `open`. */
  close(run: string, signal: AbortSignal): Promise<void>;
  open(run: string, signal: AbortSignal): Promise<void>;
  /** Forgets the run's position and whatever else following left here. */
  end(run: string, signal: AbortSignal): Promise<void>;
}

export interface ChangeBatch {
  /** After its last transaction; undefined when that goes on in the next batch. */
  readonly position: string | undefined;
  /** Transactions that end in this batch. */
  readonly transactions: number;
  /** Rows inserted, updated, deleted; a truncation counts as one. */
  readonly changes: number;
  readonly bytes: number;
  /** When the last of its transactions was committed at the source, in milliseconds since 1970; undefined without one. */
  readonly committedAt: number | undefined;
  /** What was noticed at the source since the batch before. */
  readonly findings?: readonly Finding[];
  /** What only the sink of this pair can read. */
  readonly content: unknown;
}
