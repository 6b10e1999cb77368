import type { RunEvent } from '../model/event.ts';
import type { Lag } from '../model/lag.ts';
import type { ChangeBatch } from '../store/following.ts';

/** Sums of what was applied since it was last recorded. */
export class Applied {
  transactions = 0;
  changes = 0;
  bytes = 0;

  add(batch: ChangeBatch): void {
    this.transactions += batch.transactions;
    this.changes += batch.changes;
    this.bytes += batch.bytes;
  }

  /** The event that records the sums, which begin anew; undefined when there is nothing to record. */
  take(
    shipment: number,
    position: string,
    more: { readonly lag?: Lag; readonly predictedMs?: number },
  ): RunEvent | undefined {
    const { transactions, changes, bytes } = this;
    if (transactions + changes === 0) return undefined;
    this.transactions = this.changes = this.bytes = 0;
    return { type: 'changes.applied', shipment, at: Date.now(), position, transactions, changes, bytes, ...more };
  }
}
