import type { Chunk, Item } from '../model/item.ts';
import { carriedColumns } from '../model/shape.ts';
import { compareBuckets, differingRows } from '../store/compare-rows.ts';
import type { PlanContext } from './plan-shipment.ts';

const keysPerChunk = 5000;

/** Plans the rows of one table that differ between both ends: missing and changed rows are merged by key, and rows
 *  that the source no longer has are removed if the job asks for it. */
export async function planChangedRows(context: PlanContext, item: Item, as: Item, there: Item): Promise<void> {
  const { ends, tally, steps, signal, shipment } = context;
  const target = ends.target;
  const rows = item.rows ?? 0;
  if (!target || !sameShape(context, as, there)) return;
  if (!ends.source.bucketDigests || !target.bucketDigests) {
    tally.report(info(item, 'cannot be compared row by row, so it is copied whole'));
    tally.add('copy', item);
    steps.copy(item, as, { into: 'replace' });
    return;
  }
  const comparison = await compareBuckets(ends.source, target, item, as, rows, signal);
  if (comparison.differing.length === 0) {
    tally.add('keep', item);
    return;
  }
  if ((as.shape?.primaryKey.length ?? 0) === 0) {
    tally.report(info(item, 'has no primary key, so its changed rows cannot be told apart and it is copied whole'));
    tally.add('copy', item);
    steps.copy(item, as, { into: 'replace' });
    return;
  }
  const copyKeys: string[] = [];
  const removeKeys: string[] = [];
  for await (const page of differingRows(ends.source, target, item, as, comparison, signal)) {
    for (const { key, kind } of page) {
      if (kind !== 'extra') copyKeys.push(key);
      else if (shipment.deletions) removeKeys.push(key);
    }
  }
  if (copyKeys.length === 0 && removeKeys.length === 0) {
    tally.add('keep', item);
    return;
  }
  const share = rows > 0 ? copyKeys.length / rows : 0;
  tally.add('copy', item, { rows: copyKeys.length, bytes: Math.round(item.bytes * Math.min(1, share)) });
  steps.copy(item, as, {
    into: 'merge',
    chunks: keyChunks(copyKeys, item),
    ...(removeKeys.length > 0 && { removeKeys }),
  });
}

function keyChunks(keys: readonly string[], item: Item): Chunk[] {
  const rowBytes = Math.ceil(item.bytes / Math.max(1, item.rows ?? 1));
  const chunks: Chunk[] = [];
  for (let at = 0; at < keys.length; at += keysPerChunk) {
    const part = keys.slice(at, at + keysPerChunk);
    chunks.push({ id: `keys-${chunks.length}`, keys: part, rows: part.length, bytes: part.length * rowBytes });
  }
  return chunks;
}

/** A table whose columns are not those that would be created cannot be merged into; says so as an error. */
function sameShape({ tally }: PlanContext, as: Item, there: Item): boolean {
  if (!as.shape || !there.shape) return false;
  const have = new Map(there.shape.columns.map((column) => [column.name, column.type.kind]));
  const wrong = carriedColumns(as.shape).find((column) => have.get(column.name) !== column.type.kind);
  if (!wrong) return true;
  const found = have.get(wrong.name);
  tally.report({
    level: 'error',
    code: 'store.unsupported',
    message: found
      ? `Column ${wrong.name} of table ${as.key} is ${found} at the target, ${wrong.type.kind} at the source.`
      : `Table ${as.key} at the target has no column ${wrong.name}.`,
    hint: 'Alter the table at the target, or copy it whole with --strategy full --into replace.',
    where: as.key,
  });
  return false;
}

const info = (item: Item, what: string) => ({
  level: 'info' as const,
  code: 'plan.whole-table',
  message: `Table ${item.key} ${what}.`,
  where: item.key,
});
