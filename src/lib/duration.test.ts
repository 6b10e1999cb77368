import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDuration } from './duration.ts';

test('durations show two units at most and carry over at the edges', () => {
  assert.deepEqual([0.42, 9.96, 59.4, 59.6, 185, 3599.7, 7620, 86399, 5 * 86400 + 3 * 3600].map(formatDuration), [
    '0.4 s',
    '10 s',
    '59 s',
    '1 min 00 s',
    '3 min 05 s',
    '1 h 00 min',
    '2 h 07 min',
    '1 d 00 h',
    '5 d 03 h',
  ]);
});
