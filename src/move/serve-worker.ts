import type { MessagePort } from 'node:worker_threads';
import { toMigrationError } from '../model/migration-error.ts';
import type { FromThread, ToThread } from './thread-worker.ts';
import type { Ticker, Worker } from './worker.ts';

/** The other side of ThreadWorker: makes one worker of the data that comes first, and serves it until told to close. */
export function serveWorker(port: MessagePort, make: (data: unknown, tick: Ticker) => Promise<Worker>): void {
  const send = (message: FromThread): void => port.postMessage(message);
  let worker: Worker;
  let acknowledge: (() => void) | undefined;
  let abort = new AbortController();

  const begin = async (data: unknown): Promise<void> => {
    try {
      worker = await make(data, (tick) => send({ type: 'tick', tick }));
      send({ type: 'ready' });
    } catch (error) {
      send({ type: 'error', task: undefined, error: toMigrationError(error).toJSON() });
      port.close();
    }
  };

  const perform = async (id: number, task: Extract<ToThread, { type: 'do' }>['task']): Promise<void> => {
    abort = new AbortController();
    try {
      for await (const event of worker.do(task, abort.signal)) {
        const acknowledged = new Promise<void>((resolve) => {
          acknowledge = resolve;
        });
        send({ type: 'event', task: id, event });
        await acknowledged;
      }
      send({ type: 'end', task: id });
    } catch (error) {
      send({ type: 'error', task: id, error: toMigrationError(error).toJSON() });
    }
  };

  port.on('message', (message: ToThread) => {
    switch (message.type) {
      case 'begin':
        void begin(message.data);
        break;
      case 'do':
        void perform(message.id, message.task);
        break;
      case 'ack':
        acknowledge?.();
        break;
      case 'abort':
        abort.abort();
        break;
      case 'close':
        abort.abort();
        void Promise.resolve(worker[Symbol.asyncDispose]()).finally(() => port.close());
    }
  });
}
