import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatBytes, formatCount, parseByteRate, parseBytes } from './byte-size.ts';

test('decimal and binary units are told apart, and case does not matter', () => {
  assert.equal(parseBytes('64MiB'), 64 * 1024 * 1024);
  assert.equal(parseBytes('64 mb'), 64_000_000);
  assert.equal(parseBytes('1.5KiB'), 1536);
  assert.equal(parseBytes('4096'), 4096);
  assert.equal(parseByteRate('50MB/s'), 50_000_000);
  assert.equal(parseByteRate('50MB'), 50_000_000);
});

test('an ambiguous unit, a negative or an unsafe number is not read', () => {
  for (const text of ['64M', '', 'MiB', '-1MiB', '1e3', '64MiB/s', '99999999TiB', '12 parsecs']) {
    assert.equal(parseBytes(text), undefined, text);
  }
});

test('sizes keep three digits and never show 1000 or more of a unit', () => {
  assert.deepEqual([0, 999, 1000, 1023, 1024 * 1024, 1023.9 * 1024, 2 ** 31].map(formatBytes), [
    '0 B',
    '999 B',
    '0.977 KiB',
    '0.999 KiB',
    '1.00 MiB',
    '1.00 MiB',
    '2.00 GiB',
  ]);
  assert.equal(formatCount(1234567), '1,234,567');
  assert.equal(formatCount(999), '999');
});
