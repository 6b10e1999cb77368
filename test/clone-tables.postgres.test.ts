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

  it('take their time where the server would end every statement and session soon', async () => {
    using place = workplace();
    await pair.begin('CREATE TABLE t AS SELECT i, repeat(md5(i::text), 20) AS b FROM generate_series(1, 20000) i');
    const limits = ['statement_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout', 'lock_timeout'];
    for (const [client, value] of [
      [source, '20ms'],
      [target, '20ms'],
    ] as const)
      for (const limit of limits) await client.query(`ALTER DATABASE postgres SET ${limit} = '${value}'`);
    const ended = await place.waybill(
      'run',
      pair.from.url(),
      pair.to.url(),
      '--chunk=1MiB',
      '--limit=20MB/s',
      '--json',
    );
    for (const client of [source, target])
      for (const limit of limits) await client.query(`ALTER DATABASE postgres RESET ${limit}`);
    assert.equal(ended.code, 0, ended.stdout + ended.stderr);
    assert.deepEqual(await printed(target, 't'), await printed(source, 't'));
  });

  it('are not carried without the rows that a policy hides from the user', async () => {
    using place = workplace();
    await pair.begin(`
      CREATE TABLE t AS SELECT i FROM generate_series(1, 100) i; ALTER TABLE t ENABLE ROW LEVEL SECURITY;
      CREATE POLICY few ON t USING (i < 10);
      DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN END $$;
      GRANT USAGE ON SCHEMA public TO reader; GRANT SELECT ON t TO reader`);
    const url = pair.from.url().replace('postgres@', 'reader@');
    const ended = await place.waybill('run', url, pair.to.url(), '--json');
    await source.query('DROP OWNED BY reader; DROP ROLE reader');
    assert.notEqual(ended.code, 0);
    assert.match(ended.stdout + ended.stderr, /Row security hides rows|row-level security/);
  });
});

/** All rows of a table as the server prints them, in any order. */
async function printed(client: typeof source, table: string): Promise<readonly string[]> {
  await client.query('SET extra_float_digits = 3');
  const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ONLY ${table} t ORDER BY 1`);
  return rows.map(({ row }) => row);
}
