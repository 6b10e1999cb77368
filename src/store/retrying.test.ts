import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Retry } from '../lib/retry.ts';
import type { Source, Store } from './store.ts';
import { faulty, type Fault } from '../testing/faulty.ts';
import { sampleTables } from '../testing/fixtures.ts';
import { begin, both, carry, listed, memoryStore, never, writeAll } from '../testing/testing.ts';
import { retrying } from './retrying.ts';

const samples = sampleTables({ people: 20 });

async function stores(faults: readonly Fault[]) {
  const retries: Retry[] = [];
  const patient = (store: Store): Required<Store> =>
    both(
      retrying(store, { attempts: 3, withinMs: 5000, baseMs: 1, capMs: 2, onRetry: (retry) => retries.push(retry) }),
    );
  const { source } = await memoryStore(samples);
  const [item] = await listed(source);
  assert.ok(item);
  return { source, item, retries, target: patient(faulty(await memoryStore([]), faults)) };
}

const unreachable = { kind: 'refused', code: 'store.unreachable' } as const;

describe('retrying', () => {
  it('opens and publishes a draft again, and reports each time', async () => {
    const { source, item, retries, target } = await stores([
      { on: 'draft', nth: 1, times: 2, what: unreachable },
      { on: 'publish', nth: 1, what: { kind: 'answer-lost', code: 'store.busy' } },
    ]);
    await carry({ source, sink: target.sink, item });
    assert.ok(await target.sink.exists(item, never));
    assert.deepEqual(
      retries.map(({ attempt }) => attempt),
      [1, 2, 1],
    );
  });

  it('gives up after its attempts', async () => {
    const { source, item, target } = await stores([{ on: 'draft', nth: 1, times: 9, what: unreachable }]);
    await assert.rejects(carry({ source, sink: target.sink, item }), { code: 'store.unreachable' });
  });

  it('does not repeat what cannot help', async () => {
    const refused = { kind: 'refused', code: 'store.denied' } as const;
    const { source, item, retries, target } = await stores([{ on: 'draft', nth: 1, what: refused }]);
    await assert.rejects(carry({ source, sink: target.sink, item }), { code: 'store.denied' });
    assert.deepEqual(retries, []);
  });

  it('leaves reading and writing to the mover, who has both ends', async () => {
    const { source, item, retries, target } = await stores([{ on: 'write', nth: 1, what: unreachable }]);
    const begun = await begin({ source, sink: target.sink, item });
    await assert.rejects(writeAll(begun), { code: 'store.unreachable' });
    assert.deepEqual(retries, []);
    await writeAll(begun);
  });

  it('lists again when nothing was given yet, and not when something was', async () => {
    const again = both(
      retrying(faulty(await memoryStore(samples), [{ on: 'list', nth: 1, what: unreachable }]), {
        attempts: 2,
        withinMs: 1000,
        baseMs: 1,
        capMs: 1,
      }),
    );
    assert.equal((await listed(again.source)).length, samples.length);
    const broken = { kind: 'broken-off', code: 'store.unreachable' } as const;
    const once = both(
      retrying(faulty(await memoryStore(samples), [{ on: 'list', nth: 1, what: broken }]), {
        attempts: 2,
        withinMs: 1000,
        baseMs: 1,
        capMs: 1,
      }),
    );
    await assert.rejects(listed(once.source), { code: 'store.unreachable' });
  });

  it('offers no ability that the store lacks', async () => {
    const store = await memoryStore(samples);
    const less: Partial<Source> = { ...store.source };
    delete less.digest;
    const unable = { ...store, source: less as Source };
    const dressed = retrying(unable, { attempts: 2, withinMs: 1, baseMs: 1, capMs: 1 });
    assert.equal(typeof dressed.source?.digest, 'undefined');
    assert.equal(typeof dressed.source?.bucketDigests, 'function');
  });
});
