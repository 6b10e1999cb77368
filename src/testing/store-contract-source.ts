import assert from 'node:assert/strict';
import { before, describe, it, type TestContext } from 'node:test';
import { compareNames } from '../lib/byte-names.ts';
import type { Item } from '../model/item.ts';
import type { Store } from '../store/store.ts';
import type { ContractContext } from './store-contract.ts';
import { carry, chunksOf, contentOf, describeItem, digestOf, formatOf, listed, never } from './testing.ts';

const targetBytes = 4096;

export function sourceChecks(context: ContractContext): void {
  it('lists nothing when it is empty', async () => {
    const { source } = await context.fresh();
    assert.deepEqual(await listed(source), []);
  });

  describe('with the samples in it', () => filledChecks(context));
}

function filledChecks(context: ContractContext): void {
  let store: Required<Store>;
  before(async () => {
    store = await context.filled();
  });

  const contentful = async (): Promise<Item[]> =>
    (await listed(store.source)).filter((item) => ['bytes', 'rows'].includes(formatOf(item)));

  it('lists each item once, in ascending order of key', async () => {
    const keys = (await listed(store.source)).map(({ key }) => key);
    assert.deepEqual(keys, [...new Set(keys)].sort(compareNames));
  });

  it('gives back every item by name, kind, content and attributes', async () => {
    const memory = context.memory();
    const here = new Map((await listed(store.source)).map((item) => [item.key, item]));
    for (const item of await listed(memory.source)) {
      const as = store.sink.adapt(item).item;
      const found = here.get(as.key);
      assert.ok(found, `${item.key} is not listed; listed are ${[...here.keys()].join(', ')}`);
      if (item.kind === 'table') {
        assert.equal(await contentOf(store.source, found, as), await contentOf(memory.source, item, as), item.key);
      } else {
        assert.equal(await describeItem(store.source, found), await describeItem(memory.source, as), item.key);
      }
    }
    assert.equal(here.size, context.samples.length, [...here.keys()].join(', '));
  });

  it('splits the same item into the same chunks each time, with ids of their own', async () => {
    for (const item of await listed(store.source)) {
      const chunks = await chunksOf(store.source, item, targetBytes);
      assert.deepEqual(await chunksOf(store.source, item, targetBytes), chunks, item.key);
      assert.equal(new Set(chunks.map(({ id }) => id)).size, chunks.length, item.key);
      assert.deepEqual(JSON.parse(JSON.stringify(chunks)), chunks, `chunks of ${item.key} survive JSON`);
    }
  });

  it('covers an item exactly, whatever the size of its chunks', async () => {
    for (const item of await contentful()) {
      const whole = await contentOf(store.source, item);
      assert.equal(await pieced(store, item, targetBytes), whole, item.key);
      assert.equal(await pieced(store, item, 1), whole, `${item.key} in the smallest chunks`);
    }
  });

  it('gives one chunk for what is at most as large as wished, and none for what has no content', async () => {
    for (const item of await listed(store.source)) {
      const { length } = await chunksOf(store.source, item, Math.max(1, item.bytes) * 4);
      if (formatOf(item) === 'nothing') assert.equal(length, 0, item.key);
      else assert.ok(length === 1 || (length === 0 && item.bytes === 0), `${item.key} has ${length} chunks`);
    }
  });

  it('digests an item as it is read', async (t: TestContext) => {
    if (!store.source.digest) return t.skip('the store has no digests of its own');
    for (const item of await contentful()) {
      const { rows, bytes, digest } = await digestOf(store.source, item);
      const size = item.kind === 'table' ? `${rows} rows` : `${bytes} bytes`;
      assert.equal(`${size} ${digest}`, await contentOf(store.source, item), item.key);
    }
  });

  it('ends a read when it is told to', async () => {
    const stop = new AbortController();
    for (const item of await contentful()) {
      const [chunk] = await chunksOf(store.source, item, targetBytes);
      if (!chunk) continue;
      const reading = async (): Promise<void> => {
        const payload = await store.source.read(chunk, item, item, formatOf(item), stop.signal);
        stop.abort(new Error('stopped'));
        for await (const _ of payload.parts);
      };
      await assert.rejects(reading());
      return;
    }
  });

  it('keeps seeing what stood at its snapshot, and lets go of it', async (t: TestContext) => {
    if (!store.source.snapshot) return t.skip('the store cannot freeze what it shows');
    const [item] = await contentful();
    assert.ok(item);
    {
      await using snapshot = await store.source.snapshot(undefined, never);
      assert.notEqual(snapshot.position, '');
      const before = await contentOf(store.source, item);
      const other = await context.open();
      await other.sink.remove(item, never);
      assert.equal(await contentOf(store.source, item), before);
      const late = await context.open();
      await assert.rejects(
        async () => {
          await using again = await late.source.snapshot?.(snapshot.position, never);
          assert.equal(again?.position, snapshot.position);
          assert.equal(await contentOf(late.source, item), before);
          throw new Error('shared');
        },
        (error: Error & { code?: string }) => error.message === 'shared' || error.code === 'source.moved',
      );
    }
    const now = await listed(store.source);
    assert.ok(!now.some(({ key }) => key === item.key), 'thawed, it shows that the item was removed');
    const original = (await listed(context.memory().source)).find(
      (sample) => store.sink.adapt(sample).item.key === item.key,
    );
    assert.ok(original);
    await carry({ source: context.memory().source, sink: store.sink, item: original });
  });
}

/** Content put together from small chunks, read out of order. */
async function pieced({ source }: Required<Store>, item: Item, bytes: number): Promise<string> {
  const chunks = await chunksOf(source, item, bytes);
  const parts = new Map<string, unknown[]>();
  for (const chunk of chunks.toReversed()) {
    const payload = await source.read(chunk, item, item, formatOf(item), never);
    const taken: unknown[] = [];
    for await (const part of payload.parts as AsyncIterable<Uint8Array | { offset: number; bytes: Uint8Array }>) {
      taken.push(part instanceof Uint8Array ? part.slice() : { offset: part.offset, bytes: part.bytes.slice() });
    }
    parts.set(chunk.id, taken);
  }
  const replay = {
    ...source,
    split: (_item: Item, _bytes: number) =>
      (async function* () {
        yield* chunks;
      })(),
    read: async (chunk: { id: string }) => ({
      format: formatOf(item),
      rejects: [],
      parts: (async function* () {
        yield* parts.get(chunk.id) ?? [];
      })(),
    }),
  };
  return contentOf(replay as unknown as Required<Store>['source'], item);
}
