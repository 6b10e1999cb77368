/** verify: proves that what is at the target is what was carried, and names what is not.
 *  Promise: no difference is passed over in silence (invariant 8). Callers: engine.
 *  Depths: `counts` looks at names, sizes and attributes of entries and at the counts that the target gave while
 *  writing; `digests` also has databases compute their digests anew and, after the run, reads files again;
 *  `every-byte` reads everything at both ends. */
import type { Difference } from '../model/difference.ts';
import type { Depth, Shipment } from '../model/job.ts';
import type { PastStep } from '../model/past.ts';
import type { MemberReceipt } from '../model/receipt.ts';
import type { Step } from '../model/step.ts';
import type { Ends } from '../store/ends.ts';
import type { Content } from './content.ts';
import { verifyEntries } from './verify-entries.ts';
import { verifyTables } from './verify-tables.ts';

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
  /** An item was looked at. */
  readonly onItem: (content: Content) => void;
  /** All that a step of the plan carried was looked at. */
  readonly onStep: (step: number, equal: boolean) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Compares both ends of one shipment. */
export async function verifyShipment(input: VerifyInput): Promise<void> {
  if (input.ends.source.offers.includes('rows')) await verifyTables(input);
  else await verifyEntries(input);
}
