import type { Tick } from '../model/event.ts';
import { MigrationError } from '../model/migration-error.ts';
import type { Totals } from '../journal/journal.ts';
import { LocalWorker } from '../move/local-worker.ts';
import { ThreadWorker } from '../move/thread-worker.ts';
import type { Worker } from '../move/worker.ts';
import type { FrozenEnds } from './frozen-ends.ts';
import type { WorkerData } from './worker-data.ts';

/** Below this a thread costs more (about 0.1 s to start) than it saves. */
const threadWorthBytes = 8 * 1024 * 1024;
const threadWorthItems = 1000;

export interface CrewOptions {
  readonly frozen: FrozenEnds;
  readonly workers: number;
  /** What is left to move. */
  readonly work: Totals;
  readonly data: Omit<WorkerData, 'name' | 'position'>;
  /** Module of a worker thread; without it all work is done in this thread. */
  readonly threadEntry: URL | undefined;
  readonly tick: (tick: Tick) => void;
}

/** The workers of one shipment. A thread that can no longer see the source as this one does (`source.moved`: somebody
 *  wrote in between) is left out; if all are, this thread works alone. */
export async function assembleCrew(options: CrewOptions): Promise<readonly Worker[]> {
  const { frozen, workers, work, data, threadEntry, tick } = options;
  const alone = workers < 2 || (work.bytes < threadWorthBytes && work.items < threadWorthItems);
  if (threadEntry && !alone) {
    const names = Array.from({ length: workers }, (_, i) => `worker-${i + 1}`);
    const start = (name: string) =>
      ThreadWorker.start({ name, entry: threadEntry, data: { ...data, name, position: frozen.position }, tick });
    const started = await Promise.allSettled(names.map(start));
    const ready = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const failure = started.find((result) => result.status === 'rejected' && !isMoved(result.reason));
    if (failure?.status === 'rejected') {
      await Promise.all(ready.map((worker) => worker[Symbol.asyncDispose]()));
      throw failure.reason;
    }
    if (ready.length > 0) return ready;
  }
  const { run, maxQuarantine } = data;
  const open = () => Promise.resolve(frozen.ends);
  return [new LocalWorker({ name: 'worker-1', run, maxQuarantine, open, ownsEnds: false, tick })];
}

const isMoved = (error: unknown): boolean => error instanceof MigrationError && error.code === 'source.moved';
