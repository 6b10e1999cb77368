import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunEvent } from '../model/event.ts';
import type { Item } from '../model/item.ts';
import type { Into } from '../model/job.ts';
import { overlay } from '../store/overlay.ts';
import type { Store } from '../store/store.ts';
import { Blade, Cut, cuttable } from './cut.ts';
import { sampleTables, sampleTree, type Sample } from './fixtures.ts';
import { eventsOf, moveAll, movers } from './move-all.ts';
import type { StoreSubject } from './store-contract.ts';
import { both, carryAll, memoryStore, never, stateOf } from './testing.ts';

export interface CrashSubject extends Pick<
  StoreSubject,
  'name' | 'holds' | 'open' | 'reset' | 'byteNames' | 'constraints'
> {
  /** At most this many cuts per scenario, spread evenly over all places. Default: every place. */
  readonly cuts?: number;
}

interface Scenario {
  readonly title: string;
  readonly samples: readonly Sample[];
  /** What the target holds before. */
  readonly before?: readonly Sample[];
  readonly into: Into;
}

/** Moves samples from memory into the store and stops at every place in turn: before and after a draft is opened, a
 *  chunk is written (and in the middle of it), an event is recorded, an item is published. Then all of the process's
 *  memory is dropped, the stores are opened anew and the run is resumed from what was recorded, stopped once more at the
 *  same place, and resumed to its end. */
export function crashSuite(subject: CrashSubject): void {
  describe(`crash suite: ${subject.name}`, () => {
    for (const scenario of scenarios(subject)) {
      it(`${scenario.title}: stopped anywhere, it ends equal and shows nothing half`, async (t) => {
        const cuts = await cutEverywhere(subject, scenario);
        t.diagnostic(`stopped at ${cuts} places`);
      });
    }
  });
}

function scenarios({ holds, byteNames = true, constraints = true }: CrashSubject): readonly Scenario[] {
  const tree = holds === 'tables' ? [] : sampleTree({ byteNames });
  const tables = holds === 'entries' ? [] : sampleTables({ people: 60, constraints });
  const only = (samples: readonly Sample[], keep: (item: Item) => boolean) => samples.filter(({ item }) => keep(item));
  const all: Scenario[] = [];
  if (tree.length > 0) {
    const file = only(tree, ({ key }) => key === 'holes.img');
    const small = only(tree, ({ stage, bytes }) => stage === 'data' && bytes < 2 ** 20);
    all.push({ title: 'a file in two pieces, new', samples: file, into: 'empty' });
    all.push({
      title: 'a batch of small entries over old ones',
      samples: small,
      before: older(small),
      into: 'replace',
    });
  }
  if (tables.length > 0) {
    const people = only(tables, ({ key }) => key === 'people');
    const keyless = only(tables, ({ shape }) => shape?.primaryKey.length === 0);
    all.push({ title: 'a table in several chunks, new', samples: people, into: 'empty' });
    all.push({
      title: 'a table in place of another',
      samples: people,
      before: only(sampleTables({ people: 9 }), ({ key }) => key === 'people'),
      into: 'replace',
    });
    all.push({ title: 'rows added to a table without key', samples: keyless, before: keyless, into: 'append' });
  }
  const everything = only([...tree, ...tables], ({ key }) => key !== 'holes.img');
  all.push({ title: 'everything', samples: everything, into: 'empty' });
  return all;
}

/** The same entries with other content. */
const older = (samples: readonly Sample[]): readonly Sample[] =>
  samples.map(({ item }) => {
    if (item.kind !== 'file') return { item };
    const bytes = Buffer.from(`an older ${item.key}`);
    return { item: { ...item, bytes: bytes.length }, parts: [{ offset: 0, bytes }] };
  });

async function cutEverywhere(subject: CrashSubject, scenario: Scenario): Promise<number> {
  await using source = await memoryStore(scenario.samples);
  await using before = await memoryStore(scenario.before ?? []);
  const start = async (): Promise<Record<string, string>> => {
    await subject.reset();
    await using store = both(await subject.open());
    await carryAll(before.source, store.sink);
    return await seen(store, scenario);
  };

  const old = await start();
  const uncut = new Blade(Infinity);
  await live(subject, source, scenario.into, [], uncut);
  const whole = await look(subject, scenario);
  assert.notDeepEqual(whole, old, 'the scenario changes something');

  const places = uncut.passed;
  const stride = Math.max(1, places / (subject.cuts ?? places));
  let cuts = 0;
  for (let place = 1; place <= places; place = Math.floor(cuts * stride) + 1) {
    cuts += 1;
    const journal: string[] = [];
    await start();
    const lives = [new Blade(place), new Blade(place), new Blade(Infinity)];
    const names: string[] = [];
    for (const blade of lives) {
      const recorded = writtenChunks(journal);
      const ended = await live(subject, source, scenario.into, journal, blade);
      names.push(blade.place);
      const context = `stopped at ${names.join(', then at ')} (place ${place} of ${places})`;
      const again = blade.written.filter((chunk) => recorded.has(chunk));
      if (!restarted(journal)) assert.deepEqual(again, [], `${context}: recorded chunks were written again`);
      assertNothingHalf(await look(subject, scenario), old, whole, context);
      if (ended) break;
    }
    const context = `stopped at ${names.join(', then at ')} (place ${place} of ${places})`;
    assert.deepEqual(await look(subject, scenario), whole, context);
    const repeats = repeated(lives.flatMap(({ written }) => written));
    assert.ok(repeats <= 2 * movers, `${context}: ${repeats} chunks were written again`);
  }
  return cuts;
}

async function look(subject: CrashSubject, scenario: Scenario): Promise<Record<string, string>> {
  await using store = await subject.open();
  await store.probe('source', never).catch(() => []);
  return await seen(store, scenario);
}

/** What the store holds, without directories that came only because something lies in them: their times are nobody's. */
async function seen(store: Store, { samples, before = [] }: Scenario): Promise<Record<string, string>> {
  const moved = new Set([...samples, ...before].map(({ item }) => item.key));
  const state = Object.entries(await stateOf(store));
  return Object.fromEntries(state.filter(([key, what]) => moved.has(key) || !what.startsWith('directory')));
}

/** One life of the process: true when it came to its end. */
async function live(
  subject: CrashSubject,
  source: Required<Store>,
  into: Into,
  journal: string[],
  blade: Blade,
): Promise<boolean> {
  await using target: Store = await subject.open();
  const to = overlay(both(target), { sink: cuttable(both(target).sink, blade) });
  const recording = (event: RunEvent, record: () => void): void => {
    blade.pass(`before ${event.type} is recorded`);
    record();
    blade.pass(`after ${event.type} is recorded`);
  };
  try {
    await moveAll({ from: source, to, into, journal, recording, settled: () => blade.settled() });
    return true;
  } catch (error) {
    if (!causedByCut(error)) throw error;
    return false;
  }
}

function causedByCut(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) if (at instanceof Cut) return true;
  return false;
}

const writtenChunks = (journal: readonly string[]): ReadonlySet<string> =>
  new Set(
    eventsOf(journal).flatMap((event) =>
      event.type === 'chunk.written' ? [`${event.step} ${event.receipt.chunk}`] : [],
    ),
  );

const restarted = (journal: readonly string[]): boolean =>
  eventsOf(journal).some(({ type }) => type === 'item.restarted');

const repeated = (chunks: readonly string[]): number => chunks.length - new Set(chunks).size;

/** Every item is as it was, or whole. (A directory gets its mode and times last, so it may be on its way.) */
function assertNothingHalf(
  state: Readonly<Record<string, string>>,
  old: Readonly<Record<string, string>>,
  whole: Readonly<Record<string, string>>,
  context: string,
): void {
  for (const [key, seen] of Object.entries(state)) {
    if (seen.startsWith('directory')) continue;
    assert.ok(seen === old[key] || seen === whole[key], `${context}: ${key} is half visible: ${seen}`);
  }
  for (const key of Object.keys(old)) assert.ok(key in state, `${context}: ${key} is gone`);
}
