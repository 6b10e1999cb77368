import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { startPostgres, type PostgresServer } from '../src/testing/postgres-server.ts';
import { sampleData } from '../src/testing/sample-data.ts';
import { workplace, type Workplace } from './run-waybill.ts';

const chinook = sampleData('Chinook_Sqlite.sqlite');
const kinds = ['csv', 'json', 'parquet'] as const;

describe('databases through files of tables', () => {
  let place: Workplace;
  let server: PostgresServer;

  before(async () => {
    place = workplace();
    server = await startPostgres();
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    place?.[Symbol.dispose]();
  });

  const run = async (...words: string[]): Promise<void> => {
    const ended = await place.waybill('run', ...words, '--json');
    assert.equal(ended.code, 0, ended.stdout + ended.stderr);
  };

  for (const kind of kinds) {
    it(
      `Chinook goes from SQLite to ${kind} and back, equal row by row`,
      { skip: chinook ? false : 'the Chinook files are not in ../shared/data' },
      async () => {
        await run(`sqlite:${chinook}`, `${kind}:chinook-${kind}`);
        await run(`${kind}:chinook-${kind}`, `sqlite:${kind}.db`);
        const [was, is] = [rowsOf(chinook ?? ''), rowsOf(place.path(`${kind}.db`))];
        assert.equal(was.size, 11);
        assert.deepEqual([...is.keys()], [...was.keys()]);
        for (const [table, rows] of was) assert.deepEqual(is.get(table), rows, table);
      },
    );

    it(`a PostgreSQL database goes to ${kind} and back, equal with types and keys`, async () => {
      await using database = await openDatabase(server, `from_${kind}`);
      await database.client.query(everyType);
      await run(server.url(`from_${kind}`), `${kind}:postgres-${kind}`);
      await using back = await openDatabase(server, `to_${kind}`);
      await run(`${kind}:postgres-${kind}`, server.url(`to_${kind}`));
      for (const query of ['SELECT * FROM thing ORDER BY id', columnsOf]) {
        const [was, is] = [await database.client.query(query), await back.client.query(query)];
        assert.deepEqual(is.rows, was.rows, query);
      }
    });
  }

  it('an incremental run finds what changed in the file’s table, and merges it', async () => {
    const path = place.path('inc.db');
    const db = new DatabaseSync(path);
    db.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO t SELECT i, 'row ' || i FROM n`);
    for (const kind of kinds) await run('sqlite:inc.db', `${kind}:inc-${kind}`);
    db.exec(
      `UPDATE t SET name = 'changed' WHERE id = 7; INSERT INTO t VALUES (6000, 'new'); DELETE FROM t WHERE id = 9`,
    );
    db.close();
    for (const kind of kinds) {
      await run('sqlite:inc.db', `${kind}:inc-${kind}`, '--strategy', 'incremental', '--deletions');
      await run(`${kind}:inc-${kind}`, `sqlite:inc-${kind}.db`);
      assert.deepEqual(rowsOf(place.path(`inc-${kind}.db`)), rowsOf(path));
      const left = readdirSync(place.path(`inc-${kind}`)).filter((name) => name.startsWith('.'));
      assert.deepEqual(left, [], 'nothing of the run is left behind');
    }
  });

  it('a row that does not fit ends the run by file and line; with --max-quarantine it is left out and named', async () => {
    writeFileSync(place.path('bad.csv'), 'id,name\n1,one\n2\n3,three\n');
    const refused = await place.waybill('run', 'csv:bad.csv', 'parquet:bad');
    assert.equal(refused.code, 1);
    assert.match(refused.stdout + refused.stderr, /bad\.csv line 3/);
    assert.ok(!existsSync(place.path('bad/bad.parquet')));
    const ended = await place.waybill('run', 'csv:bad.csv', 'parquet:bad', '--max-quarantine', '1', '--json');
    assert.equal(ended.code, 3);
    assert.match(ended.stdout, /bad\.csv line 3/);
    assert.ok(existsSync(place.path('bad/bad.parquet')));
  });

  it('a file that is altered at the target is found by verification', async () => {
    writeFileSync(place.path('v.csv'), 'id,name\n1,one\n2,two\n');
    await run('csv:v.csv', 'csv:verified');
    const path = place.path('verified/v.csv');
    writeFileSync(path, readFileSync(path, 'utf8').replace('two', 'owt'));
    const ended = await place.waybill('verify', 'latest');
    assert.equal(ended.code, 3, ended.stdout);
  });
});

const columnsOf = `SELECT column_name, data_type, numeric_precision, numeric_scale, character_maximum_length, is_nullable
  FROM information_schema.columns WHERE table_schema = 'public' ORDER BY ordinal_position`;

const everyType = `
  CREATE TABLE thing (id integer PRIMARY KEY, small smallint, big bigint, price numeric(12,2), exact numeric, ratio real,
    score double precision, name varchar(40), note text, blob bytea, ok boolean, day date, clock time, at timestamp,
    moment timestamptz, key uuid, doc json, docb jsonb);
  INSERT INTO thing VALUES
    (1, -32768, 9223372036854775807, 1234567890.12, 1.500, 0.1, 5e-324, 'a,"b"', E'two\\nlines', '\\x00ff0a', true, '2024-02-29',
     '23:59:59.999999', '2024-02-29 12:00:00.5', '2024-02-29 12:00:00+02', '6f9619ff-8b86-d011-b42d-00c04fc964ff', '{"a": [1, 2]}', '{"b": 2}'),
    (2, NULL, NULL, NULL, 'NaN', 'NaN', 'Infinity', '', '', '', false, '0044-03-15 BC', '00:00', '0001-01-01', NULL, NULL, NULL, NULL),
    (3, 1, -1, -0.01, 12345678901234567890123456789012345678901234567890, -0.0, 1e300, NULL, '007', NULL, NULL, NULL, NULL, NULL, '1900-01-01', NULL, '"x"', '[]');`;

/** Every row of every table, in an order of its own. */
function rowsOf(path: string): ReadonlyMap<string, readonly string[]> {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const tables = db
      .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name`)
      .all();
    return new Map(
      tables.map(({ name }) => {
        const rows = db.prepare(`SELECT * FROM "${String(name)}"`).all();
        return [String(name), rows.map((row) => JSON.stringify(row)).sort()];
      }),
    );
  } finally {
    db.close();
  }
}

async function openDatabase(server: PostgresServer, name: string) {
  const admin = new pg.Client(server.url('postgres'));
  await admin.connect();
  await admin.query(`CREATE DATABASE ${name}`);
  await admin.end();
  const client = new pg.Client(server.url(name));
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}
