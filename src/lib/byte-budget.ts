import { type Clock, systemClock } from './clock.ts';

/** Bytes that may pass per second, for as many takers as share it. */
export interface ByteBudget {
  /** Hand it to `createByteBudget` in another thread and both draw on the same budget. */
  readonly shared: SharedArrayBuffer;
  /** Resolves when these bytes may pass. Rejects with the signal's reason; what was taken stays taken. */
  take(bytes: number, signal: AbortSignal): Promise<void>;
}

/** Up to this much unused time is saved up, so that a short pause does not cost rate. */
const burstMs = 100;

/** A token bucket kept as one number: the moment at which everything taken so far will have been paid for. That fits
 *  in one atomic word, so threads share it without a lock. The clock must be the same for all who share it. */
export function createByteBudget(
  bytesPerSecond: number,
  { clock = processClock, shared = new SharedArrayBuffer(8) }: { clock?: Clock; shared?: SharedArrayBuffer } = {},
): ByteBudget {
  const paidAt = new BigInt64Array(shared);
  return {
    shared,
    async take(bytes, signal) {
      const costMicros = BigInt(Math.round((bytes / bytesPerSecond) * 1e6));
      const waitMs = reserve(paidAt, costMicros, clock.now());
      if (waitMs > 0) await clock.sleep(waitMs, signal);
    },
  };
}

/** Adds the cost and returns how long it takes until it is paid for; at most 0 when it already is. */
function reserve(paidAt: BigInt64Array, costMicros: bigint, nowMs: number): number {
  const earliest = BigInt(Math.round((nowMs - burstMs) * 1000));
  for (;;) {
    const seen = Atomics.load(paidAt, 0);
    const start = seen > earliest ? seen : earliest;
    if (Atomics.compareExchange(paidAt, 0, seen, start + costMicros) === seen) {
      return Number(start + costMicros) / 1000 - nowMs;
    }
  }
}

/** `performance.now()` counts from another zero in each thread; this does not. */
const processClock: Clock = { ...systemClock, now: () => Number(process.hrtime.bigint() / 1000n) / 1000 };
