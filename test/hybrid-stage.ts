import {
  changeSpace,
  dropMemorySpace,
  memorySpace,
  putInSpace,
  type MemoryChange,
} from '../src/drivers/memory/space.ts';
import { nextNumber, transact } from '../src/drivers/memory/transact.ts';
import { memoryDriver } from '../src/drivers/memory/driver.ts';
import type { Pace, RunParts } from '../src/engine/active-run.ts';
import { createEngine } from '../src/engine/create-engine.ts';
import type { Run, RunOptions } from '../src/engine/engine.ts';
import type { Journal } from '../src/journal/journal.ts';
import { openMemoryJournal } from '../src/journal/memory-journal.ts';
import type { CutoverStep, RunEvent } from '../src/model/event.ts';
import type { CutoverOptions, Job } from '../src/model/job.ts';
import type { Phase } from '../src/model/phase.ts';
import type { Store } from '../src/store/store.ts';
import { RowWriter } from '../src/store/rows/row-writer.ts';
import { sampleTables, seeded } from '../src/testing/fixtures.ts';

export const never: AbortSignal = new AbortController().signal;

let stages = 0;

export interface StageOptions {
  readonly cutover?: Partial<CutoverOptions>;
  readonly people?: number;
  readonly dress?: (store: Store) => Store;
  readonly dressJournal?: (journal: Journal) => Journal;
  readonly pace?: Pace;
}

/** Two memory spaces, the source holding the sample tables, and an engine between them. */
export async function hybridStage(options: StageOptions) {
  const { cutover = {}, people = 60, dress, dressJournal, pace = { everyMs: 5, steadyMs: 20 } } = options;
  const name = `hybrid-${++stages}`;
  const [from, to] = [`${name}-from`, `${name}-to`];
  const durable = openMemoryJournal();
  const journal = dressJournal?.(durable) ?? durable;
  const events: RunEvent[] = [];
  const listeners = new Set<(event: RunEvent) => void>();
  for (const { item, ...content } of sampleTables({ people })) {
    putInSpace(memorySpace(from), item, content);
    putInSpace(memorySpace(shadowOf(from)), item, content);
  }
  const parts: RunParts = {
    journal,
    async open({ address }, signal) {
      const path = address.slice('memory:'.length);
      const store = await memoryDriver.open({ scheme: 'memory', text: address, path, query: {} }, {}, signal);
      return dress?.(store) ?? store;
    },
    threadEntry: undefined,
    writeBill: async () => ({ json: '', html: '' }),
    pace,
  };
  const engine = createEngine(parts);
  const runOptions: RunOptions = {
    signal: never,
    onEvent(event) {
      events.push(event);
      for (const listener of listeners) listener(event);
    },
  };
  /** Resolves when there is such an event, or has been. */
  const seen = async (wanted: (event: RunEvent) => boolean): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (events.some(wanted)) resolve();
    };
    listeners.add(look);
    look();
    await promise;
    listeners.delete(look);
  };
  const phasesOf = () => events.flatMap((event): Phase[] => (event.type === 'phase.changed' ? [event.phase] : []));
  return {
    engine,
    parts,
    journal: durable,
    from,
    to,
    events,
    job: jobOf(from, to, cutover),
    async start(): Promise<Run> {
      // Not disposed here: the run goes on with what the plan has open, and disposes it.
      const plan = await engine.plan(jobOf(from, to, cutover), { signal: never });
      return await engine.start(plan, runOptions);
    },
    resume: (run: string) => engine.resume(run, runOptions),
    phases: phasesOf,
    onEvent: (listener: (event: RunEvent) => void) => void listeners.add(listener),
    /** Resolves when the run is in this phase, or has been. */
    reached: (phase: Phase) => seen((event) => event.type === 'phase.changed' && event.phase === phase),
    steps: () => events.flatMap((event) => (event.type === 'cutover.step' ? [event.step] : [])),
    step: (step: CutoverStep) => seen((event) => event.type === 'cutover.step' && event.step === step),
    found: (code: string) => seen((event) => event.type === 'finding.raised' && event.finding.code === code),
    contents: (end: 'from' | 'to') => contentsOf(end === 'from' ? from : to),
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]();
      dropMemorySpace(from);
      dropMemorySpace(to);
      dropMemorySpace(shadowOf(from));
    },
  };
}

export type Stage = Awaited<ReturnType<typeof hybridStage>>;

export function jobOf(from: string, to: string, cutover: Partial<CutoverOptions>): Job {
  return {
    name: 'hybrid',
    workers: 1,
    maxQuarantine: 0,
    shipments: [
      {
        name: 'tables',
        from: { address: `memory:${from}`, options: {} },
        to: { address: `memory:${to}`, options: {} },
        strategy: 'hybrid',
        into: 'empty',
        verify: 'digests',
        deletions: false,
        include: [],
        exclude: [],
        chunkBytes: 4096,
        follow: { mode: 'asynchronous', ddl: 'stop', keptBytes: 2 ** 34 },
        cutover: { when: 'asked', budgetMs: 10_000, writers: 'wait', waitMs: 5000, reverse: false, ...cutover },
      },
    ],
  };
}

/** Every table's rows as text, sorted, and the counters: equal text, equal store. */
export function contentsOf(name: string): Record<string, unknown> {
  const space = memorySpace(name);
  const tables = [...space.items.values()].map(({ item, rows = [] }) => [
    item.key,
    rows.map((row) => Buffer.from(row).toString('hex')).sort(),
  ]);
  return { ...Object.fromEntries(tables), counters: Object.fromEntries(space.counters) };
}

/** Where everything that clients committed is written as well, by nobody but them. */
export const shadowOf = (name: string): string => `${name}-shadow`;

/** A client that inserts, updates and deletes rows of `pairs` and of the table without key, sometimes in transactions
 *  of many rows. `first`: the store whose shadow it keeps. */
export function writerOf(name: string, first: string) {
  const random = seeded(1);
  const shadow = memorySpace(shadowOf(first));
  const one = (): void => {
    const space = memorySpace(name);
    const size = random() < 0.1 ? 40 : 1 + Math.floor(random() * 3);
    const changes: MemoryChange[] = [];
    const gone = new Set<Uint8Array>();
    for (let n = 0; n < size; n++) {
      const table = random() < 0.7 ? 'pairs' : 'Größe "loose"';
      const rows = (space.items.get(table)?.rows ?? []).filter((row) => !gone.has(row));
      const victim = random() < 0.4 ? rows[Math.floor(random() * rows.length)] : undefined;
      if (victim) gone.add(victim);
      const insert = victim && random() < 0.5 ? undefined : rowOf(table, nextNumber(space, 'turns'));
      changes.push({ do: 'row', table, ...(victim && { remove: victim }), ...(insert && { insert }) });
    }
    transact(space, changes);
    changeSpace(shadow, changes);
    shadow.counters.set('turns', space.counters.get('turns') ?? 0);
  };
  return {
    /** Throws when the store lets nobody write. */
    write(transactions: number): void {
      for (let i = 0; i < transactions; i++) one();
    },
    /** False when the store lets nobody write. */
    tryOne(): boolean {
      const { frozenFor, closedFor } = memorySpace(name);
      if (frozenFor !== undefined || closedFor !== undefined) return false;
      one();
      return true;
    },
  };
}

function rowOf(table: string, n: number): Uint8Array {
  const writer = new RowWriter(64);
  writer.beginRow(table === 'pairs' ? 3 : 2);
  if (table === 'pairs') {
    writer.integer(n, 32);
    writer.text(`word ${n}`);
    writer.null();
  } else {
    // Rows without key that are there several times.
    writer.text('same');
    writer.integer(BigInt(n % 3), 64);
  }
  return Uint8Array.from(writer.take());
}
