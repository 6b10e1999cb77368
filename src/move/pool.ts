import type { RunEvent } from '../model/event.ts';
import { MigrationError } from '../model/migration-error.ts';
import type { Task, Worker } from './worker.ts';

export interface PoolOptions {
  readonly workers: readonly Worker[];
  /** Resolves when the event is durable. */
  readonly record: (event: RunEvent) => Promise<void>;
  /** Ends tasks at once. */
  readonly signal: AbortSignal;
  /** Lets tasks under way end and starts no more. */
  readonly pause: AbortSignal;
}

/** Gives each task to the next free worker, in the order asked, and journals what it yields before it may go on. */
export class Pool {
  readonly size: number;
  readonly #options: PoolOptions;
  readonly #idle: Worker[];
  readonly #waiting: (() => void)[] = [];

  constructor(options: PoolOptions) {
    this.#options = options;
    this.size = options.workers.length;
    this.#idle = [...options.workers];
    options.pause.addEventListener('abort', () => this.#wakeAll());
  }

  async dispatch(task: Task): Promise<readonly RunEvent[]> {
    const worker = await this.#free();
    try {
      const events: RunEvent[] = [];
      for await (const event of worker.do(task, this.#options.signal)) {
        await this.#options.record(event);
        events.push(event);
      }
      return events;
    } finally {
      this.#idle.push(worker);
      this.#waiting.shift()?.();
    }
  }

  async #free(): Promise<Worker> {
    for (;;) {
      if (this.#options.pause.aborted) throw new MigrationError('run.paused', 'The run is pausing.');
      this.#options.signal.throwIfAborted();
      const worker = this.#idle.shift();
      if (worker) return worker;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #wakeAll(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
