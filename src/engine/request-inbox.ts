import type { Journal, RunRequest } from '../journal/journal.ts';

/** What is asked of a run while this process works on it, as it comes in. Stopping puts back what nobody has taken. */
export class RequestInbox {
  readonly #journal: Journal;
  readonly #run: string;
  readonly #waiting: RunRequest[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #onRequest: (request: RunRequest) => boolean;
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  /** `onRequest` sees each request first; true: it is dealt with. */
  constructor(journal: Journal, run: string, everyMs: number, onRequest: (request: RunRequest) => boolean) {
    this.#journal = journal;
    this.#run = run;
    this.#onRequest = onRequest;
    this.#everyMs = everyMs;
  }

  /** Takes what was asked before, but for pauses, which were meant for another life; from then on what comes in. */
  async begin(): Promise<void> {
    await this.#look((request) => request !== 'pause');
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.#look(() => true));
    }, this.#everyMs);
    this.#timer.unref();
  }

  /** The oldest, as soon as there is one or `ms` have passed. An abort rejects with its reason. */
  async next(ms: number, signal: AbortSignal): Promise<RunRequest | undefined> {
    signal.throwIfAborted();
    if (this.#waiting.length === 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = () => resolve();
      const timer = setTimeout(wake, ms);
      this.#listeners.add(wake);
      signal.addEventListener('abort', wake);
      await promise;
      clearTimeout(timer);
      this.#listeners.delete(wake);
      signal.removeEventListener('abort', wake);
      signal.throwIfAborted();
    }
    return this.#waiting.shift();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    for (const request of this.#waiting.splice(0)) await this.#journal.ask(this.#run, request);
  }

  async #look(wanted: (request: RunRequest) => boolean): Promise<void> {
    // A journal that cannot be read now is noticed by whoever writes to it.
    const requests = await this.#journal.takeRequests(this.#run).catch(() => []);
    for (const request of requests) {
      if (wanted(request) && !this.#onRequest(request)) this.#waiting.push(request);
    }
    for (const listener of this.#listeners) listener();
  }
}
