import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { openClonePair, variousTables } from '../src/testing/clone-fixture.ts';
import { resultOf, workplace } from './run-waybill.ts';

const pair = await openClonePair();
const { source, target } = pair;

describe('the tables of a clone from one PostgreSQL server to a newer one', () => {
  after(() => pair[Symbol.asyncDispose]());

  it('arrive with every row and value as it was, in binary or as text, whole or in chunks', async () => {
    using place = workplace();
    await pair.begin(variousTables);
    await source.query('ANALYZE');
    const ended = await place.waybill('run', pair.from.url(), pair.to.url(), '--chunk=256KiB', '--json');
    assert.equal(ended.code, 0, ended.stdout + ended.stderr);
    const { rows } = await source.query<{ name: string }>(
      `SELECT c.oid::regclass::text AS name FROM pg_class c WHERE relkind = 'r' AND relnamespace::regnamespace::text !~ '^(pg_|information)' ORDER BY 1`,
    );
    assert.equal(rows.length, 17);
    for (const { name } of rows) assert.deepEqual(await printed(target, name), await printed(source, name), name);
    const chunks = (ended.stdout.match(/"chunk":"pages \d+-\d*"/g) ?? []).length;
    assert.ok(chunks >= 8, `${chunks} chunks of tables that were split`);
    const text = ended.stdout.split('\n').find((line) => line.includes('"type":"plan"')) ?? '';
    assert.match(
      text,
      /Table public.made_types travels as text. p \(public.pair\): composite type pair holds type mood/,
    );
    assert.equal((resultOf(ended)['differences'] as { count: number }).count, 0);
    const left = await target.query(`SELECT FROM pg_namespace WHERE nspname = '_waybill'`);
    assert.equal(left.rowCount, 0);
    const options = await target.query(`SELECT FROM pg_class WHERE reloptions::text LIKE '%autovacuum%'`);
    assert.equal(options.rowCount, 0);
  });
});

/** All rows of a table as the server prints them, in any order. */
async function printed(client: typeof source, table: string): Promise<readonly string[]> {
  await client.query('SET extra_float_digits = 3');
  const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ONLY ${table} t ORDER BY 1`);
  return rows.map(({ row }) => row);
}
