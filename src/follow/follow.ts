/** follow: brings what happens at a source to its target, in order, until it is stopped.
 *  Promise: every change once, across any crash or lost connection, because the target alone says how far it has come.
 *  Callers: engine. */
import type { Finding } from '../model/finding.ts';
import type { FollowOptions } from '../model/job.ts';
import type { ChangeBatch, Feed, Intake } from '../store/following.ts';
import { Outage } from './outage.ts';

export interface FollowInput {
  /** Names what both ends keep for this run. */
  readonly run: string;
  readonly feed: Feed;
  readonly intake: Intake;
  readonly options: FollowOptions;
  /** Where the copy was taken: changes after it are wanted. */
  readonly since: string;
  /** A batch is durable at the target; `ms` is what applying it took. */
  readonly onApplied: (batch: ChangeBatch, ms: number) => void;
  /** The connection is lost and tried again, or is back. */
  readonly onFinding: (finding: Finding) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Follows from the moment it is made. Dispose it to stop: what was being applied is undone or done, never half. */
export class Follower implements AsyncDisposable {
  /** Aborted with what made following impossible. */
  readonly failed: AbortSignal;
  readonly #ended: Promise<void>;
  readonly #input: FollowInput;
  readonly #stop = new AbortController();
  readonly #waiting = new Set<() => void>();
  #position: string;

  constructor(input: FollowInput) {
    this.#input = input;
    this.#position = input.since;
    const failed = new AbortController();
    this.failed = failed.signal;
    this.#ended = this.#run(AbortSignal.any([input.signal, this.#stop.signal])).catch((error: unknown) =>
      failed.abort(error),
    );
  }

  /** Durable at the target up to here. */
  get position(): string {
    return this.#position;
  }

  /** Resolves when the target has everything up to `goal`; rejects when following ends first. */
  async reach(goal: string, signal: AbortSignal): Promise<void> {
    const { feed } = this.#input;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const given = AbortSignal.any([signal, this.failed]);
    const look = () => {
      if (feed.reached(this.#position, goal)) resolve();
    };
    const give = () => reject(given.reason);
    this.#waiting.add(look);
    given.addEventListener('abort', give);
    try {
      given.throwIfAborted();
      look();
      await promise;
    } finally {
      this.#waiting.delete(look);
      given.removeEventListener('abort', give);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const outage = new Outage(this.#input.onFinding);
    for (;;) {
      try {
        await this.#once(outage, signal);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        signal.throwIfAborted();
        await outage.wait(error, signal);
      }
    }
  }

  async #once(outage: Outage, signal: AbortSignal): Promise<void> {
    const { run, feed, intake, options, since, onApplied } = this.#input;
    this.#arrive((await intake.position(run, signal)) ?? since);
    for await (const batch of feed.changes(run, this.#position, options, signal)) {
      const began = performance.now();
      await intake.apply(run, batch, signal);
      onApplied(batch, performance.now() - began);
      if (batch.position !== undefined) {
        feed.confirm(run, batch.position);
        this.#arrive(batch.position);
      }
      await outage.over();
    }
    signal.throwIfAborted();
  }

  #arrive(position: string): void {
    this.#position = position;
    for (const look of this.#waiting) look();
  }
}
