import type { Difference } from '../model/difference.ts';
import type { Item } from '../model/item.ts';
import type { Depth, Shipment } from '../model/job.ts';
import type { PastStep } from '../model/past.ts';
import type { MemberReceipt } from '../model/receipt.ts';
import type { Step } from '../model/step.ts';
import type { Ends } from '../store/ends.ts';

export interface VerifyInput {
  readonly ends: Ends;
  readonly shipment: Shipment;
  readonly depth: Depth;
  readonly steps: () => AsyncIterable<readonly Step[]>;
  readonly past: (step: number) => PastStep;
  /** Receipts of batch members, as journaled. */
  readonly members: () => AsyncIterable<readonly MemberReceipt[]>;
  /** The run has ended: files are read again and compared with the digests taken while they were written. */
  readonly reread: boolean;
  readonly onDifference: (difference: Difference) => Promise<void>;
  /** An item was looked at, or several that need no mention. */
  readonly onItem: (content: Content) => void;
  /** All that a step of the plan carried was looked at. */
  readonly onStep: (step: number, equal: boolean) => Promise<void>;
  readonly signal: AbortSignal;
}

export interface Content {
  readonly key: string;
  readonly items: number;
  readonly rows: number;
  readonly bytes: number;
}

export const content = (item: Item, rows = item.rows ?? 0): Content => ({
  key: item.key,
  items: 1,
  rows,
  bytes: item.bytes,
});
