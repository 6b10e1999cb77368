import assert from 'node:assert/strict';
import { linkSync, mkdirSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { currentDirectory, openFlags, posix } from '../../lib/posix.ts';
import { CompareAhead } from './compare-ahead.ts';
import { tempFolder } from './fs-fixture.ts';

it('another thread settles directories of nothing but equal files, and no others', async (t) => {
  const root = tempFolder(t);
  const names = [
    'equal',
    'empty',
    'shorter',
    'extra',
    'missing',
    'nested',
    'hidden',
    'linked',
    'later',
    'alone',
    'same',
  ];
  for (const side of ['from', 'to']) {
    for (const name of names) {
      mkdirSync(join(root, side, name), { recursive: true });
      if (name === 'empty') continue;
      for (const file of ['a', 'b', 'c']) {
        writeFileSync(join(root, side, name, file), 'content');
        utimesSync(join(root, side, name, file), 1000, 1000);
      }
    }
    mkdirSync(join(root, side, 'nested/more'));
    writeFileSync(join(root, side, 'hidden/.waybill-rold-1~'), '');
    linkSync(join(root, side, 'linked/a'), join(root, side, 'linked/d'));
  }
  truncateSync(join(root, 'to/shorter/c'), 3);
  writeFileSync(join(root, 'to/extra/d'), '');
  writeFileSync(join(root, 'from/missing/d'), '');
  utimesSync(join(root, 'to/later/b'), 1000, 1001);

  const calls = posix();
  const open = (side: string): number => calls.openAt(currentDirectory, join(root, side), openFlags.root);
  const [from, to] = [open('from'), open('to')];
  t.after(() => [from, to].forEach((file) => calls.close(file)));
  using ahead = new CompareAhead({ owners: true, since: undefined });
  assert.ok(!ahead.wants(10), 'a small tree is worth no thread');
  const asked = [...names, 'gone'].map((name) => `${name}/`);
  ahead.offer('x/', from, to, asked);
  while (!ahead.wants(Infinity)) await setImmediate();
  assert.equal(ahead.settled('y/', 'equal/'), undefined);
  assert.deepEqual(
    asked.map((name) => [name, ahead.settled('x/', name)]).filter(([, known]) => known),
    [
      ['equal/', { files: 3, bytes: 21 }],
      ['empty/', { files: 0, bytes: 0 }],
      ['alone/', { files: 3, bytes: 21 }],
      ['same/', { files: 3, bytes: 21 }],
    ],
  );
});
