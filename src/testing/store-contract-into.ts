import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import type { Item } from '../model/item.ts';
import { MigrationError } from '../model/migration-error.ts';
import type { FilePart } from '../store/store.ts';
import { sampleTables, type Sample } from './fixtures.ts';
import type { ContractContext } from './store-contract.ts';
import { carry, carryAll, contentOf, listed, memoryStore, never, stateOf } from './testing.ts';

/** Another content for the same key. */
function altered(samples: readonly Sample[]): Sample {
  const file = samples.find(({ item }) => item.key === 'random.bin');
  if (file) {
    const bytes = Buffer.from('altogether different');
    const parts: readonly FilePart[] = [{ offset: 0, bytes }];
    return { item: { ...file.item, bytes: bytes.length }, parts };
  }
  const [table] = sampleTables({ people: 5, seed: 7 });
  if (!table) throw new Error('there is no sample table');
  return table;
}

/** Why no backup can be made on this machine; any other error is thrown on. */
function lackingTool(error: unknown): string {
  if (error instanceof MigrationError && error.code === 'tool.missing') return error.message;
  throw error;
}

/** Indexes and foreign keys of a table may go with it: they are items of their own and carried after it. */
const withContent = (state: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(state).filter(([, what]) => !/^(index|foreign-key),/.test(what)));

export function intoChecks(context: ContractContext): void {
  const other = async (): Promise<{
    source: Required<Awaited<ReturnType<typeof memoryStore>>>['source'];
    item: Item;
  }> => {
    const sample = altered(context.samples);
    const { source } = await memoryStore([sample]);
    const [item] = await listed(source);
    if (!item) throw new Error('the memory store is empty');
    return { source, item };
  };
  const shows = async (store: Awaited<ReturnType<ContractContext['open']>>, as: Item): Promise<string> => {
    const found = (await listed(store.source)).find((item) => item.key === as.key);
    assert.ok(found, `${as.key} is not there`);
    return contentOf(store.source, found, as);
  };

  it('into empty writes where nothing is and changes nothing that is there', async () => {
    const store = await context.fresh();
    const { source, item } = await other();
    await carry({ source, sink: store.sink, item, into: 'empty' });
    const before = await stateOf(store);
    const again = context.memory().source;
    const first = (await listed(again)).find(({ key }) => key === item.key);
    assert.ok(first);
    await assert.rejects(carry({ source: again, sink: store.sink, item: first, into: 'empty', step: 1 }), {
      code: 'target.not-empty',
    });
    await store.sink.sweep('r1', never);
    assert.deepEqual(await stateOf(store), before);
  });

  it('into replace swaps the whole item and leaves the others alone', async () => {
    const store = await context.filled();
    const before = await stateOf(store);
    const { source, item } = await other();
    const as = store.sink.adapt(item).item;
    const { key } = as;
    await carry({ source, sink: store.sink, item, into: 'replace' });
    const now = await stateOf(store);
    assert.notEqual(now[key], before[key]);
    assert.equal(await shows(store, as), await contentOf(source, item, as));
    assert.deepEqual(withContent({ ...now, [key]: '' }), withContent({ ...before, [key]: '' }));
  });

  it('removes an item, and does not mind one that is gone', async () => {
    const store = await context.filled();
    const items = await listed(store.source);
    // Tables may have others that refer to them.
    const item = items.find(({ kind }) => kind === 'file' || kind === 'index') ?? items.at(-1);
    assert.ok(item);
    await store.sink.remove(item, never);
    assert.equal(await store.sink.exists(item, never), false);
    assert.ok(!(await listed(store.source)).some(({ key }) => key === item.key));
    await store.sink.remove(item, never);
  });

  it('keeps a backup and puts it back: replaced items as they were, new ones gone', async (t: TestContext) => {
    const store = await context.fresh();
    const { sink } = store;
    if (!sink.backup || !sink.restore) return t.skip('the store keeps no backups');
    const folder = await mkdtemp(join(tmpdir(), 'waybill-backup-'));
    try {
      const { source, item } = await other();
      await carry({ source, sink, item });
      const before = await stateOf(store);
      const memory = context.memory().source;
      const all = (await listed(memory)).map((each) => sink.adapt(each).item);
      const pages = (async function* () {
        yield all.slice(0, 3);
        yield all.slice(3);
      })();
      const backup = await sink.backup(pages, join(folder, 'kept'), never).catch(lackingTool);
      if (typeof backup === 'string') return t.skip(backup);
      assert.deepEqual(JSON.parse(JSON.stringify(backup)), backup, 'the record survives JSON');
      await carryAll(memory, sink, 'replace');
      assert.notDeepEqual(await stateOf(store), before);
      await sink.sweep('r1', never);
      await store[Symbol.asyncDispose]();
      const later = await context.open();
      await later.sink.restore?.(backup, never);
      const reopened = await context.open();
      assert.deepEqual(await stateOf(reopened), before);
      await reopened.sink.restore?.(backup, never);
      assert.deepEqual(await stateOf(reopened), before, 'restoring twice is restoring once');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}
