import type { Worker as Thread } from 'node:worker_threads';
import { startThread } from './thread-worker.ts';

/** Worker threads to be. A thread needs about 0.1 s to load its modules: those that will surely be wanted are started
 *  while there is something else to do. */
export class Threads implements Disposable {
  readonly #entry: URL;
  readonly #waiting = new Set<Thread>();

  constructor(entry: URL) {
    this.#entry = entry;
  }

  /** So many threads will be taken soon. */
  expect(count: number): void {
    while (this.#waiting.size < count) {
      const thread = startThread(this.#entry);
      const forget = (): boolean => this.#waiting.delete(thread);
      thread.on('error', forget);
      thread.on('exit', forget);
      thread.unref();
      this.#waiting.add(thread);
    }
  }

  take(): Thread {
    const [thread = startThread(this.#entry)] = this.#waiting;
    this.#waiting.delete(thread);
    thread.ref();
    return thread;
  }

  /** Ends those that nobody took. */
  [Symbol.dispose](): void {
    for (const thread of this.#waiting) void thread.terminate();
  }
}
