import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CutoverStep } from '../model/event.ts';
import { advance, noProgress, notFollowed } from '../model/progress.ts';
import { assertStep, standingOf } from './protocol.ts';

/** Where a shipment stands after these steps; those behind `|` are of the way back. */
function after(steps: string): string {
  let back = false;
  let progress = noProgress;
  for (const word of steps.split(' ').filter(Boolean)) {
    if (word === '|') back = true;
    else {
      const step = word as CutoverStep;
      progress = advance(progress, { type: 'cutover.step', shipment: 0, step, at: 0, ...(back && { back: true }) });
    }
  }
  return standingOf(progress.followed[0] ?? notFollowed);
}

describe('where a shipment stands between its ends', () => {
  it('follows from the steps that were recorded', () => {
    const there = 'asked frozen drained checked counted switching switched';
    const cases = {
      '': 'at source',
      asked: 'stopped going',
      'asked frozen drained checked counted reversed': 'stopped going',
      'asked frozen thawed': 'at source',
      'asked frozen thawed asked': 'stopped going',
      'asked frozen drained checked counted switching': 'going',
      [there]: 'at target',
      [`${there} checked`]: 'at target',
      [`${there} | asked frozen`]: 'stopped returning',
      [`${there} | asked frozen thawed`]: 'at target',
      [`${there} | asked frozen drained checked counted switching`]: 'returning',
      [`${there} | asked frozen drained checked counted switching switched`]: 'returned',
    };
    for (const [steps, standing] of Object.entries(cases)) assert.equal(after(steps), standing, steps);
  });

  it('never skips the drain, and never thaws once writers may be elsewhere', () => {
    assert.throws(() => assertStep('frozen', 'switching'), { code: 'internal' });
    assert.throws(() => assertStep('switching', 'thawed'), { code: 'internal' });
    assert.throws(() => assertStep(undefined, 'frozen'), { code: 'internal' });
    assertStep(undefined, 'asked');
    assertStep('counted', 'switching');
  });
});
