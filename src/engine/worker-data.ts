import type { MessagePort } from 'node:worker_threads';
import type { Shipment } from '../model/job.ts';
import { LocalWorker } from '../move/local-worker.ts';
import { serveWorker } from '../move/serve-worker.ts';
import { openFrozen, type FrozenEnds } from './frozen-ends.ts';
import type { OpenStore } from './open-ends.ts';

/** What a worker thread is told first; survives structured clone. */
export interface WorkerData {
  readonly name: string;
  readonly run: string;
  readonly maxQuarantine: number;
  readonly shipment: Shipment;
  readonly position: string | undefined;
  readonly budget: SharedArrayBuffer | undefined;
}

/** The whole of a worker thread: opens the shipment at the run's position, then does what it is told. */
export function runWorkerThread(port: MessagePort, open: OpenStore): void {
  serveWorker(port, async (begin, tick) => {
    const data = begin as WorkerData;
    const closed = new AbortController();
    const frozen: FrozenEnds = await openFrozen(data.shipment, open, data.position, data.budget, closed.signal);
    const worker = new LocalWorker({
      name: data.name,
      run: data.run,
      maxQuarantine: data.maxQuarantine,
      open: () => Promise.resolve(frozen.ends),
      ownsEnds: false,
      tick,
    });
    return {
      name: worker.name,
      do: (task, signal) => worker.do(task, signal),
      async [Symbol.asyncDispose]() {
        await worker[Symbol.asyncDispose]();
        await frozen[Symbol.asyncDispose]();
        closed.abort();
      },
    };
  });
}
