import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Shipment } from '../model/job.ts';
import { Past } from '../model/past.ts';
import { createEnds } from '../store/ends.ts';
import { retrying } from '../store/retrying.ts';
import type { Store } from '../store/store.ts';
import { verifyShipment } from '../verify/verify.ts';
import { faulty, type Fault } from './faulty.ts';
import { sampleTables, seeded, type Sample } from './fixtures.ts';
import { eventsOf, moveAll, movedRun, pages, planAll } from './move-all.ts';
import type { StoreSubject } from './store-contract.ts';
import { both, memoryStore, never, stateOf } from './testing.ts';

export type FaultySubject = Pick<StoreSubject, 'name' | 'holds' | 'open' | 'reset'>;

type Accidents = readonly [title: string, faults: { readonly source?: Fault; readonly target?: Fault }];

const unreachable = 'store.unreachable' as const;

/** Accidents after which a run goes on by itself and ends whole. */
const survived: readonly Accidents[] = [
  ['a read is refused', { source: { on: 'read', nth: 1, what: { kind: 'refused', code: unreachable } } }],
  ['a read breaks off', { source: { on: 'read', nth: 1, what: { kind: 'broken-off', code: unreachable } } }],
  ['a read ends early and nobody says so', { source: { on: 'read', nth: 1, what: { kind: 'short' } } }],
  [
    'the connection is lost while a chunk is written',
    { target: { on: 'write', nth: 1, what: { kind: 'broken-off', code: unreachable } } },
  ],
  [
    'the target is busy twice',
    { target: { on: 'write', nth: 1, times: 2, what: { kind: 'refused', code: 'store.busy' } } },
  ],
  [
    'a chunk is stored and the answer is lost',
    { target: { on: 'write', nth: 1, what: { kind: 'answer-lost', code: unreachable } } },
  ],
  ['less of a chunk is stored than was read', { target: { on: 'write', nth: 1, what: { kind: 'short' } } }],
  [
    'a draft is opened and the answer is lost',
    { target: { on: 'draft', nth: 1, what: { kind: 'answer-lost', code: unreachable } } },
  ],
  ['publishing is refused', { target: { on: 'publish', nth: 1, what: { kind: 'refused', code: unreachable } } }],
  [
    'an item is published and the answer is lost',
    { target: { on: 'publish', nth: 1, what: { kind: 'answer-lost', code: unreachable } } },
  ],
];

/** Moves samples into the store while things go wrong on the way. Everything ends whole, or fails with a code, shows
 *  nothing half and can be resumed; what was altered underway is named by verification. */
export function faultySuite(subject: FaultySubject): void {
  describe(`faulty suite: ${subject.name}`, () => {
    for (const [title, { source, target }] of survived) {
      it(`arrives whole when ${title}`, async () => {
        await using place = await prepare(subject);
        await place.move(source, target);
        assert.deepEqual(await place.state(), await place.whole());
      });
    }

    it('fails with store.full on a full disk, shows nothing half, and goes on when there is room', async () => {
      await using place = await prepare(subject);
      const full = { on: 'write', nth: 2, times: Infinity, what: { kind: 'broken-off', code: 'store.full' } } as const;
      await assert.rejects(place.move(undefined, full), { code: 'store.full' });
      await place.assertNothingHalf();
      await place.move();
      assert.deepEqual(await place.state(), await place.whole());
    });

    it('can be stopped while the source is slow, and goes on afterwards', async () => {
      await using place = await prepare(subject);
      const slow = { on: 'read', nth: 1, times: Infinity, what: { kind: 'slow', ms: 400 } } as const;
      const stop = AbortSignal.timeout(100);
      const begun = performance.now();
      await assert.rejects(place.move(slow, undefined, stop));
      assert.ok(performance.now() - begun < 3000, 'it stopped at once');
      await place.assertNothingHalf();
      await place.move();
      assert.deepEqual(await place.state(), await place.whole());
    });

    it('names what was altered on its way to the target', async () => {
      await using place = await prepare(subject);
      const flipped = { on: 'write', nth: 1, times: Infinity, what: { kind: 'flipped' } } as const;
      await place.move(undefined, flipped);
      const named = await place.differences();
      assert.ok(named.length > 0, 'verification finds a difference');
      await place.move();
    });

    it('finds no difference where nothing was altered', async () => {
      await using place = await prepare(subject);
      await place.move();
      assert.deepEqual(await place.differences(), []);
    });
  });
}

/** One large file and a small one, or a table. */
function samplesFor({ holds }: FaultySubject): readonly Sample[] {
  if (holds !== 'entries') return sampleTables({ people: 100 }).filter(({ item }) => item.key === 'people');
  const random = seeded(1);
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  return [1_500_000, 5000].map((length): Sample => {
    const bytes = Uint8Array.from({ length }, () => Math.floor(random() * 256));
    const entry = { mode: 0o100644, ...owner, mtime: '1700000000123456789' };
    const item = { key: `file-${length}`, kind: 'file', stage: 'data', bytes: length, entry } as const;
    return { item, parts: [{ offset: 0, bytes }] };
  });
}

async function prepare(subject: FaultySubject) {
  await subject.reset();
  const source = await memoryStore(samplesFor(subject));
  const target = both(await subject.open());
  const journal: string[] = [];
  const patient = (store: Store) => retrying(store, { attempts: 4, withinMs: 10_000, baseMs: 5, capMs: 20 });
  const expected = async (): Promise<Record<string, string>> => {
    const other = await memoryStore([]);
    await moveAll({ from: source, to: other, into: 'empty', journal: [] });
    return stateOf(other);
  };
  return {
    move: (reading?: Fault, writing?: Fault, signal = never) =>
      moveAll({
        from: patient(faulty(source, reading ? [reading] : [])),
        to: patient(faulty(target, writing ? [writing] : [])),
        into: 'replace',
        journal,
        signal,
      }),
    state: async () => contents(await stateOf(target)),
    whole: async () => contents(await expected()),
    async assertNothingHalf() {
      const whole = contents(await expected());
      for (const [key, seen] of Object.entries(contents(await stateOf(target)))) assert.equal(seen, whole[key], key);
    },
    differences: () => differences(source, target, journal),
    async [Symbol.asyncDispose]() {
      await target[Symbol.asyncDispose]();
      await source[Symbol.asyncDispose]();
    },
  };
}

/** Tables have other column types in each store; what counts here is that all rows came. The suite of the contract
 *  compares values. */
const contents = (state: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(state).map(([key, what]) => [key, what.replace(/^(table, \d+ rows) .*/, '$1')]));

async function differences(from: Required<Store>, to: Required<Store>, journal: readonly string[]): Promise<string[]> {
  const named: string[] = [];
  const past = new Past({ keepReceipts: true });
  for (const event of eventsOf(journal)) past.add(event);
  const steps = await planAll(from, to, 'replace');
  const members = eventsOf(journal).flatMap((event) =>
    event.type === 'chunk.written' ? (event.receipt.members ?? []) : [],
  );
  await verifyShipment({
    ends: createEnds(from, to),
    shipment,
    depth: 'digests',
    steps: () => pages(steps),
    past: (step) => past.of(step),
    members: () => pages(members),
    reread: true,
    onDifference: async ({ item }) => void named.push(item),
    onItem: () => {},
    onStep: async () => {},
    signal: never,
  });
  return named;
}

const shipment: Shipment = {
  name: movedRun,
  from: { address: 'memory:from', options: {} },
  to: { address: 'memory:to', options: {} },
  strategy: 'full',
  into: 'replace',
  verify: 'digests',
  deletions: false,
  include: [],
  exclude: [],
  chunkBytes: 4096,
};
