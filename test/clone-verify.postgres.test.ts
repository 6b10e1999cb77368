import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openClonePair } from '../src/testing/clone-fixture.ts';
import type { Difference } from '../src/model/difference.ts';
import { workplace } from './run-waybill.ts';

const pair = await openClonePair();
const place = workplace();

const tables = `
  CREATE TYPE mood AS ENUM ('sad', 'ok');
  CREATE TABLE v (id int, at timestamptz, b bytea, t text, f float8, g real, n numeric, j jsonb, ts tsvector, PRIMARY KEY (id, at));
  INSERT INTO v SELECT i, timestamptz '2024-01-01Z' + i * interval '1 s', decode(md5(i::text), 'hex'), CASE WHEN i % 2 = 0 THEN '' ELSE 'é' END, 0, 0, 1.0,
    '{"a": 1.0}', 'fat cat' FROM generate_series(1, 5000) i;
  CREATE TABLE keyless (a int, b text); INSERT INTO keyless SELECT i % 50, 'same' FROM generate_series(1, 1000) i;
  CREATE TABLE worded (id int PRIMARY KEY, ms mood[], t text); INSERT INTO worded SELECT i, '{ok}', 'a' FROM generate_series(1, 500) i`;

interface Change {
  readonly what: string;
  readonly sql: string;
  readonly undo: string;
  readonly item: string;
  readonly key: string | RegExp;
  readonly kind: string;
}

const row = (id: number) => `["${id}","2024-01-01 ${new Date(id * 1000).toISOString().slice(11, 19)}+00"]`;
const column = (what: string, set: string, back: string, id: number): Change => ({
  what,
  sql: `UPDATE v SET ${set} WHERE id = ${id}`,
  undo: `UPDATE v SET ${back} WHERE id = ${id}`,
  item: 'public.v',
  key: row(id),
  kind: 'changed',
});

const changes: readonly Change[] = [
  column('a flipped bit', 'b = set_bit(b, 77, 1 - get_bit(b, 77))', 'b = set_bit(b, 77, 1 - get_bit(b, 77))', 17),
  column('NULL instead of an empty text', 't = NULL', `t = ''`, 4000),
  column('a text that looks and sorts the same', `t = E'e\\u0301'`, `t = 'é'`, 3001),
  column('a negative zero', `f = '-0'`, 'f = 0', 5),
  column('a negative zero of four bytes', `g = '-0'`, 'g = 0', 6),
  column('NaN', `n = 'NaN'`, 'n = 1.0', 8),
  column('a number with more decimals', 'n = 1.00', 'n = 1.0', 9),
  column('a number with more decimals in JSON', `j = '{"a": 1.00}'`, `j = '{"a": 1.0}'`, 10),
  column('a lexeme that is gone', `ts = 'fat'`, `ts = 'fat cat'`, 11),
  {
    what: 'a lost row',
    sql: 'DELETE FROM v WHERE id = 2500',
    undo: `INSERT INTO v VALUES (2500, timestamptz '2024-01-01Z' + 2500 * interval '1 s', decode(md5('2500'), 'hex'), '', 0, 0, 1.0, '{"a": 1.0}', 'fat cat')`,
    item: 'public.v',
    key: row(2500),
    kind: 'missing',
  },
  {
    what: 'values that two rows have swapped',
    sql: `UPDATE v SET b = decode(md5((43 - id)::text), 'hex') WHERE id IN (21, 22)`,
    undo: `UPDATE v SET b = decode(md5(id::text), 'hex') WHERE id IN (21, 22)`,
    item: 'public.v',
    key: row(21),
    kind: 'changed',
  },
  {
    what: 'a row of a table without key that is there once more',
    sql: `INSERT INTO keyless VALUES (7, 'same')`,
    undo: `DELETE FROM keyless WHERE ctid = (SELECT max(ctid) FROM keyless WHERE a = 7)`,
    item: 'public.keyless',
    key: /^\["#[0-9a-f]{16}"\]$/,
    kind: 'extra',
  },
  {
    what: 'an element of a table that travelled as text',
    sql: `UPDATE worded SET ms = '{ok,NULL}' WHERE id = 44`,
    undo: `UPDATE worded SET ms = '{ok}' WHERE id = 44`,
    item: 'public.worded',
    key: '["44"]',
    kind: 'changed',
  },
];

describe('verification of a clone', () => {
  before(async () => {
    await pair.begin(tables);
    const ended = await place.waybill('run', pair.from.url(), pair.to.url(), '--chunk=64KiB', '--json');
    assert.equal(ended.code, 0, ended.stdout + ended.stderr);
    assert.ok(ended.stdout.includes('table.as-text'));
  });
  after(async () => {
    place[Symbol.dispose]();
    await pair[Symbol.asyncDispose]();
  });

  for (const { what, sql, undo, item, key, kind } of changes) {
    it(`names ${what}`, async () => {
      await pair.target.query(sql);
      const ended = await place.waybill('verify', 'latest', '--json');
      await pair.target.query(undo);
      assert.equal(ended.code, 3, ended.stdout + ended.stderr);
      const first = ended.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { readonly difference?: Difference })
        .flatMap(({ difference }) => difference ?? []);
      const found = first[0];
      assert.ok(found, ended.stdout);
      assert.deepEqual([found.item, found.kind], [item, kind]);
      if (typeof key === 'string')
        assert.ok(
          first.some((each) => each.key === key),
          JSON.stringify(first),
        );
      else assert.match(found.key ?? '', key);
    });
  }

  it('finds nothing once all is as it was', async () => {
    const ended = await place.waybill('verify', 'latest', '--json');
    assert.equal(ended.code, 0, ended.stdout + ended.stderr);
  });
});
