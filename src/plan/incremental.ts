import type { Item } from '../model/item.ts';
import { compareTrees } from '../store/compare-trees.ts';
import type { PlanContext } from './plan-shipment.ts';
import { DirectoryTrail } from './directory-trail.ts';
import { planChangedRows } from './changed-rows.ts';

/** Only what differs between source and target is carried. Trees are compared entry by entry, databases table by
 *  table and then row by row. */
export async function planIncremental(context: PlanContext): Promise<void> {
  const target = context.ends.target;
  if (!target) {
    context.tally.report({
      level: 'error',
      code: 'store.unsupported',
      message: `What is at ${context.shipment.to.address} cannot be listed, so it cannot be compared.`,
      hint: 'Use --strategy full.',
    });
    return;
  }
  if (context.ends.source.offers.includes('rows')) await planChangedTables(context);
  else await planChangedEntries(context);
}

async function planChangedEntries(context: PlanContext): Promise<void> {
  const { ends, shipment, since, filter, tally, steps, signal } = context;
  if (!ends.target) return;
  const trail = new DirectoryTrail((directory, action, touched) => {
    if (action === 'remove') steps.remove(directory);
    else if (touched) steps.copy(directory, directory);
  });
  const { source, target } = ends;
  for await (const { pairs, equal } of compareTrees({
    source,
    target,
    shipment,
    since,
    report: tally.report,
    signal,
  })) {
    signal.throwIfAborted();
    tally.keepFiles(equal);
    for (const { source, target } of pairs) {
      const item = source ?? target;
      if (!item || !filter(item)) continue;
      trail.arrive(item.key);
      if (source) {
        const kept = target !== undefined && (await unchanged(context, source, target));
        tally.add(kept ? 'keep' : 'copy', source);
        if (!kept) trail.touch();
        if (source.kind === 'directory') trail.enter(source, 'copy', !kept);
        else if (!kept && context.adapt(source)) steps.copy(source, source);
      } else if (target && shipment.deletions) {
        tally.add('remove', target);
        trail.touch();
        if (target.kind === 'directory') trail.enter(target, 'remove', true);
        else steps.remove(target);
      }
    }
    context.onSeen(tally.totals());
  }
  trail.end();
}

/** Equal attributes mean equal content, unless the source entry's ctime is later than the last run's start: then
 *  something wrote to it, or another file took its name, without leaving a trace in size and mtime, and bytes decide.
 *  (ctime and inode cannot be set by a user, mtime can.) */
async function unchanged(context: PlanContext, source: Item, target: Item): Promise<boolean> {
  if (source.kind !== target.kind || source.fingerprint !== target.fingerprint) return false;
  if (source.kind !== 'file' || context.since === undefined || !source.entry?.ctime) return true;
  if (BigInt(source.entry.ctime) < BigInt(context.since) * 1_000_000n) return true;
  const { ends, signal } = context;
  if (!ends.source.digest || !ends.target?.digest) return true;
  const [want, have] = [
    await ends.source.digest(source, source, signal),
    await ends.target.digest(target, target, signal),
  ];
  return want.digest === have.digest;
}

async function planChangedTables(context: PlanContext): Promise<void> {
  const { ends, filter, tally, steps, signal } = context;
  const present = new Map<string, Item>();
  for await (const page of ends.target?.list(() => {}, signal) ?? [])
    for (const item of page) present.set(item.key, item);

  for await (const page of ends.source.list(tally.report, signal)) {
    for (const item of page) {
      signal.throwIfAborted();
      if (!filter(item)) continue;
      const as = context.adapt(item);
      if (!as) continue;
      const there = present.get(as.key);
      if (!there && !(await ends.sink.exists(as, signal))) {
        tally.add('copy', item);
        steps.copy(item, as, { into: 'empty' });
      } else if (item.kind === 'table' && there) {
        await planChangedRows(context, item, as, there);
      } else {
        tally.add('keep', item);
      }
      context.onSeen(tally.totals());
    }
  }
}
