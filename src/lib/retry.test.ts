import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Clock } from './clock.ts';
import { retry, retryUntilFirst, type Retry, type RetryPolicy } from './retry.ts';

const signal = new AbortController().signal;

/** Time passes only by sleeping. */
function handClock(): Clock & { readonly slept: number[] } {
  const slept: number[] = [];
  return {
    slept,
    now: () => slept.reduce((sum, ms) => sum + ms, 0),
    async sleep(ms, waitSignal) {
      waitSignal.throwIfAborted();
      slept.push(ms);
    },
  };
}

const policy = (own: Partial<RetryPolicy>): RetryPolicy => ({
  attempts: 5,
  withinMs: 60_000,
  baseMs: 100,
  capMs: 300,
  retryable: () => true,
  clock: handClock(),
  random: () => 1,
  ...own,
});

const failing = (times: number) => {
  let calls = 0;
  return async (): Promise<number> => {
    calls += 1;
    if (calls <= times) throw new Error(`failure ${calls}`);
    return calls;
  };
};

describe('retry', () => {
  it('doubles the wait up to the cap and reports each retry', async () => {
    const clock = handClock();
    const retries: Retry[] = [];
    const result = await retry(failing(4), policy({ clock, onRetry: (each) => retries.push(each) }), signal);
    assert.equal(result, 5);
    assert.deepEqual(clock.slept, [100, 200, 300, 300]);
    assert.deepEqual(
      retries.map(({ attempt, waitMs }) => [attempt, waitMs]),
      [
        [1, 100],
        [2, 200],
        [3, 300],
        [4, 300],
      ],
    );
  });

  it('draws the wait from the whole span, so that workers spread out', async () => {
    const clock = handClock();
    const draws = [0, 0.5];
    await retry(failing(2), policy({ clock, random: () => draws.shift() ?? 0 }), signal);
    assert.deepEqual(clock.slept, [0, 100]);
  });

  it('throws the last error when the attempts are used up', async () => {
    await assert.rejects(retry(failing(9), policy({ attempts: 3 }), signal), /failure 3/);
  });

  it('begins no attempt after the time limit', async () => {
    const clock = handClock();
    await assert.rejects(retry(failing(9), policy({ clock, withinMs: 350 }), signal), /failure 3/);
    assert.deepEqual(clock.slept, [100, 200]);
  });

  it('does not repeat what cannot help', async () => {
    await assert.rejects(retry(failing(1), policy({ retryable: () => false }), signal), /failure 1/);
  });

  it('throws the reason of an abort during the wait', async () => {
    const controller = new AbortController();
    const stop = (): void => controller.abort(new Error('stopped'));
    await assert.rejects(retry(failing(1), policy({ onRetry: stop }), controller.signal), /stopped/);
  });

  it('throws the error itself when it comes after the abort', async () => {
    const controller = new AbortController();
    const fn = async (): Promise<void> => {
      controller.abort(new Error('stopped'));
      throw new Error('closed by the abort');
    };
    await assert.rejects(retry(fn, policy({}), controller.signal), /closed by the abort/);
  });
});

describe('retryUntilFirst', () => {
  it('opens a stream anew as long as it has given nothing', async () => {
    const open = async function* (attempt: number) {
      if (attempt < 3) throw new Error('not yet');
      yield* [1, 2];
    };
    assert.deepEqual(await Array.fromAsync(retryUntilFirst(open, policy({}), signal)), [1, 2]);
  });

  it('passes an error on once something was given', async () => {
    let opened = 0;
    const open = async function* () {
      opened += 1;
      yield 1;
      throw new Error('broken off');
    };
    await assert.rejects(Array.fromAsync(retryUntilFirst(open, policy({}), signal)), /broken off/);
    assert.equal(opened, 1);
  });
});
