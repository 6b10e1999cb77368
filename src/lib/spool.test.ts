import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Spool } from './spool.ts';

it('a spool gives back what was pushed, in order, more than once, however long', () => {
  for (const length of [0, 1, 256, 257, 5000]) {
    using spool = new Spool<{ n: number; name: string }>();
    for (let n = 0; n < length; n++) spool.push({ n, name: `\udcff ${n}` });
    assert.equal(spool.length, length);
    for (let again = 0; again < 2; again++) {
      assert.deepEqual(
        [...spool].map(({ n }) => n),
        Array.from({ length }, (_, n) => n),
      );
    }
    assert.equal([...spool].at(-1)?.name, length ? `\udcff ${length - 1}` : undefined);
  }
});
