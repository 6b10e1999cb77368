import assert from 'node:assert/strict';
import { before, describe, it, type TestContext } from 'node:test';
import { compareNames } from '../lib/byte-names.ts';
import type { Item } from '../model/item.ts';
import type { Store } from '../store/store.ts';
import type { ContractContext } from './store-contract.ts';
import { chunksOf, contentOf, describeItem, digestOf, formatOf, listed, never } from './testing.ts';

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
      if (item.index || item.foreignKey) {
        // A store may know them by other names of its own.
        assert.ok(await store.sink.exists(as, never), `${item.key} is not there`);
        continue;
      }
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

  it('goes on reading for no more than two parts when it is told to stop', async () => {
    const item = (await contentful()).sort(
      (a, b) => (b.entry?.sparse ? 0 : b.bytes) - (a.entry?.sparse ? 0 : a.bytes),
    )[0];
    assert.ok(item);
    const stop = new AbortController();
    const [chunk] = await chunksOf(store.source, item, item.bytes);
    assert.ok(chunk);
    const payload = await store.source.read(chunk, item, item, formatOf(item), stop.signal);
    let after = 0;
    const reading = async (): Promise<void> => {
      for await (const _ of payload.parts) {
        if (stop.signal.aborted) after += 1;
        stop.abort(new Error('stopped'));
      }
    };
    await reading().catch((error: Error) => assert.equal(error.message, 'stopped'));
    assert.ok(after <= 2, `${after} parts came after the abort`);
  });

  it('keeps seeing what stood at its snapshot, and lets go of it', async (t: TestContext) => {
    if (!store.source.snapshot) return t.skip('the store cannot freeze what it shows');
    const item = (await contentful()).find(({ key }) => key === loosely(context));
    assert.ok(item);
    const before = await contentOf(store.source, item);
    const other = await context.open();
    let removed = false;
    {
      await using snapshot = await store.source.snapshot(undefined, never);
      assert.notEqual(snapshot.position, '');
      const late = await context.open();
      await using again = await late.source.snapshot?.(snapshot.position, never);
      assert.equal(again?.position, snapshot.position);
      removed = await other.sink.remove(item, AbortSignal.timeout(300)).then(
        () => true,
        () => false,
      );
      if (!removed) t.diagnostic('the store lets nobody write while it is frozen');
      assert.equal(await contentOf(store.source, item), before);
      assert.equal(await contentOf(late.source, item), before);
    }
    if (!removed) await other.sink.remove(item, never);
    assert.ok(
      !(await listed(store.source)).some(({ key }) => key === item.key),
      'thawed, it shows that the item was removed',
    );
    await assert.rejects(
      async () => {
        await using gone = await store.source.snapshot?.('a position that never was', never);
        assert.ok(gone);
      },
      { code: 'source.moved' },
    );
  });
}

/** Something that nothing refers to. */
const loosely = ({ samples }: ContractContext): string =>
  samples.find(({ item }) => item.key === 'random.bin' || item.shape?.primaryKey.length === 0)?.item.key ?? '';

/** Content put together from small chunks, read out of order. */
async function pieced({ source }: Required<Store>, item: Item, bytes: number): Promise<string> {
  const chunks = await chunksOf(source, item, bytes);
  const parts = new Map<string, unknown[]>();
  for (const chunk of chunks.toReversed()) {
    const payload = await source.read(chunk, item, item, formatOf(item), never);
    const taken: unknown[] = [];
    for await (const part of payload.parts as AsyncIterable<Uint8Array | { offset: number; bytes: Uint8Array }>) {
      taken.push(
        part instanceof Uint8Array ? new Uint8Array(part) : { offset: part.offset, bytes: new Uint8Array(part.bytes) },
      );
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
