import { addRowsDigests, noRows } from '../model/digest.ts';
import type { Item } from '../model/item.ts';
import type { Step } from '../model/step.ts';
import { compareBuckets, differingRows } from '../store/compare-rows.ts';
import { createItemFilter } from '../store/item-filter.ts';
import { content, type VerifyInput } from './verify-input.ts';

/** Every table holds the rows that were carried, every index and foreign key is there. A difference is named by key. */
export async function verifyTables(input: VerifyInput): Promise<void> {
  const planned = new Set<string>();
  for await (const page of input.steps()) {
    for (const step of page) {
      planned.add(step.item.key);
      input.signal.throwIfAborted();
      if (step.action === 'copy') await verifyStep(input, step);
    }
  }
  if (input.shipment.strategy === 'incremental') await verifyKept(input, planned);
}

async function verifyStep(input: VerifyInput, step: Step): Promise<void> {
  const past = input.past(step.seq);
  if (past.failed) {
    await input.onStep(step.seq, false);
    return;
  }
  const item = past.item ?? step.item;
  if (step.item.kind !== 'table') {
    await verifyPresence(input, step.seq, item, step.as);
    return;
  }
  const receipts = [...past.receipts.values()];
  const rows = receipts.reduce((sum, receipt) => sum + receipt.rows, past.base?.rows ?? 0);
  if (input.depth === 'counts') {
    await verifyPresence(input, step.seq, item, step.as);
    return;
  }
  // What was carried is not what is there once changes have been applied to it.
  const changed = step.into === 'merge' || input.shipment.strategy === 'hybrid';
  const knows = !changed && input.depth === 'digests';
  const digest = receipts.reduce((sum, receipt) => addRowsDigests(sum, receipt.digest), past.base?.digest ?? noRows);
  await verifyRows(input, step.seq, item, step.as, knows ? { rows, digest } : undefined);
}

/** Tables that an incremental run left as they were are compared with the source. */
async function verifyKept(input: VerifyInput, planned: ReadonlySet<string>): Promise<void> {
  const filter = createItemFilter(input.shipment);
  for await (const page of input.ends.source.list(() => {}, input.signal)) {
    for (const item of page) {
      input.signal.throwIfAborted();
      if (planned.has(item.key) || !filter(item) || input.ends.sink.leftOut?.(item)) continue;
      const as = input.ends.sink.adapt(item).item;
      if (item.kind === 'table' && input.depth !== 'counts') await verifyRows(input, undefined, item, as, undefined);
      else await verifyPresence(input, undefined, item, as);
    }
  }
}

async function verifyPresence(input: VerifyInput, step: number | undefined, item: Item, as: Item): Promise<void> {
  const there = await input.ends.sink.exists(as, input.signal);
  if (!there) await input.onDifference({ item: item.key, kind: 'missing' });
  input.onItem(content(item));
  if (step !== undefined) await input.onStep(step, there);
}

/** `carried` is what the receipts add up to; where they do not tell the whole table, the source is read. */
async function verifyRows(
  input: VerifyInput,
  step: number | undefined,
  item: Item,
  as: Item,
  carried: { readonly rows: number; readonly digest: string } | undefined,
): Promise<void> {
  const { ends, signal } = input;
  const { source, target } = ends;
  if (!(await ends.sink.exists(as, signal))) {
    await verifyPresence(input, step, item, as);
    return;
  }
  // Two servers can work at the same time.
  const [have, want] = await Promise.all([
    target?.digest?.(as, as, signal),
    carried ?? source.digest?.(item, as, signal),
  ]);
  let equal = have !== undefined && want !== undefined && have.rows === want.rows && have.digest === want.digest;
  if (!equal) {
    const named = await nameRows(input, item, as, want?.rows ?? 0);
    // A merge leaves rows alone that only the target has: without a row named, the table is as it should be.
    equal = named === 0 && !carried && !input.shipment.deletions;
    if (named === 0 && !equal) {
      const detail = `${want?.rows ?? 'unknown'} rows were carried, ${have?.rows ?? 'unknown'} are at the target`;
      await input.onDifference({ item: item.key, kind: have?.rows === want?.rows ? 'changed' : 'count', detail });
    }
  }
  input.onItem(content(item, have?.rows ?? 0));
  if (step !== undefined) await input.onStep(step, equal);
}

/** Bisects down to the keys; the number of rows named. Rows that only the target has count unless the target may
 *  keep rows of its own. */
async function nameRows(input: VerifyInput, item: Item, as: Item, rows: number): Promise<number> {
  const { ends, shipment, signal } = input;
  const { source, target } = ends;
  if (!target?.bucketDigests || !target.rowPrints || !source.bucketDigests || !source.rowPrints) return 0;
  const own =
    shipment.strategy === 'incremental' ? !shipment.deletions : shipment.into === 'merge' || shipment.into === 'append';
  const comparison = await compareBuckets(source, target, item, as, rows, signal);
  let named = 0;
  for await (const page of differingRows(source, target, item, as, comparison, signal)) {
    for (const { key, kind } of page) {
      if (kind === 'extra' && own) continue;
      named += 1;
      await input.onDifference({ item: item.key, key, kind });
    }
  }
  return named;
}
