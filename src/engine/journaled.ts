import type { Journal } from '../journal/journal.ts';
import type { MemberReceipt } from '../model/receipt.ts';
import type { Step } from '../model/step.ts';

/** The steps of one shipment out of a whole plan, in order. */
export async function* ofShipment(
  plan: AsyncIterable<readonly Step[]> | Iterable<readonly Step[]>,
  shipment: number,
): AsyncGenerator<readonly Step[]> {
  for await (const page of plan) {
    const own = page.filter((step) => step.shipment === shipment);
    if (own.length > 0) yield own;
  }
}

/** The receipts of all batch members of a run. */
export async function* journaledMembers(journal: Journal, run: string): AsyncGenerator<readonly MemberReceipt[]> {
  for await (const page of journal.replay(run)) {
    for (const { event } of page)
      if (event.type === 'chunk.written' && event.receipt.members) yield event.receipt.members;
  }
}
