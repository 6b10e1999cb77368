import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createByteBudget } from './byte-budget.ts';

const signal = new AbortController().signal;

function handClock() {
  let now = 1_000_000;
  return {
    now: () => now,
    pass: (ms: number): void => void (now += ms),
    sleep: async (ms: number): Promise<void> => void (now += ms),
  };
}

describe('createByteBudget', () => {
  it('lets bytes pass at the rate, after a burst of a tenth of a second', async () => {
    const clock = handClock();
    const budget = createByteBudget(1000, { clock });
    for (let i = 0; i < 21; i++) await budget.take(100, signal);
    assert.equal(clock.now(), 1_002_000);
  });

  it('makes a part larger than the burst wait until it is paid for', async () => {
    const clock = handClock();
    const budget = createByteBudget(1000, { clock });
    await budget.take(5100, signal);
    assert.equal(clock.now(), 1_005_000);
  });

  it('saves up no more than the burst while nothing is taken', async () => {
    const clock = handClock();
    const budget = createByteBudget(1000, { clock });
    clock.pass(60_000);
    await budget.take(1100, signal);
    assert.equal(clock.now(), 1_061_000);
  });

  it('is one budget for all who share its memory', async () => {
    const clock = handClock();
    const one = createByteBudget(1000, { clock });
    const other = createByteBudget(1000, { clock, shared: one.shared });
    await one.take(1000, signal);
    await other.take(1000, signal);
    assert.equal(clock.now(), 1_001_900);
  });

  it('ends the wait with the reason of an abort', async () => {
    const controller = new AbortController();
    const waiting = createByteBudget(1).take(1000, controller.signal);
    controller.abort(new Error('stopped'));
    await assert.rejects(waiting, /stopped/);
  });
});
