/** plan: looks at both ends and decides what will move, without writing anything.
 *  Promise: what cannot work is found here, with the place and the remedy. Callers: engine. */
import type { PlanTotals } from '../journal/journal.ts';
import type { Shipment } from '../model/job.ts';

export interface PlannedShipment {
  readonly shipment: Shipment;
  readonly totals: PlanTotals;
  /** Biggest first, at most 20: what a person wants to see before approving. */
  readonly largest: readonly {
    readonly key: string;
    readonly kind: string;
    readonly bytes: number;
    readonly rows?: number;
  }[];
  /** Items by kind, for the plan's table. */
  readonly kinds: Readonly<Record<string, number>>;
}
