import type { PlanOptions } from '../engine/engine.ts';
import { formatCount } from '../lib/byte-size.ts';
import type { Output } from './output.ts';
import { statusLine } from './status-line.ts';

type Seen = NonNullable<PlanOptions['onProgress']>;

/** Shows, on a terminal, how far the inventory of a large source has come. */
export async function watchPlanning<T>(output: Output, work: (onProgress: Seen) => Promise<T>): Promise<T> {
  using line = await statusLine(output);
  return await work(({ shipment, items, rows }) => {
    const counted = [items > 0 && `${formatCount(items)} items`, rows > 0 && `${formatCount(rows)} rows`];
    line.show(`  Looking at ${shipment}: ${counted.filter(Boolean).join(', ')}`);
  });
}
