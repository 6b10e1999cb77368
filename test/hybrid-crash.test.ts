import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { memorySpace } from '../src/drivers/memory/space.ts';
import type { Journal } from '../src/journal/journal.ts';
import type { RunEvent } from '../src/model/event.ts';
import { overlay } from '../src/store/overlay.ts';
import type { Store } from '../src/store/store.ts';
import { Blade, cuttable, cuttableFeed, cuttableIntake } from '../src/testing/cut.ts';
import { contentsOf, hybridStage, shadowOf, writerOf, type Stage } from './hybrid-stage.ts';

/** Transactions that clients commit at either end. */
const writes = 60;

interface Scenario {
  readonly title: string;
  readonly rollback: boolean;
}

const scenarios: readonly Scenario[] = [
  { title: 'copied, followed and cut over', rollback: false },
  { title: 'copied, followed, cut over and rolled back', rollback: true },
];

describe('a hybrid run that is killed at any place, under a writer that goes on', () => {
  for (const scenario of scenarios) {
    it(`${scenario.title}: ends equal, with every write that was committed, and never with two ends written to`, async (t) => {
      const { passed: places } = await oneRun(scenario, [Infinity]);
      for (let place = 1; place <= places; place++) await oneRun(scenario, [place, place, Infinity]);
      t.diagnostic(`stopped at ${places} places, twice each`);
    });
  }
});

/** A run through several lives; the last blade never falls. */
async function oneRun(scenario: Scenario, cuts: readonly number[]): Promise<Blade> {
  let blade = new Blade(Infinity);
  const fallen: string[] = [];
  await using stage = await hybridStage({
    people: 20,
    cutover: { when: 'ready', reverse: scenario.rollback },
    dress: (store) => dressed(store, () => blade, clients),
    dressJournal: (journal) =>
      dressedJournal(
        journal,
        () => blade,
        () => clients,
      ),
    pace: { everyMs: 1, steadyMs: 1 },
  });
  const clients = createClients(stage, scenario, () => fallen.join(', then '));
  let run: string | undefined;
  for (const cut of cuts) {
    blade = new Blade(cut);
    const result = await live(stage, scenario, run);
    run ??= (await stage.journal.runs())[0]?.id;
    fallen.push(blade.place);
    clients.check();
    if (cut !== Infinity && blade.place !== 'the end') continue;
    const context = `stopped at ${fallen.join(', then ')}: ${JSON.stringify(result)}`;
    assert.equal(result?.outcome, scenario.rollback ? 'rolled-back' : 'done', context);
    assert.deepEqual(contentsOf(stage.to), contentsOf(stage.from), context);
    assert.deepEqual(contentsOf(stage.from), contentsOf(shadowOf(stage.from)), context);
    const [open, shut] = scenario.rollback ? [stage.from, stage.to] : [stage.to, stage.from];
    assert.ok(writable(open) && !writable(shut), context);
    for (const end of [stage.from, stage.to]) {
      assert.equal(
        memorySpace(end).followers.size + memorySpace(end).followed.size,
        0,
        `${context}: something is kept`,
      );
    }
    break;
  }
  return blade;
}

/** One life of the process: starts the run, or goes on with it. */
async function live(stage: Stage, { rollback }: Scenario, run: string | undefined) {
  const asking = (event: RunEvent) => {
    if (event.type === 'cutover.step' && event.step === 'thawed') {
      assert.ok(writable(event.back ? stage.to : stage.from), 'whoever was frozen may write again');
    }
    if (rollback && event.type === 'phase.changed' && event.phase === 'reverse-following') {
      void stage.journal.runs().then(([first]) => first && stage.journal.ask(first.id, 'rollback'));
    }
  };
  stage.onEvent(asking);
  try {
    const going = run === undefined ? await stage.start() : await stage.resume(run);
    return await going.result;
  } catch {
    // It was stopped while it planned.
    return undefined;
  }
}

/** Writes wherever somebody lets them, a transaction at every place that is passed. */
function createClients(stage: Stage, { rollback }: Scenario, place: () => string) {
  const writers = [writerOf(stage.from, stage.from), ...(rollback ? [writerOf(stage.to, stage.from)] : [])];
  let left = writes;
  let closed = false;
  const check = () => {
    closed ||= memorySpace(stage.to).closedFor !== undefined;
    const ends = [stage.from, stage.to].filter(writable);
    assert.ok(!closed || ends.length < 2, `both ends let clients write, after ${place()}`);
  };
  return {
    check,
    write() {
      check();
      // Before it is closed, nobody knows of the target.
      if (left > 0 && closed) for (const writer of writers) if (writer.tryOne()) left -= 1;
      if (left > writes / 2 && !closed && writers[0]?.tryOne()) left -= 1;
    },
  };
}

const writable = (name: string): boolean => {
  const { frozenFor, closedFor } = memorySpace(name);
  return frozenFor === undefined && closedFor === undefined;
};

type Clients = ReturnType<typeof createClients>;

function dressed(store: Store, blade: () => Blade, clients: Clients): Store {
  const { source, sink } = store;
  if (!source?.feed || !sink?.intake) throw new TypeError('the memory store can follow');
  const mine = blade();
  const feed = writing(cuttableFeed(source.feed, mine), clients);
  const intake = writing(cuttableIntake(sink.intake, mine), clients);
  return overlay(store, {
    source: overlay(source, { feed }),
    sink: overlay(cuttable(sink, mine), { intake }),
  });
}

/** Clients write before every call. */
const writing = <T extends object>(ability: T, clients: Clients): T =>
  new Proxy(ability, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        clients.write();
        return (value as (...given: unknown[]) => unknown)(...args);
      };
    },
  });

function dressedJournal(journal: Journal, blade: () => Blade, clients: () => Clients): Journal {
  return overlay(journal, {
    async record(run, event) {
      clients().write();
      blade().pass(`before ${describeEvent(event)} is recorded`);
      await journal.record(run, event);
      blade().pass(`after ${describeEvent(event)} is recorded`);
    },
  });
}

const describeEvent = (event: RunEvent): string =>
  event.type === 'phase.changed'
    ? `phase ${event.phase}`
    : event.type === 'cutover.step'
      ? `step ${event.step}`
      : event.type;
