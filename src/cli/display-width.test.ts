import assert from 'node:assert/strict';
import { test } from 'node:test';
import { column, displayWidth, shorten, table, wrap } from './display-width.ts';

test('wide characters take two columns and combining ones none', () => {
  assert.equal(displayWidth('abc'), 3);
  assert.equal(displayWidth('日本'), 4);
  assert.equal(displayWidth('ｶﾅ'), 2);
  assert.equal(displayWidth('e\u0301'), 1);
  assert.equal(displayWidth('📦'), 2);
});

test('a shortened path keeps its beginning and its end and never exceeds its room', () => {
  assert.equal(shorten('photos/2020/summer/beach.jpg', 15), 'photos/…each.jpg'.slice(0, 7) + '…' + 'ach.jpg');
  for (const text of ['日本語の長いファイル名.txt', 'plain-and-long-name.txt', '📦📦📦📦📦']) {
    for (let width = 0; width < 30; width++) {
      assert.ok(displayWidth(shorten(text, width)) <= width, `${text} in ${width}`);
      assert.equal(displayWidth(column(text, width)), width, `${text} as a column of ${width}`);
    }
  }
});

test('a table aligns by what is seen', () => {
  assert.deepEqual(
    table(
      [
        ['日本', '1'],
        ['a', '100'],
      ],
      [1],
    ),
    ['日本    1', 'a     100'],
  );
});

test('text is broken between words, and a word that fits nowhere stays whole', () => {
  assert.equal(wrap('  one two three', 9, '    '), '  one two\n    three');
  assert.equal(wrap('short', 80, ''), 'short');
  assert.equal(wrap('a verylongword b', 6, ' '), 'a\n verylongword\n b');
});
