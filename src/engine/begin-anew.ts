import type { RunContext } from './active-run.ts';
import type { FrozenEnds } from './frozen-ends.ts';

/** What was recorded does not belong together with what the source now shows: it is read anew. */
export async function beginAnew(index: number, { ends }: FrozenEnds, context: RunContext): Promise<void> {
  const message =
    'The source changed since the run was stopped: everything is copied anew, so that it belongs together.';
  const finding = { level: 'warning' as const, code: 'source.moved', message };
  await context.record({ type: 'finding.raised', shipment: index, finding });
  for await (const page of context.steps(index)) {
    for (const step of page) {
      const past = context.past.of(step.seq);
      if (!past.done && past.ticket === undefined) continue;
      const item = await ends.source.look?.(step.item, context.signal);
      const into = past.done && step.into === 'empty' ? { into: 'replace' as const } : {};
      const restarted = { type: 'item.restarted' as const, step: step.seq, reason: 'source.moved' };
      await context.record({ ...restarted, ...(item && { item }), ...into });
    }
  }
}
