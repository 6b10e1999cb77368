import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createByteBudget } from '../lib/byte-budget.ts';
import { sampleTables } from '../testing/fixtures.ts';
import { both, contentOf, listed, memoryStore } from '../testing/testing.ts';
import { observed, type Seen } from './observed.ts';
import { throttled } from './throttled.ts';

const samples = sampleTables({ people: 50 });

describe('throttled', () => {
  it('reads no faster than the budget, and gives the same content', async () => {
    const store = await memoryStore(samples);
    const start = 1_000_000;
    let now = start;
    const clock = { now: () => now, sleep: async (ms: number) => void (now += ms) };
    const slow = both(throttled(store, createByteBudget(1000, { clock })));
    const item = (await listed(store.source)).find(({ key }) => key === 'people');
    assert.ok(item);
    assert.equal(await contentOf(slow.source, item), await contentOf(store.source, item));
    // All but the burst of a tenth of a second was waited for.
    assert.ok(
      Math.abs(now - start - (item.bytes - 100)) < 2,
      `${now - start} ms for ${item.bytes} bytes at 1000 bytes per second`,
    );
  });
});

describe('observed', () => {
  it('tells bytes and rows of what passes, up to all of it', async () => {
    const store = await memoryStore(samples);
    const seen: Seen[] = [];
    const watched = both(observed(store, (each) => seen.push(each)));
    const item = (await listed(store.source)).find(({ key }) => key === 'people');
    assert.ok(item);
    await contentOf(watched.source, item);
    const last = seen.at(-1);
    assert.deepEqual([last?.item.key, last?.bytes, last?.rows], ['people', item.bytes, 50]);
  });
});
