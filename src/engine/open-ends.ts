import { createByteBudget } from '../lib/byte-budget.ts';
import type { Endpoint, Shipment } from '../model/job.ts';
import { createEnds, type Ends } from '../store/ends.ts';
import { createKeyFilter } from '../store/item-filter.ts';
import { defaultRetryPolicy, retrying } from '../store/retrying.ts';
import type { Store } from '../store/store.ts';
import { throttled } from '../store/throttled.ts';

/** Opens one end: finds its driver, resolves its secrets. Given by the composition root. */
export type OpenStore = (endpoint: Endpoint, signal: AbortSignal) => Promise<Store>;

/** Opens both ends of a shipment, dressed in retry and, where the job limits it, throttle. `budget` is shared by all
 *  workers of a run. */
export async function openEnds(
  shipment: Shipment,
  open: OpenStore,
  budget: SharedArrayBuffer | undefined,
  signal: AbortSignal,
): Promise<Ends> {
  const from = await open(shipment.from, signal);
  try {
    const to = await open(shipment.to, signal);
    try {
      const pair = from.pairWith?.(to, createKeyFilter(shipment)) ?? { from, to };
      const limited =
        shipment.bytesPerSecond === undefined
          ? pair.from
          : throttled(pair.from, createByteBudget(shipment.bytesPerSecond, budget ? { shared: budget } : {}));
      return createEnds(retrying(limited, defaultRetryPolicy), retrying(pair.to, defaultRetryPolicy));
    } catch (error) {
      await to[Symbol.asyncDispose]();
      throw error;
    }
  } catch (error) {
    await from[Symbol.asyncDispose]();
    throw error;
  }
}
