import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { addRowsDigests, rowsDigest } from '../model/digest.ts';
import type { Item } from '../model/item.ts';
import type { BucketDigests, RowPrint, Source } from '../store/store.ts';
import { createRowDigest } from '../store/rows/row-digest.ts';
import { carriedColumns } from '../model/shape.ts';
import { compareBuckets, differingRows } from '../store/compare-rows.ts';
import { sampleTables } from './fixtures.ts';
import type { ContractContext } from './store-contract.ts';
import { begin, carry, contentOf, digestOf, listed, memoryStore, never, writeAll } from './testing.ts';

const buckets = 16;

async function bucketsOf(source: Source, item: Item): Promise<BucketDigests> {
  return (await source.bucketDigests?.(item, item, buckets, never)) ?? assert.fail('the store has no bucket digests');
}

export function tableChecks(context: ContractContext): void {
  const named = async (source: Source, key: string): Promise<Item> => {
    const found = (await listed(source)).find((item) => item.key === key);
    assert.ok(found, `${key} is not listed`);
    return found;
  };
  const people = (source: Source): Promise<Item> => named(source, 'people');
  /** The same table with other people: some rows changed, some missing. */
  const later = async (count: number) => memoryStore(sampleTables({ people: count, seed: 99 }));
  const prints = async (source: Source, item: Item, as: Item, wanted: ReadonlySet<number>): Promise<RowPrint[]> =>
    source.rowPrints ? (await Array.fromAsync(source.rowPrints(item, as, buckets, wanted, never))).flat() : [];
  const all = new Set(Array.from({ length: buckets }, (_, i) => i));

  it('append adds rows to those that are there, and knows what these were', async () => {
    const store = await context.fresh();
    const { source } = context.memory();
    const loose = (await listed(source)).find(({ kind, shape }) => kind === 'table' && shape?.primaryKey.length === 0);
    assert.ok(loose);
    await carry({ source, sink: store.sink, item: loose });
    const begun = await begin({ source, sink: store.sink, item: loose, into: 'append', step: 1 });
    const { base } = begun.draft;
    assert.ok(base, 'the draft says what was there before');
    const receipts = await writeAll(begun);
    await begun.draft.publish(receipts, never);
    const digest = receipts.reduce((sum, receipt) => addRowsDigests(sum, receipt.digest), base.digest);
    const there = await named(store.source, begun.as.key);
    assert.equal(await contentOf(store.source, there, begun.as), `${base.rows * 2} rows ${digest}`);
  });

  it('merge updates rows by key, adds those that are new and deletes those it is told to', async () => {
    const store = await context.fresh();
    const { source } = context.memory();
    const item = await people(source);
    await carry({ source, sink: store.sink, item });
    const changed = await later((item.rows ?? 0) - 10);
    const changedItem = await people(changed.source);
    const keys = (each: readonly RowPrint[]): Set<string> => new Set(each.map(({ key }) => key));
    const kept = keys(await prints(changed.source, changedItem, changedItem, all));
    const removeKeys = [...keys(await prints(source, item, item, all))].filter((key) => !kept.has(key));
    assert.equal(removeKeys.length, 10);
    await carry({ source: changed.source, sink: store.sink, item: changedItem, into: 'merge', removeKeys, step: 1 });
    const as = store.sink.adapt(changedItem).item;
    assert.equal(
      await contentOf(store.source, await named(store.source, as.key), as),
      await contentOf(changed.source, changedItem, as),
    );
  });

  it('rows can be read by their keys', async (t: TestContext) => {
    const { source } = await context.filled();
    if (!source.rowPrints) return t.skip('the store has no row prints');
    for (const item of (await listed(source)).filter(({ kind }) => kind === 'table')) {
      const every = await prints(source, item, item, all);
      const keys = new Set(every.slice(0, 3).map(({ key }) => key));
      if (keys.size === 0) continue;
      const payload = await source.read({ id: 'keys', bytes: 0, keys: [...keys] }, item, item, 'rows', never);
      const digest = createRowDigest(carriedColumns(item.shape ?? assert.fail('a table has a shape')).length);
      if (payload.format === 'rows') for await (const part of payload.parts) digest.update(part);
      const wanted = every.filter(({ key }) => keys.has(key));
      assert.equal(digest.rows, wanted.length, item.key);
      assert.equal(
        digest.sum,
        BigInt.asUintN(
          64,
          wanted.reduce((sum, { hash }) => sum + hash, 0n),
        ),
        item.key,
      );
    }
  });

  it('digests of buckets add up to the digest of the table', async (t: TestContext) => {
    const { source } = await context.filled();
    if (!source.bucketDigests || !source.digest) return t.skip('the store has no digests of its own');
    for (const item of (await listed(source)).filter(({ kind }) => kind === 'table')) {
      const whole = await digestOf(source, item);
      const { rows, sums } = await bucketsOf(source, item);
      assert.equal(rows.length, buckets);
      assert.equal(
        rows.reduce((sum, count) => sum + count, 0),
        whole.rows,
        item.key,
      );
      assert.equal(rowsDigest(sums.reduce((sum, each) => sum + each, 0n)), whole.digest, item.key);
    }
  });

  it('row prints cover each row of the wanted buckets exactly', async (t: TestContext) => {
    const { source } = await context.filled();
    if (!source.bucketDigests || !source.rowPrints) return t.skip('the store has no row prints');
    for (const item of (await listed(source)).filter(({ kind }) => kind === 'table')) {
      const { rows, sums } = await bucketsOf(source, item);
      for (const wanted of [new Set([3]), new Set([0, 7, 15]), all]) {
        const found = await prints(source, item, item, wanted);
        const expected = [...wanted].reduce(
          (sum, bucket) => ({ rows: sum.rows + (rows[bucket] ?? 0), hash: sum.hash + (sums[bucket] ?? 0n) }),
          { rows: 0, hash: 0n },
        );
        assert.equal(found.length, expected.rows, item.key);
        assert.equal(rowsDigest(found.reduce((sum, { hash }) => sum + hash, 0n)), rowsDigest(expected.hash), item.key);
      }
    }
  });

  it('digests are equal after a copy and name the one row that differs', async (t: TestContext) => {
    const store = await context.filled();
    const { source } = context.memory();
    if (!store.source.bucketDigests || !store.source.rowPrints) return t.skip('the store has no row prints');
    for (const item of (await listed(source)).filter(({ kind }) => kind === 'table')) {
      const as = store.sink.adapt(item).item;
      const comparison = await compareBuckets(source, store.source, item, as, item.rows ?? 0, never);
      assert.deepEqual(comparison.differing, [], item.key);
    }
    const changed = await later(3);
    const [one] = (
      await prints(changed.source, await people(changed.source), await people(changed.source), all)
    ).filter(({ key }) => key === '["2"]');
    assert.ok(one, 'the sample has a row of key 2');
    const item = await people(source);
    const as = store.sink.adapt(item).item;
    const begun = await begin({
      source: changed.source,
      sink: store.sink,
      item: await people(changed.source),
      into: 'merge',
      step: 2,
    });
    const chunk = { id: 'keys', bytes: 0, keys: [one.key] };
    const receipts = await writeAll({ ...begun, chunks: [chunk] });
    await begun.draft.publish(receipts, never);
    const comparison = await compareBuckets(source, store.source, item, as, item.rows ?? 0, never);
    assert.equal(comparison.differing.length, 1);
    const named = (await Array.fromAsync(differingRows(source, store.source, item, as, comparison, never))).flat();
    assert.deepEqual(named, [{ key: one.key, kind: 'changed' }]);
  });
}
