import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson } from './canonical-json.ts';

test('members are sorted by UTF-16 code units at every depth, without spaces', () => {
  const value = { b: [{ z: 1, a: undefined, B: null }], '\u{1f600}': 1, '\ufb33': 2, a: 'ä' };
  assert.equal(canonicalJson(value), '{"a":"ä","b":[{"B":null,"z":1}],"\u{1f600}":1,"\ufb33":2}');
});

test('numbers and strings are written as RFC 8785 has them', () => {
  assert.equal(canonicalJson([1e30, 4.5, 1e-7, -0, 10]), '[1e+30,4.5,1e-7,0,10]');
  assert.equal(canonicalJson('\u20ac$\u000f\nA\'B"\\'), `"€$\\u000f\\nA'B\\"\\\\"`);
});

test('a name that is not UTF-8 keeps its lone surrogates', () => {
  assert.equal(canonicalJson('caf\udce9'), '"caf\\udce9"');
  assert.equal(JSON.parse(canonicalJson('caf\udce9')), 'caf\udce9');
});

test('what has no JSON form is refused', () => {
  assert.throws(() => canonicalJson(undefined), TypeError);
  assert.throws(() => canonicalJson(1n), TypeError);
});
