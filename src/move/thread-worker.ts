import { Worker as Thread } from 'node:worker_threads';
import type { RunEvent, Tick } from '../model/event.ts';
import { fromErrorRecord, MigrationError, type ErrorRecord } from '../model/migration-error.ts';
import type { Task, Ticker, Worker } from './worker.ts';

/** From the thread. `ready` comes once; an `event` waits for its `ack`. */
export type FromThread =
  | { readonly type: 'ready' }
  | { readonly type: 'event'; readonly task: number; readonly event: RunEvent }
  | { readonly type: 'end'; readonly task: number }
  | { readonly type: 'error'; readonly task: number | undefined; readonly error: ErrorRecord }
  | { readonly type: 'tick'; readonly tick: Tick };

export type ToThread =
  /** Comes first. */
  | { readonly type: 'begin'; readonly data: unknown }
  | { readonly type: 'do'; readonly id: number; readonly task: Task }
  | { readonly type: 'ack' }
  | { readonly type: 'abort' }
  | { readonly type: 'close' };

export interface ThreadWorkerOptions {
  readonly name: string;
  /** One of startThread(), taken by nobody else. */
  readonly thread: Thread;
  /** Must survive structured clone. */
  readonly data: unknown;
  readonly tick: Ticker;
}

/** Row buffers die young in great numbers: a small nursery keeps the process under its memory promise
 *  (bench/sqlite-to-postgres.ts) at no cost in time. */
const resourceLimits = { maxYoungGenerationSizeMb: 8 };

/** Starts a thread, which loads its modules and waits to be told what to work on. `entry` is a module that calls
 *  serveWorker(); see src/worker-thread.ts. */
export const startThread = (entry: URL): Thread => new Thread(entry, { resourceLimits });

/** A worker in a thread of its own, so that reading, hashing and writing use another core. One task at a time. */
export class ThreadWorker implements Worker {
  readonly name: string;
  readonly #thread: Thread;
  readonly #tick: Ticker;
  #receive: ((message: FromThread) => void) | undefined;
  #nextTask = 1;
  #gone: MigrationError | undefined;

  /** Resolves when the thread has opened its stores; throws what kept it from that, for example `source.moved`. */
  static async start(options: ThreadWorkerOptions): Promise<ThreadWorker> {
    const worker = new ThreadWorker(options);
    const first = await worker.#next();
    if (first.type === 'ready') return worker;
    await worker[Symbol.asyncDispose]();
    throw first.type === 'error' ? fromErrorRecord(first.error) : unexpected(first);
  }

  private constructor({ name, thread, data, tick }: ThreadWorkerOptions) {
    this.name = name;
    this.#tick = tick;
    this.#thread = thread;
    this.#thread.on('message', (message: FromThread) => {
      if (message.type === 'tick') this.#tick(message.tick);
      else this.#receive?.(message);
    });
    this.#thread.on('error', (error) => this.#lost(error instanceof Error ? error.message : String(error)));
    this.#thread.on('exit', () => this.#lost('the thread ended'));
    this.#send({ type: 'begin', data });
  }

  async *do(task: Task, signal: AbortSignal): AsyncGenerator<RunEvent> {
    signal.throwIfAborted();
    if (this.#gone) throw this.#gone;
    const id = this.#nextTask++;
    const abort = () => this.#send({ type: 'abort' });
    signal.addEventListener('abort', abort, { once: true });
    try {
      let incoming = this.#next();
      this.#send({ type: 'do', id, task });
      for (;;) {
        const message = await incoming;
        if (message.type === 'end') return;
        if (message.type === 'error') throw fromErrorRecord(message.error);
        if (message.type !== 'event') throw unexpected(message);
        yield message.event;
        incoming = this.#next();
        this.#send({ type: 'ack' });
      }
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#gone) return;
    const ended = new Promise((resolve) => this.#thread.once('exit', resolve));
    this.#send({ type: 'close' });
    const deadline = setTimeout(() => void this.#thread.terminate(), 5000);
    await ended;
    clearTimeout(deadline);
  }

  #send(message: ToThread): void {
    this.#thread.postMessage(message);
  }

  #next(): Promise<FromThread> {
    return new Promise((resolve) => {
      this.#receive = (message) => {
        this.#receive = undefined;
        resolve(message);
      };
    });
  }

  #lost(reason: string): void {
    this.#gone ??= new MigrationError('internal', `Worker ${this.name} is gone: ${reason}.`);
    this.#receive?.({ type: 'error', task: undefined, error: this.#gone.toJSON() });
  }
}

const unexpected = (message: FromThread): MigrationError =>
  new MigrationError('internal', `A worker thread answered ${message.type} out of turn.`);
