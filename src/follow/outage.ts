import { systemClock } from '../lib/clock.ts';
import type { Finding } from '../model/finding.ts';
import { toMigrationError } from '../model/migration-error.ts';
import { isRetryable } from '../store/retrying.ts';

/** A connection that stays away longer than this ends the run, which can be resumed. */
const patienceMs = 15 * 60_000;
const firstWaitMs = 100;
const longestWaitMs = 10_000;

/** The waits between attempts to go on, and what is said about them: once when the connection is lost, once when it is
 *  back. */
export class Outage {
  readonly #onFinding: (finding: Finding) => Promise<void>;
  #since: number | undefined;
  #attempts = 0;

  constructor(onFinding: (finding: Finding) => Promise<void>) {
    this.#onFinding = onFinding;
  }

  /** Throws `thrown` when trying again cannot help, or has not helped for long. */
  async wait(thrown: unknown, signal: AbortSignal): Promise<void> {
    const now = systemClock.now();
    if (!isRetryable(thrown) || now - (this.#since ?? now) > patienceMs) throw thrown;
    if (this.#since === undefined) {
      const { code, message } = toMigrationError(thrown);
      await this.#onFinding({
        level: 'warning',
        code,
        message: `Following was interrupted and is tried again: ${message}`,
        hint: 'The source keeps its log meanwhile; nothing is lost.',
      });
    }
    this.#since ??= now;
    this.#attempts += 1;
    await systemClock.sleep(Math.random() * Math.min(longestWaitMs, firstWaitMs * 2 ** this.#attempts), signal);
  }

  async over(): Promise<void> {
    if (this.#since === undefined) return;
    const seconds = Math.round((systemClock.now() - this.#since) / 1000);
    this.#since = undefined;
    this.#attempts = 0;
    await this.#onFinding({
      level: 'info',
      code: 'store.unreachable',
      message: `Following goes on after ${seconds} s.`,
    });
  }
}
