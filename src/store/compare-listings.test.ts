import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Item } from '../model/item.ts';
import { compareListings } from './compare-listings.ts';

async function* pages(keys: readonly string[], size: number): AsyncGenerator<readonly Item[]> {
  for (let i = 0; i < keys.length; i += size) {
    yield keys.slice(i, i + size).map((key): Item => ({ key, kind: 'file', stage: 'data', bytes: 0 }));
    yield []; // an empty page is no end
  }
}

it('two listings are joined by key, whatever the size of their pages', async () => {
  const [left, right] = [
    ['a', 'b', 'd', 'é', '\u{ffff}', '\u{10000}'],
    ['b', 'c', 'd', 'z', '\u{10000}', '\u{10001}'],
  ];
  for (const [x, y] of [
    [1, 1],
    [2, 3],
    [100, 1],
    [3, 100],
  ] as const) {
    const joined: string[] = [];
    for await (const page of compareListings(pages(left, x), pages(right, y))) {
      for (const { source, target } of page) joined.push(`${source?.key ?? '-'} ${target?.key ?? '-'}`);
    }
    assert.deepEqual(
      joined,
      ['a -', 'b b', '- c', 'd d', '- z', 'é -', '\u{ffff} -', '\u{10000} \u{10000}', '- \u{10001}'],
      `${x} and ${y} a page`,
    );
  }
});

it('an empty listing on either side ends', async () => {
  for (const [left, right] of [
    [[], ['a']],
    [['a'], []],
    [[], []],
  ] as const) {
    let seen = 0;
    for await (const page of compareListings(pages(left, 2), pages(right, 2))) seen += page.length;
    assert.equal(seen, left.length + right.length);
  }
});
