import type { RunEvent } from '../model/event.ts';
import type { Chunk, Item } from '../model/item.ts';
import type { Into } from '../model/job.ts';
import { Past } from '../model/past.ts';
import type { Step } from '../model/step.ts';
import { LocalWorker } from '../move/local-worker.ts';
import type { Crew } from '../move/move.ts';
import { moveSteps } from '../move/move-steps.ts';
import { Pool } from '../move/pool.ts';
import { StepList } from '../plan/step-list.ts';
import { createEnds } from '../store/ends.ts';
import type { Store } from '../store/store.ts';
import { both, listed, never } from './testing.ts';

export const movers = 2;
export const movedRun = 'r1moved';

export interface Move {
  readonly from: Store;
  readonly to: Store;
  readonly into: Into;
  /** What earlier lives recorded, a line of JSON each; grows. */
  readonly journal: string[];
  /** Stands around each recording. */
  readonly recording?: (event: RunEvent, record: () => void) => void;
  /** What to wait for before the workers are let go. */
  readonly settled?: () => Promise<void>;
  readonly chunkBytes?: number;
  readonly signal?: AbortSignal;
}

/** Moves everything the source lists with the real mover and two workers, going on from the journal. */
export async function moveAll(move: Move): Promise<void> {
  const { from, to, into, journal, chunkBytes = 4096, signal = never } = move;
  const ends = createEnds(from, to);
  const steps = await planAll(from, to, into);
  const past = new Past({ keepReceipts: false });
  for (const event of eventsOf(journal)) past.add(event);
  const open = () => Promise.resolve(ends);
  const workers = Array.from(
    { length: movers },
    (_, i) =>
      new LocalWorker({
        name: `worker-${i + 1}`,
        run: movedRun,
        maxQuarantine: 0,
        open,
        ownsEnds: false,
        tick: () => {},
      }),
  );
  const record = async (event: RunEvent): Promise<void> => {
    const write = (): void => void journal.push(JSON.stringify(event));
    if (move.recording) move.recording(event, write);
    else write();
  };
  const pool = new Pool({ workers, record, signal, pause: never });
  const crew: Crew = {
    size: pool.size,
    dispatch: (task) => pool.dispatch(task),
    record,
    split: ({ item }) => (item.kind === 'batch' ? batchChunk(item) : ends.source.split(item, chunkBytes, signal)),
    async look(step) {
      const item = await ends.source.look?.(step.item, signal);
      return item && { item, as: ends.sink.adapt(item).item };
    },
  };
  try {
    await moveSteps(pages(steps), past, crew);
  } finally {
    await move.settled?.();
    for (const worker of workers) await worker[Symbol.asyncDispose]();
  }
}

/** The steps of a full copy, as a plan orders them. */
export async function planAll(from: Store, to: Store, into: Into): Promise<readonly Step[]> {
  const { source } = both(from);
  const { sink } = both(to);
  using list = new StepList(0, into);
  const items = await listed(source);
  for (const item of items.filter(({ stage }) => stage !== 'last')) list.copy(item, sink.adapt(item).item);
  for (const item of items.filter(({ stage }) => stage === 'last').reverse()) list.copy(item, sink.adapt(item).item);
  return [...list.steps(0)];
}

export const eventsOf = (journal: readonly string[]): RunEvent[] => journal.map((line) => JSON.parse(line) as RunEvent);

export async function* pages<T>(...all: readonly (readonly T[])[]): AsyncGenerator<readonly T[]> {
  yield* all;
}

async function* batchChunk({ bytes }: Item): AsyncGenerator<Chunk> {
  yield { id: 'batch', bytes };
}
