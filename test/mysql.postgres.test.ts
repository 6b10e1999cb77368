import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { hasMariadb, startMariadb, type MariadbServer } from '../src/testing/mariadb-server.ts';
import { startPostgres, type PostgresServer } from '../src/testing/postgres-server.ts';
import { sampleData } from '../src/testing/sample-data.ts';
import { workplace, type Workplace } from './run-waybill.ts';

const files = {
  chinook: sampleData('Chinook_MySql.sql'),
  reference: sampleData('Chinook_PostgreSql.sql'),
  sakilaSchema: sampleData('sakila-mysql-schema.sql'),
  sakilaData: sampleData('sakila-mysql-data.sql'),
};
const missing = !hasMariadb()
  ? 'apt-get install mariadb-server'
  : Object.values(files).includes(undefined)
    ? 'the Chinook and Sakila files are not in ../shared/data'
    : false;

describe('from MariaDB to PostgreSQL', { skip: missing }, () => {
  let source: MariadbServer;
  let target: PostgresServer;
  let place: Workplace;
  const clients: pg.Client[] = [];

  before(async () => {
    [source, target] = await Promise.all([startMariadb(), startPostgres()]);
    place = workplace();
    for (const file of [files.chinook, files.sakilaSchema, files.sakilaData]) {
      execFileSync('mariadb', ['-h127.0.0.1', `-P${source.port}`, '-uroot', '--default-character-set=utf8mb4'], {
        // Chinook's script means its backslashes as they are.
        input: Buffer.concat([
          Buffer.from(file === files.chinook ? `SET sql_mode = 'NO_BACKSLASH_ESCAPES';\n` : ''),
          readFileSync(file ?? ''),
        ]),
        stdio: ['pipe', 'ignore', 'pipe'],
      });
    }
    const admin = await connect('postgres');
    for (const name of ['chinook', 'reference', 'sakila']) await admin.query(`CREATE DATABASE ${name}`);
  });

  after(async () => {
    for (const client of clients) await client.end();
    await Promise.all([source?.[Symbol.asyncDispose](), target?.[Symbol.asyncDispose]()]);
    place?.[Symbol.dispose]();
  });

  async function connect(database: string): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: target.url(database) });
    await client.connect();
    clients.push(client);
    return client;
  }

  const run = (database: string) =>
    place.waybill('run', source.url(database), target.url(database.toLowerCase()), '--json');

  it('carries Chinook: 15 607 rows in 11 tables, equal to those of the PostgreSQL script', async () => {
    const reference = await connect('reference');
    // Only psql knows \c; what stands before it makes the database.
    await reference.query(readFileSync(files.reference ?? '', 'utf8').split(/^\\c .*$/m)[1] ?? '');
    // The one value in which the published files differ: MySQL's has a space at the end, which must arrive.
    await reference.query(`UPDATE customer SET city = 'Edinburgh ' WHERE city = 'Edinburgh'`);
    await reference.query(`UPDATE invoice SET billing_city = 'Edinburgh ' WHERE billing_city = 'Edinburgh'`);
    const ended = await run('Chinook');
    assert.equal(ended.code, 0, ended.stdout + ended.stderr);
    const [ours, theirs] = [await contents(await connect('chinook')), await contents(reference)];
    assert.deepEqual([...ours.keys()], [...theirs.keys()]);
    for (const [table, rows] of theirs) assert.deepEqual(ours.get(table), rows, `table ${table}`);
    assert.equal(countOf(ours), 15_607);
  });

  it('carries Sakila: 46 273 rows, foreign keys valid, numbering that goes on, views and triggers named', async () => {
    const ended = await run('sakila');
    assert.equal(ended.code, 0, ended.stdout + ended.stderr);
    const client = await connect('sakila');
    const tables = await contents(client);
    // The script loads 46 273 rows; a trigger of the source made those of film_text.
    assert.equal(tables.get('filmtext')?.length, 1000);
    assert.equal(countOf(tables), 46_273 + 1000);
    const { rows: keys } = await client.query(
      `SELECT count(*)::int AS total, bool_and(convalidated) AS valid FROM pg_constraint WHERE contype = 'f'`,
    );
    assert.deepEqual(keys[0], { total: 22, valid: true });
    await assert.rejects(client.query(`UPDATE film SET rating = 'X' WHERE film_id = 1`), /film_rating_check/);
    const { rows: added } = await client.query(
      `INSERT INTO actor (first_name, last_name) VALUES ('NEW', 'ONE') RETURNING actor_id`,
    );
    assert.equal(added[0].actor_id, 201);
    for (const named of ['view customer_list', 'view film_list', 'trigger ins_film', 'routine film_in_stock']) {
      assert.match(ended.stdout, new RegExp(`The ${named} is not carried: `), named);
    }
    assert.match(ended.stdout, /The index idx_title_description of film_text is of type FULLTEXT/);
  });

  it('finds nothing to do in an incremental run, and names a row that was changed behind its back', async () => {
    const again = await place.waybill(
      'run',
      source.url('Chinook'),
      target.url('chinook'),
      '--strategy',
      'incremental',
      '--json',
    );
    assert.equal(again.code, 0, again.stdout + again.stderr);
    assert.doesNotMatch(again.stdout, /chunk\.written/);
    const client = await connect('chinook');
    await client.query(`UPDATE track SET milliseconds = milliseconds + 1 WHERE trackid = 1234`);
    const ended = await place.waybill('verify', 'latest', '--json');
    assert.equal(ended.code, 3, ended.stdout + ended.stderr);
    assert.match(ended.stdout, /\[\\"1234\\"\]/);
  });
});

const countOf = (tables: ReadonlyMap<string, readonly string[]>): number =>
  [...tables.values()].reduce((sum, rows) => sum + rows.length, 0);

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
