import type { Item } from '../model/item.ts';
import type { PlanContext } from './plan-shipment.ts';
import { DirectoryTrail } from './directory-trail.ts';
import { Narrowing } from './narrow-tables.ts';

/** Everything the source has is copied. With `into: empty` an item that is already at the target is an error, so that
 *  nothing is overwritten unless the job says so. */
export async function planFull(context: PlanContext): Promise<void> {
  const { ends, shipment, filter, tally, steps, signal } = context;
  const mustBeNew = shipment.into === 'empty' && (await holdsAnything(context));
  let clashes = 0;
  const trail = new DirectoryTrail((directory) => steps.copy(directory, directory));

  const narrowing = new Narrowing(shipment, ends.source, tally.report);
  for await (const page of ends.source.list(tally.report, signal)) {
    signal.throwIfAborted();
    for (const whole of page) {
      if (!filter(whole)) continue;
      const item = narrowing.narrow(whole);
      tally.add('copy', item);
      if (item.entry) trail.arrive(item.key);
      if (item.kind === 'directory') {
        trail.enter(item, 'copy', true);
        continue;
      }
      const as = context.adapt(item);
      if (!as) continue;
      if (mustBeNew && item.stage === 'data' && (await ends.sink.exists(as, signal))) {
        clashes += 1;
        if (clashes <= 5) tally.report(notEmpty(item, as, context.shipment.to.address));
      }
      steps.copy(item, as);
    }
    context.onSeen(tally.totals());
  }
  trail.end();
  narrowing.end();
  if (clashes > 5) {
    const message = `${clashes} items in all are already at the target.`;
    tally.report({ level: 'error', code: 'target.not-empty', message });
  }
}

async function holdsAnything({ ends, signal }: PlanContext): Promise<boolean> {
  if (!ends.target) return true;
  for await (const page of ends.target.list(() => {}, signal)) {
    if (page.some((item) => item.kind !== 'directory')) return true;
  }
  return false;
}

const notEmpty = (item: Item, as: Item, target: string) => ({
  level: 'error' as const,
  code: 'target.not-empty',
  message: `${item.kind} ${as.key} is already at the target ${target}.`,
  hint: 'Say what should happen to it: --into replace, --into append, --into merge, or --strategy incremental.',
  where: as.key,
});
