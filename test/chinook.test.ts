import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { startPostgres, type PostgresServer } from '../src/testing/postgres-server.ts';
import { sampleData } from '../src/testing/sample-data.ts';
import { workplace, type Workplace } from './run-waybill.ts';

const sqlite = sampleData('Chinook_Sqlite.sqlite');
const script = sampleData('Chinook_PostgreSql.sql');

describe(
  'Chinook from SQLite to PostgreSQL',
  { skip: sqlite && script ? false : 'the Chinook files are not in ../shared/data' },
  () => {
    let server: PostgresServer;
    let place: Workplace;
    let carried: pg.Client;
    let reference: pg.Client;

    before(async () => {
      server = await startPostgres();
      place = workplace();
      const admin = await connect(server, 'postgres');
      await admin.query('CREATE DATABASE carried');
      await admin.query('CREATE DATABASE reference');
      await admin.end();
      reference = await connect(server, 'reference');
      // Only psql knows \c; what stands before it makes the database.
      await reference.query(readFileSync(script ?? '', 'utf8').split(/^\\c .*$/m)[1] ?? '');
      // The one value in which the two published files differ: SQLite's has a space at the end, which must arrive.
      await reference.query(`UPDATE customer SET city = 'Edinburgh ' WHERE city = 'Edinburgh'`);
      await reference.query(`UPDATE invoice SET billing_city = 'Edinburgh ' WHERE billing_city = 'Edinburgh'`);
      carried = await connect(server, 'carried');
    });

    after(async () => {
      await carried?.end();
      await reference?.end();
      await server?.[Symbol.asyncDispose]();
      place?.[Symbol.dispose]();
    });

    it('carries 15 607 rows in 11 tables, equal to those of the PostgreSQL script table by table', async () => {
      const ended = await place.waybill('run', `sqlite:${sqlite}`, server.url('carried'), '--json');
      assert.equal(ended.code, 0, ended.stdout + ended.stderr);
      const [ours, theirs] = [await contents(carried), await contents(reference)];
      assert.deepEqual([...ours.keys()], [...theirs.keys()]);
      assert.equal(ours.size, 11);
      for (const [table, rows] of theirs) assert.deepEqual(ours.get(table), rows, `table ${table}`);
      assert.equal(
        [...ours.values()].reduce((sum, rows) => sum + rows.length, 0),
        15_607,
      );
    });

    it('leaves all foreign keys valid, the same number as the script makes', async () => {
      const keys = `SELECT count(*) FILTER (WHERE convalidated)::int AS valid, count(*)::int AS total FROM pg_constraint WHERE contype = 'f'`;
      const [ours] = (await carried.query(keys)).rows;
      const [theirs] = (await reference.query(keys)).rows;
      assert.deepEqual(ours, theirs);
      assert.equal(ours.valid, 11);
    });

    it('goes on numbering after the last row', async () => {
      await carried.query('BEGIN');
      const { rows } = await carried.query(`INSERT INTO artist (name) VALUES ('new') RETURNING artistid::int AS id`);
      await carried.query('ROLLBACK');
      assert.equal(rows[0].id, 276);
    });

    it('says that nothing changed when it is run again, and leaves the rows as they are', async () => {
      const ended = await place.waybill(
        'run',
        `sqlite:${sqlite}`,
        server.url('carried'),
        '--strategy',
        'incremental',
        '--json',
      );
      assert.equal(ended.code, 0, ended.stdout + ended.stderr);
      assert.doesNotMatch(ended.stdout, /chunk\.written/);
    });

    it('names a row that was changed behind our back by table and key, with exit code 3', async () => {
      assert.equal((await place.waybill('verify', 'latest')).code, 0);
      await carried.query(`UPDATE track SET milliseconds = milliseconds + 1 WHERE trackid = 1234`);
      await carried.query(`DELETE FROM playlisttrack WHERE playlistid = 8 AND trackid = 99`);
      const ended = await place.waybill('verify', 'latest', '--json');
      assert.equal(ended.code, 3, ended.stdout + ended.stderr);
      assert.match(ended.stdout, /Track/);
      assert.match(ended.stdout, /\[\\"1234\\"\]/);
      assert.match(ended.stdout, /\[\\"8\\",\\"99\\"\]/);
    });

    it('mends exactly those rows in the next incremental run', async () => {
      const ended = await place.waybill(
        'run',
        `sqlite:${sqlite}`,
        server.url('carried'),
        '--strategy',
        'incremental',
        '--json',
      );
      assert.equal(ended.code, 0, ended.stdout + ended.stderr);
      const rows = [...ended.stdout.matchAll(/"type":"chunk\.written".*?"rows":(\d+)/g)].reduce(
        (sum, [, n]) => sum + Number(n),
        0,
      );
      assert.equal(rows, 2);
      assert.equal((await place.waybill('verify', 'latest')).code, 0);
    });
  },
);

async function connect(server: PostgresServer, database: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: server.url(database) });
  await client.connect();
  return client;
}

/** Every table's rows as text, by the table's name without underscores (the script writes invoice_line). */
async function contents(client: pg.Client): Promise<Map<string, string[]>> {
  const { rows: tables } = await client.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY replace(table_name, '_', '')`,
  );
  const found = new Map<string, string[]>();
  for (const { name } of tables) {
    const { rows } = await client.query<{ row: string }>(
      `SELECT t::text COLLATE "C" AS row FROM "${name}" t ORDER BY 1`,
    );
    found.set(
      name.replaceAll('_', ''),
      rows.map(({ row }) => row),
    );
  }
  return found;
}
