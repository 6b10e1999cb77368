import type { Totals } from '../journal/journal.ts';
import type { PlanContext } from './plan-shipment.ts';

const probeBytes = 8 * 1024 * 1024;
const probeMilliseconds = 100;
/** Below this nothing is worth probing: the answer is "a moment". */
const worthProbing = 4 * 1024 * 1024;
/** Opening, naming and publishing one item, whatever it holds; measured in bench/small-files.ts and bench/tables.ts. */
const secondsPerItem = 60e-6;
/** A target stores about as fast as a source is read when both are local; a database needs its own time beside. */
const writeShare = { bytes: 0.5, rows: 1 } as const;

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

/** Seconds to copy: reading and writing shared by the workers, plus what every item costs. */
export function estimateSeconds(copy: Totals, readRate: number, workers: number): number {
  const reading = copy.bytes / readRate;
  const writing = reading * (copy.rows > 0 ? writeShare.rows : writeShare.bytes);
  return (reading + writing) / Math.max(1, Math.min(workers, 2)) + copy.items * secondsPerItem;
}
