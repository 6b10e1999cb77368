import { MigrationError } from '../model/migration-error.ts';
import type { Step } from '../model/step.ts';
import type { Sink } from '../store/store.ts';
import type { RunContext } from './active-run.ts';
import type { FrozenEnds } from './frozen-ends.ts';
import { keepChunks } from './keep-chunks.ts';

/** What was recorded does not belong together with what the source now shows: what reads differently is read anew. */
export async function beginAnew(index: number, frozen: FrozenEnds, context: RunContext): Promise<void> {
  const { ends } = frozen;
  const chunkwise = ends.source.chunkDigest !== undefined && !context.past.changed(index);
  if (chunkwise && (await keepChunks(index, frozen, context))) return;
  const message =
    'The source changed since the run was stopped: everything is copied anew, so that it belongs together.';
  const finding = { level: 'warning' as const, code: 'source.moved', message };
  await context.record({ type: 'finding.raised', shipment: index, finding });
  for await (const page of context.steps(index)) {
    for (const step of page) {
      const past = context.past.of(step.seq);
      if (!past.done && past.ticket === undefined) continue;
      const item = await ends.source.look?.(step.item, context.signal);
      const arrived = past.done || (await wasPublished(step, past.ticket, ends.sink, context));
      const into = past.into ?? (arrived && step.into === 'empty' ? ('replace' as const) : undefined);
      const restarted = { type: 'item.restarted' as const, step: step.seq, reason: 'source.moved' };
      await context.record({ ...restarted, ...(item && { item }), ...(into && { into }) });
    }
  }
}

/** An earlier life may have published an item and died before that was recorded. */
async function wasPublished(
  { seq, as, into }: Step,
  ticket: string | undefined,
  sink: Sink,
  { header, signal }: RunContext,
): Promise<boolean> {
  if (ticket === undefined) return false;
  try {
    await using draft = await sink.draft(as, ticket, { into, run: header.id, step: seq }, signal);
    return draft.published;
  } catch (error) {
    if (error instanceof MigrationError && error.code === 'draft.lost') return false;
    throw error;
  }
}
