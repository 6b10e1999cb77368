import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { openFollowedPair } from '../../../testing/followed-pair.ts';
import { startPostgres } from '../../../testing/postgres-server.ts';

const settings = { wal_level: 'logical' };
const [source, target] = await Promise.all([startPostgres({ settings }), startPostgres({ settings })]);

describe('following a PostgreSQL database', () => {
  after(async () => {
    await source[Symbol.asyncDispose]();
    await target[Symbol.asyncDispose]();
  });

  it('carries inserts, updates and deletes, in whole transactions, and goes on where the target stands', async () => {
    await using pair = await openFollowedPair(source, target);
    await pair.both('CREATE TABLE city (id int PRIMARY KEY, name text, people int)');
    await using _ = await pair.begin();
    await pair.from.query(`INSERT INTO city SELECT i, 'city ' || i, i FROM generate_series(1, 1000) i`);
    await pair.from.query('UPDATE city SET people = people + 1 WHERE id % 2 = 0');
    await pair.from.query('DELETE FROM city WHERE id % 5 = 0');
    const first = await pair.catchUp();
    assert.equal(first.changes, 1700);
    assert.equal(first.transactions, 3);
    const { from, to } = await pair.rows('city');
    assert.deepEqual(to, from);
    await pair.reopen();
    await pair.from.query(`UPDATE city SET name = E'odd \\t\\n\\\\ "name" {,}' WHERE id < 10`);
    assert.equal((await pair.catchUp()).changes, 8);
    const again = await pair.rows('city');
    assert.deepEqual(again.to, again.from);
  });
});
