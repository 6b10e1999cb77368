import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMeter } from './meter.ts';

test('the rate follows the last ten seconds, so that a stall is seen', () => {
  const meter = createMeter();
  for (let second = 0; second <= 20; second++) meter.add(second * 1000, second * 50);
  assert.equal(Math.round(meter.rate()), 50);
  for (let second = 21; second <= 40; second++) meter.add(second * 1000, 1000);
  assert.equal(meter.rate(), 0);
});

test('nothing is known before two samples, and going back is no negative speed', () => {
  const meter = createMeter();
  assert.equal(meter.rate(), 0);
  meter.add(0, 100);
  assert.equal(meter.rate(), 0);
  meter.add(1000, 200);
  assert.equal(meter.rate(), 100);
  meter.add(2000, 150);
  assert.equal(meter.rate(), 0);
});
