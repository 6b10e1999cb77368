import type { Tick } from '../model/event.ts';
import { MigrationError } from '../model/migration-error.ts';
import type { Totals } from '../journal/journal.ts';
import { LocalWorker } from '../move/local-worker.ts';
import { ThreadWorker } from '../move/thread-worker.ts';
import type { Threads } from '../move/threads.ts';
import type { Worker } from '../move/worker.ts';
import type { FrozenEnds } from './frozen-ends.ts';
import type { WorkerData } from './worker-data.ts';

/** Below this a thread costs more (about 0.1 s to start) than it saves. */
const threadWorthBytes = 8 * 1024 * 1024;
const threadWorthItems = 1000;

/** A batch of small files waits for the disk and for the journal when it is written: another thread uses that time. */
const smallItemBytes = 64 * 1024;

/** How many threads move this much work; 0 when it is done in this one. */
export function threadsFor(work: Totals, workers: number): number {
  if (workers < 2 || (work.bytes < threadWorthBytes && work.items < threadWorthItems)) return 0;
  const manySmall = work.rows === 0 && work.items >= threadWorthItems && work.bytes < work.items * smallItemBytes;
  return manySmall ? workers + 1 : workers;
}

export interface CrewOptions {
  readonly frozen: FrozenEnds;
  readonly workers: number;
  /** What is left to move. */
  readonly work: Totals;
  readonly data: Omit<WorkerData, 'name' | 'position'>;
  /** Without them all work is done in this thread. */
  readonly threads: Threads | undefined;
  readonly tick: (tick: Tick) => void;
}

/** The workers of one shipment. A thread that can no longer see the source as this one does (`source.moved`: somebody
 *  wrote in between) is left out; if all are, this thread works alone. */
export async function assembleCrew(options: CrewOptions): Promise<readonly Worker[]> {
  const { frozen, workers, work, data, threads, tick } = options;
  const count = threadsFor(work, workers);
  if (threads && count > 0) {
    const names = Array.from({ length: count }, (_, i) => `worker-${i + 1}`);
    const start = (name: string) => {
      const told: WorkerData = { ...data, name, position: frozen.position };
      return ThreadWorker.start({ name, thread: threads.take(), data: told, tick });
    };
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
