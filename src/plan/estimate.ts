import type { Totals } from '../journal/journal.ts';
import type { PlanContext } from './plan-shipment.ts';

const probeBytes = 8 * 1024 * 1024;
const probeMilliseconds = 100;
/** Below this nothing is worth probing: the answer is "a moment". */
const worthProbing = 4 * 1024 * 1024;
/** What the benches measured on two cores against local targets: bytes that all workers together store, bytes whose
 *  keys are built and whose digests are computed when they are there, and what every item costs beside. A target far
 *  away or larger will differ; the bill shows the measured time beside the estimate. */
const tables = { storedPerSecond: 140e6, finishedPerSecond: 230e6, secondsPerItem: 0.03 };
const trees = { storedPerSecond: 1.5e9, finishedPerSecond: Infinity, secondsPerItem: 60e-6 };

/** Bytes per second at which one worker reads the first large item, by reading a little of it. Writes nothing. */
export async function probeReadRate(context: PlanContext): Promise<number | undefined> {
  const { ends, steps, shipment, signal } = context;
  const first = steps.largest();
  if (!first || first.item.bytes < worthProbing) return undefined;
  for await (const chunk of ends.source.split(first.item, shipment.chunkBytes, signal)) {
    const format = first.item.shape ? 'rows' : 'bytes';
    const started = performance.now();
    const payload = await ends.source.read(chunk, first.item, first.as, format, signal);
    let covered = 0;
    let cut = false;
    for await (const part of payload.parts) {
      if (part instanceof Uint8Array) covered += part.length;
      else if ('offset' in part) covered = part.offset + part.bytes.length - Number(chunk.range?.[0] ?? 0);
      cut = covered >= probeBytes || performance.now() - started > probeMilliseconds;
      if (cut) break;
    }
    // A chunk that was read to its end is covered whole: what it did not give are holes.
    return ((cut ? covered : chunk.bytes) / Math.max(1, performance.now() - started)) * 1000;
  }
  return undefined;
}

/** Bytes ÷ the slower of reading and storing, plus keys and digests, plus what every item costs. */
export function estimateSeconds(copy: Totals, readRate: number, workers: number): number {
  const target = copy.rows > 0 ? tables : trees;
  const moved = copy.bytes / Math.min(readRate * workers, target.storedPerSecond);
  return moved + copy.bytes / target.finishedPerSecond + copy.items * target.secondsPerItem;
}

/** Digests of both ends, computed where the rows are, at about this speed, with a little for every item. */
const comparing = { bytesPerSecond: 75e6, secondsPerItem: 0.03 };

/** How long comparing both ends takes. */
export const compareSeconds = ({ items, bytes }: Pick<Totals, 'items' | 'bytes'>): number =>
  bytes / comparing.bytesPerSecond + items * comparing.secondsPerItem;
