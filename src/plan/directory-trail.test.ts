import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Item } from '../model/item.ts';
import { DirectoryTrail } from './directory-trail.ts';

const directory = (key: string): Item => ({ key, kind: 'directory', stage: 'last', bytes: 0 });

it('directories are left after everything in them, deepest first, and know whether something in them changed', () => {
  const left: string[] = [];
  const trail = new DirectoryTrail(({ key }, action, touched) =>
    left.push(`${action} ${key}${touched ? ' touched' : ''}`),
  );
  for (const key of ['./', 'a/', 'a/b/', 'a/b/file', 'a/c', 'a-file', 'b/', 'c/']) {
    trail.arrive(key);
    if (key.endsWith('/')) trail.enter(directory(key), key === 'c/' ? 'remove' : 'copy', false);
    else if (key === 'a/b/file') trail.touch();
  }
  trail.end();
  assert.deepEqual(left, ['copy a/b/ touched', 'copy a/', 'copy b/', 'remove c/', 'copy ./']);
});
