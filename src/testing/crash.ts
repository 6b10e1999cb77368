import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunEvent } from '../model/event.ts';
import type { Item } from '../model/item.ts';
import type { Into } from '../model/job.ts';
import { Past } from '../model/past.ts';
import type { Step } from '../model/step.ts';
import { LocalWorker } from '../move/local-worker.ts';
import type { Crew } from '../move/move.ts';
import { moveSteps } from '../move/move-steps.ts';
import { Pool } from '../move/pool.ts';
import { StepList } from '../plan/step-list.ts';
import { createEnds } from '../store/ends.ts';
import type { Source, Store } from '../store/store.ts';
import { Blade, Cut, cuttable } from './cut.ts';
import { sampleTables, sampleTree, type Sample } from './fixtures.ts';
import type { StoreSubject } from './store-contract.ts';
import { both, carryAll, listed, memoryStore, never, stateOf } from './testing.ts';

export interface CrashSubject extends Pick<StoreSubject, 'name' | 'holds' | 'open' | 'reset' | 'byteNames'> {
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

const run = 'r1crash';
const workers = 2;
const chunkBytes = 4096;

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

function scenarios({ holds, byteNames = true }: CrashSubject): readonly Scenario[] {
  const tree = holds === 'tables' ? [] : sampleTree({ byteNames });
  const tables = holds === 'entries' ? [] : sampleTables({ people: 60 });
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
  await live(subject, source.source, scenario.into, [], uncut);
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
      const ended = await live(subject, source.source, scenario.into, journal, blade);
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
    assert.ok(repeats <= 2 * workers, `${context}: ${repeats} chunks were written again`);
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
  source: Source,
  into: Into,
  journal: string[],
  blade: Blade,
): Promise<boolean> {
  await using target: Store = await subject.open();
  const { sink } = both(target);
  const steps = await plan(source, both(target), into);
  const past = new Past({ keepReceipts: false });
  for (const line of journal) past.add(JSON.parse(line) as RunEvent);

  const ends = createEnds(
    { address: target.address, source, probe: async () => [], async [Symbol.asyncDispose]() {} },
    { address: target.address, sink: cuttable(sink, blade), probe: async () => [], async [Symbol.asyncDispose]() {} },
  );
  const open = () => Promise.resolve(ends);
  const names = Array.from({ length: workers }, (_, i) => `worker-${i + 1}`);
  const crewmen = names.map(
    (name) => new LocalWorker({ name, run, maxQuarantine: 0, open, ownsEnds: false, tick: () => {} }),
  );
  const record = async (event: RunEvent): Promise<void> => {
    blade.pass(`before ${event.type} is recorded`);
    journal.push(JSON.stringify(event));
    blade.pass(`after ${event.type} is recorded`);
  };
  const pool = new Pool({ workers: crewmen, record, signal: never, pause: never });
  const crew: Crew = {
    size: pool.size,
    dispatch: (task) => pool.dispatch(task),
    record,
    split: ({ item }) => (item.kind === 'batch' ? batchChunk(item) : source.split(item, chunkBytes, never)),
    async look(step) {
      const item = await source.look?.(step.item, never);
      return item && { item, as: sink.adapt(item).item };
    },
  };
  try {
    await moveSteps(pages(steps), past, crew);
    return true;
  } catch (error) {
    if (!causedByCut(error)) throw error;
    return false;
  } finally {
    await blade.settled();
    for (const worker of crewmen) await worker[Symbol.asyncDispose]();
  }
}

async function plan(source: Source, { sink }: Required<Store>, into: Into): Promise<readonly Step[]> {
  using list = new StepList(0, into);
  const items = await listed(source);
  for (const item of items.filter(({ stage }) => stage !== 'last')) list.copy(item, sink.adapt(item).item);
  for (const item of items.filter(({ stage }) => stage === 'last').reverse()) list.copy(item, sink.adapt(item).item);
  return [...list.steps(0)];
}

async function* pages(steps: readonly Step[]): AsyncGenerator<readonly Step[]> {
  yield steps;
}

async function* batchChunk({ bytes }: Item): AsyncGenerator<{ readonly id: string; readonly bytes: number }> {
  yield { id: 'batch', bytes };
}

function causedByCut(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) if (at instanceof Cut) return true;
  return false;
}

const events = (journal: readonly string[]): RunEvent[] => journal.map((line) => JSON.parse(line) as RunEvent);

const writtenChunks = (journal: readonly string[]): ReadonlySet<string> =>
  new Set(
    events(journal).flatMap((event) =>
      event.type === 'chunk.written' ? [`${event.step} ${event.receipt.chunk}`] : [],
    ),
  );

const restarted = (journal: readonly string[]): boolean =>
  events(journal).some(({ type }) => type === 'item.restarted');

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
