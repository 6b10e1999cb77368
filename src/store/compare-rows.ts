import type { Item } from '../model/item.ts';
import type { Difference } from '../model/difference.ts';
import type { Source } from './store.ts';

/** A row that is not equal at both ends. */
export interface RowDifference {
  readonly key: string;
  readonly kind: Extract<Difference['kind'], 'missing' | 'extra' | 'changed'>;
}

/** Rows per bucket to aim for: few enough to hold the prints of a page of buckets, many enough that a table of a
 *  billion rows needs only 2^16 sums. */
const bucketRows = 4096;
const maxBuckets = 65_536;
/** Prints of at most about this many rows are held at a time, on each side. */
const heldRows = 262_144;

export interface BucketComparison {
  readonly buckets: number;
  readonly differing: readonly number[];
  /** Rows of the source in the differing buckets. */
  readonly rows: number;
}

/** Finds the parts of a table that differ, by one pass over each end. */
export async function compareBuckets(
  source: Source,
  target: Source,
  item: Item,
  as: Item,
  rows: number,
  signal: AbortSignal,
): Promise<BucketComparison> {
  if (!source.bucketDigests || !target.bucketDigests) throw new TypeError('both ends must offer bucket digests');
  const buckets = Math.min(maxBuckets, 2 ** Math.ceil(Math.log2(Math.max(16, rows / bucketRows))));
  const [have, want] = await Promise.all([
    target.bucketDigests(as, as, buckets, signal),
    source.bucketDigests(item, as, buckets, signal),
  ]);
  const differing: number[] = [];
  let differingRows = 0;
  for (let bucket = 0; bucket < buckets; bucket++) {
    if (have.sums[bucket] === want.sums[bucket] && have.rows[bucket] === want.rows[bucket]) continue;
    differing.push(bucket);
    differingRows += want.rows[bucket] ?? 0;
  }
  return { buckets, differing, rows: differingRows };
}

/** Names every row that differs in the given buckets. A table without key is compared as a multiset of row hashes:
 *  a row that is there twice instead of once is named once, as extra. */
export async function* differingRows(
  source: Source,
  target: Source,
  item: Item,
  as: Item,
  comparison: BucketComparison,
  signal: AbortSignal,
): AsyncGenerator<readonly RowDifference[]> {
  if (!source.rowPrints || !target.rowPrints) throw new TypeError('both ends must offer row prints');
  const perBucket = Math.max(1, comparison.rows / Math.max(1, comparison.differing.length));
  const step = Math.max(1, Math.floor(heldRows / perBucket));
  for (let at = 0; at < comparison.differing.length; at += step) {
    const wanted = new Set(comparison.differing.slice(at, at + step));
    const want = await collect(source.rowPrints(item, as, comparison.buckets, wanted, signal));
    const have = await collect(target.rowPrints(as, as, comparison.buckets, wanted, signal));
    yield diff(want, have);
  }
}

type Prints = Map<string, bigint[]>;

async function collect(pages: AsyncIterable<readonly { key: string; hash: bigint }[]>): Promise<Prints> {
  const prints: Prints = new Map();
  for await (const page of pages) {
    for (const { key, hash } of page) {
      const hashes = prints.get(key);
      if (hashes) hashes.push(hash);
      else prints.set(key, [hash]);
    }
  }
  return prints;
}

function diff(want: Prints, have: Prints): RowDifference[] {
  const differences: RowDifference[] = [];
  for (const [key, hashes] of want) {
    const found = have.get(key);
    if (!found || found.length < hashes.length) differences.push({ key, kind: 'missing' });
    else if (found.length > hashes.length) differences.push({ key, kind: 'extra' });
    else if (!sameHashes(hashes, found)) differences.push({ key, kind: 'changed' });
  }
  for (const key of have.keys()) if (!want.has(key)) differences.push({ key, kind: 'extra' });
  return differences;
}

const sameHashes = (a: readonly bigint[], b: readonly bigint[]): boolean => {
  const order = (x: bigint, y: bigint): number => (x < y ? -1 : x > y ? 1 : 0);
  const [left, right] = [a.toSorted(order), b.toSorted(order)];
  return left.every((hash, i) => hash === right[i]);
};
