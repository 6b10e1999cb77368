import type { Chunk, Item } from './item.ts';
import type { Into } from './job.ts';

/** One line of a plan: what happens to one item. Survives JSON: a plan is stored and resumed from the journal. */
export interface Step {
  /** Position in the plan, from 0; names the step in events. */
  readonly seq: number;
  /** Index into `Job.shipments`. */
  readonly shipment: number;
  readonly action: 'copy' | 'remove';
  /** The item at the source (`remove`: at the target). */
  readonly item: Item;
  /** The item as it will be named and shaped at the target. */
  readonly as: Item;
  readonly into: Into;
  /** Given by an incremental plan: only these chunks, instead of the source's own split. */
  readonly chunks?: readonly Chunk[];
  /** Rows to delete at the target when the step's chunks are published, by canonical key. */
  readonly removeKeys?: readonly string[];
}
