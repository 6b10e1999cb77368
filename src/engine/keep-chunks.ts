import type { Finding } from '../model/finding.ts';
import { toMigrationError } from '../model/migration-error.ts';
import type { PastStep } from '../model/past.ts';
import type { Step } from '../model/step.ts';
import type { Source } from '../store/store.ts';
import type { RunContext } from './active-run.ts';
import type { FrozenEnds } from './frozen-ends.ts';

/** The source stands elsewhere than when the run began: chunks that still read the same are kept, all others are taken
 *  out of the target and copied again, so that everything belongs to one moment. When all tables had arrived, they
 *  already do. False when that cannot be said chunk by chunk: a table that was followed holds more than its chunks. */
export async function keepChunks(index: number, frozen: FrozenEnds, context: RunContext): Promise<boolean> {
  const { header, past, signal } = context;
  const { ends } = frozen;
  const targetBytes = header.job.shipments[index]?.chunkBytes ?? Infinity;
  const data: Step[] = [];
  for await (const page of context.steps(index)) data.push(...page.filter(holdsContent));
  if (data.every(({ seq }) => past.of(seq).done)) {
    if (header.job.shipments[index]?.strategy === 'hybrid') return false;
    await raise(index, context, 'All tables had arrived before.');
    return true;
  }

  let [kept, dropped] = [0, 0];
  for (const step of data) {
    const known = past.of(step.seq);
    if (known.ticket === undefined && !known.done) continue;
    if (step.item.kind !== 'table') {
      await restart(step, 'source.moved', context);
      continue;
    }
    const same = await unchanged(ends.source, step, known, targetBytes, signal);
    const gone = [...known.receipts.keys()].filter((chunk) => !same.includes(chunk));
    const whole = known.done && gone.length === 0;
    kept += same.length;
    dropped += gone.length;
    if (!whole && !(await keepAtTarget(step, known, same, frozen, context))) continue;
    if (gone.length > 0) await context.record({ type: 'chunks.dropped', step: step.seq, chunks: gone });
  }
  await raise(index, context, `${kept} chunks still read the same and are kept, ${dropped} are copied again.`);
  return true;
}

/** The recorded chunks that the source, as it is now, would give again. */
async function unchanged(
  source: Source,
  step: Step,
  past: PastStep,
  targetBytes: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (past.receipts.size === 0) return [];
  const item = past.item ?? step.item;
  const same: string[] = [];
  for await (const chunk of source.split(item, targetBytes, signal)) {
    const receipt = past.receipts.get(chunk.id);
    if (receipt && (await source.chunkDigest?.(chunk, item, step.as, signal)) === receipt.digest) same.push(chunk.id);
  }
  return same;
}

/** False when the target no longer holds what is to be kept: the item then begins anew. */
async function keepAtTarget(
  step: Step,
  past: PastStep,
  same: readonly string[],
  { ends }: FrozenEnds,
  context: RunContext,
): Promise<boolean> {
  const { header, signal } = context;
  const options = { into: past.into ?? step.into, run: header.id, step: step.seq };
  try {
    await using draft = await ends.sink.draft(step.as, past.ticket, options, signal);
    await draft.keep?.(same, signal);
    return true;
  } catch (thrown) {
    const { code } = toMigrationError(thrown);
    if (code !== 'draft.lost') throw thrown;
    await restart(step, code, context);
    return false;
  }
}

/** What is read from the source while it stands still: tables, and objects that are more than their definition. */
const holdsContent = ({ item, action }: Step): boolean =>
  action === 'copy' && (item.kind === 'table' || (item.kind === 'object' && item.stage === 'data' && item.bytes > 0));

async function restart(step: Step, reason: string, context: RunContext): Promise<void> {
  const into = step.into === 'empty' ? { into: 'replace' as const } : {};
  await context.record({ type: 'item.restarted', step: step.seq, reason, ...into });
}

async function raise(shipment: number, context: RunContext, what: string): Promise<void> {
  const message = `The snapshot that the source was read in is gone. ${what}`;
  const finding: Finding = { level: 'warning', code: 'source.moved', message };
  await context.record({ type: 'finding.raised', shipment, finding });
}
