import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Item } from '../model/item.ts';
import { batchOf } from './fixtures.ts';
import type { ContractContext } from './store-contract.ts';
import { begin, carry, describeItem, listed, never, writeAll } from './testing.ts';

export function batchChecks(context: ContractContext): void {
  const source = () => context.memory().source;
  const members = async (): Promise<Item[]> =>
    (await listed(source())).filter(
      ({ stage, kind, bytes }) => stage === 'data' && kind !== 'table' && bytes < 2 ** 20,
    );
  const batch = async (): Promise<Item> => batchOf(await members());
  const areThere = async (store: Awaited<ReturnType<ContractContext['open']>>): Promise<void> => {
    const here = new Map((await listed(store.source)).map((item) => [item.key, item]));
    for (const member of await members()) {
      const found = here.get(member.key);
      assert.ok(found, `${member.key} is not there`);
      assert.equal(await describeItem(store.source, found), await describeItem(source(), member), member.key);
    }
  };

  it('arrive whole, named one by one in the receipt', async () => {
    const store = await context.fresh();
    const item = await batch();
    const [receipt] = await carry({ source: source(), sink: store.sink, item });
    assert.deepEqual(
      receipt?.members?.map(({ key }) => key),
      item.members?.map(({ key }) => key),
    );
    await areThere(store);
  });

  it('may be written and published twice', async () => {
    const store = await context.fresh();
    const begun = await begin({ source: source(), sink: store.sink, item: await batch() });
    await writeAll(begun);
    const receipts = await writeAll(begun);
    await begun.draft.publish(receipts, never);
    await begun.draft.publish(receipts, never);
    await areThere(store);
  });

  it('go on after everything was dropped between writing and publishing', async () => {
    const first = await context.fresh();
    const begun = await begin({ source: source(), sink: first.sink, item: await batch() });
    await writeAll(begun);
    await first[Symbol.asyncDispose]();
    const store = await context.open();
    await using draft = await store.sink.draft(begun.as, begun.draft.ticket, begun.options, never);
    const receipts = await writeAll(begun, draft);
    await draft.publish(receipts, never);
    await areThere(store);
    await store.sink.sweep('r1', never);
    await areThere(store);
  });

  it('come out of the store as they went in, and name a member that vanished', async () => {
    const store = await context.filled();
    const keys = new Set((await members()).map(({ key }) => key));
    const item = batchOf((await listed(store.source)).filter(({ key }) => keys.has(key)));
    const gone = item.members?.find(({ kind }) => kind === 'file');
    assert.ok(gone);
    await store.sink.remove(gone, never);
    const payload = await store.source.read({ id: 'batch', bytes: item.bytes }, item, item, 'members', never);
    assert.equal(payload.format, 'members');
    const read: string[] = [];
    for await (const part of payload.parts) read.push(...part.map((member) => member.item.key));
    keys.delete(gone.key);
    assert.deepEqual(new Set(read), keys);
    assert.deepEqual(
      payload.rejects.map(({ key }) => key),
      [gone.key],
    );
  });
}
