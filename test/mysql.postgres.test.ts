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
    for (const name of ['chinook', 'reference', 'sakila', 'types']) await admin.query(`CREATE DATABASE ${name}`);
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

  it('carries every type, as the digests of PostgreSQL prove, and names the rows that it leaves out', async () => {
    query(source, everyType);
    const refused = await place.waybill('run', source.url('types'), target.url('types'), '--json');
    assert.notEqual(refused.code, 0);
    assert.match(refused.stdout, /the date is one that no calendar has/);
    assert.deepEqual(await contents(await connect('types')), new Map());
    const ended = await place.waybill(
      'run',
      source.url('types'),
      target.url('types'),
      '--json',
      '--max-quarantine',
      '2',
    );
    assert.equal(ended.code, 3, ended.stdout + ended.stderr);
    const keys = new Set(Array.from(ended.stdout.matchAll(/"key":"\[\\"(\d+)\\"\]"/g), ([, key]) => key));
    assert.deepEqual(keys, new Set(['3', '4']));
    const client = await connect('types');
    const { rows } = await client.query(`SELECT to_jsonb(t) - 'id' AS row FROM every t WHERE id = 2`);
    assert.deepEqual(rows[0].row, {
      flag: true,
      big: 18446744073709552000,
      exact: 1.5e-9,
      single: 0.1,
      bits: '10010',
      year: 2155,
      day: '2024-02-29',
      naive: '2024-03-31T02:30:00.123',
      moment: '2024-03-31T01:30:00+00:00',
      span: '-838:59:59',
      word: '€ é',
      kind: 'a',
      kinds: 'x,z',
      doc: { a: 1 },
      raw: '\\x01000000',
      place: '\\x0101000000000000000000f03f0000000000000040',
    });
    const { rows: exact } = await client.query(`SELECT big::text FROM every WHERE id = 2`);
    assert.equal(exact[0].big, '18446744073709551615');
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

const query = (server: MariadbServer, sql: string): void => {
  execFileSync('mariadb', ['-h127.0.0.1', `-P${server.port}`, '-uroot', '--default-character-set=utf8mb4'], {
    input: sql,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
};

/** Row 2 has a value of each type; row 3 a date that no calendar has, row 4 a NUL byte. */
const everyType = `CREATE DATABASE types CHARACTER SET utf8mb4; USE types; SET sql_mode = ''; SET time_zone = '+00:00';
  CREATE TABLE every (id INT PRIMARY KEY, flag TINYINT(1), big BIGINT UNSIGNED, exact DECIMAL(65,30), single FLOAT, bits BIT(5),
    year YEAR, day DATE, naive DATETIME(3), moment TIMESTAMP NULL, span TIME, word VARCHAR(9) CHARACTER SET latin1,
    kind ENUM('a','b'), kinds SET('x','y','z'), doc JSON, raw BINARY(4), place POINT);
  INSERT INTO every (id) VALUES (1);
  INSERT INTO every VALUES (2, 1, 18446744073709551615, 0.0000000015, 0.1, b'10010', 2155, '2024-02-29',
    '2024-03-31 02:30:00.123', '2024-03-31 01:30:00', '-838:59:59', '€ é', 'a', 'x,z', '{"a":1}', x'01', POINT(1, 2));
  INSERT INTO every (id, day) VALUES (3, '0000-00-00');
  INSERT INTO every (id, word) VALUES (4, 'a\\0b');`;

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
