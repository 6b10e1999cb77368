import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from './nearest.ts';

test('a dropped, doubled, replaced or swapped letter still finds its word', () => {
  const known = ['from', 'to', 'strategy', 'exclude'];
  assert.equal(nearest('form', known), 'from');
  assert.equal(nearest('stratgy', known), 'strategy');
  assert.equal(nearest('Strattegy', known), 'strategy');
  assert.equal(nearest('exclode', known), 'exclude');
});

test('a word that resembles nothing gets no guess', () => {
  assert.equal(nearest('colour', ['from', 'to', 'strategy']), undefined);
});
