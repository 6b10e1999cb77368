import { type Clock, systemClock } from './clock.ts';

export interface RetryPolicy {
  /** Counts the first one too. */
  readonly attempts: number;
  /** No attempt begins later than this after the first one began. */
  readonly withinMs: number;
  /** The wait before attempt n + 1 is drawn evenly from 0 to `baseMs` × 2^(n − 1), at most `capMs` (full jitter):
   *  workers that failed together do not come back together. */
  readonly baseMs: number;
  readonly capMs: number;
  readonly retryable: (error: unknown) => boolean;
  readonly onRetry?: (retry: Retry) => void;
  readonly clock?: Clock;
  readonly random?: () => number;
}

/** A failed attempt that is about to be followed by another. */
export interface Retry {
  readonly attempt: number;
  readonly waitMs: number;
  readonly error: unknown;
}

/** Calls `fn` until it succeeds, fails for good or the policy is used up; then throws fn's last error.
 *  An abort during a wait throws the signal's reason; an abort during `fn` is fn's to notice. */
export async function retry<T>(
  fn: (attempt: number) => Promise<T>,
  policy: RetryPolicy,
  signal: AbortSignal,
): Promise<T> {
  const next = attempts(policy, signal);
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await fn(attempt);
    } catch (error) {
      await next(error);
    }
  }
}

/** Like `retry` for a stream: it is opened anew only as long as it has given nothing, because what the consumer has
 *  cannot be taken back. */
export async function* retryUntilFirst<T>(
  open: (attempt: number) => AsyncIterable<T>,
  policy: RetryPolicy,
  signal: AbortSignal,
): AsyncGenerator<T> {
  const next = attempts(policy, signal);
  let given = false;
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      for await (const value of open(attempt)) {
        given = true;
        yield value;
      }
      return;
    } catch (error) {
      if (given) throw error;
      await next(error);
    }
  }
}

/** Waits until the next attempt may begin, or throws `error` again when there is to be none. */
function attempts(policy: RetryPolicy, signal: AbortSignal): (error: unknown) => Promise<void> {
  const { clock = systemClock, random = Math.random } = policy;
  const startedAt = clock.now();
  let attempt = 0;
  return async (error) => {
    attempt += 1;
    if (signal.aborted || attempt >= policy.attempts || !policy.retryable(error)) throw error;
    const waitMs = random() * Math.min(policy.capMs, policy.baseMs * 2 ** (attempt - 1));
    if (clock.now() + waitMs - startedAt > policy.withinMs) throw error;
    policy.onRetry?.({ attempt, waitMs, error });
    await clock.sleep(waitMs, signal);
  };
}
