import type { Shipment } from '../model/job.ts';
import { compareSeconds } from '../plan/estimate.ts';
import type { ShipmentContext } from './active-run.ts';

/** How long comparing both ends takes, as far as the plan tells. */
export async function predictedCheckMs({ index, run }: ShipmentContext): Promise<number> {
  let [items, bytes] = [0, 0];
  for await (const page of run.steps(index)) {
    items += page.length;
    for (const { item } of page) bytes += item.bytes;
  }
  return compareSeconds({ items, bytes }) * 1000;
}

/** Both ends are compared while writers wait: it takes at most half of the time that is left, because a guess must not
 *  cost the cutover. */
export const fitsPause = ({ verify }: Shipment, checkMs: number, leftMs: number): boolean =>
  verify !== 'counts' && checkMs <= leftMs / 2;
