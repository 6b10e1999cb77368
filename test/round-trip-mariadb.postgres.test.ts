import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { hasMariadb } from '../src/testing/mariadb-server.ts';
import { openMysqlSubject, type MysqlSubject } from '../src/testing/mysql-subject.ts';
import { startPostgres, type PostgresServer } from '../src/testing/postgres-server.ts';
import { sampleData } from '../src/testing/sample-data.ts';
import { workplace, type Workplace } from './run-waybill.ts';

const sqlite = sampleData('Chinook_Sqlite.sqlite');
const missing = !hasMariadb()
  ? 'apt-get install mariadb-server'
  : sqlite
    ? false
    : 'the Chinook files are not in ../shared/data';

describe('Chinook from SQLite to MariaDB, on to PostgreSQL, and back to MariaDB', { skip: missing }, () => {
  let maria: MysqlSubject;
  let postgres: PostgresServer;
  let place: Workplace;
  const clients: pg.Client[] = [];

  before(async () => {
    [maria, postgres] = await Promise.all([openMysqlSubject(), startPostgres()]);
    place = workplace();
    await maria.admin.query('CREATE DATABASE first CHARACTER SET utf8mb4; CREATE DATABASE second CHARACTER SET latin1');
    const admin = await connect('postgres');
    for (const name of ['direct', 'through']) await admin.query(`CREATE DATABASE ${name}`);
  });
  after(async () => {
    for (const client of clients) await client.end();
    await Promise.all([maria?.[Symbol.asyncDispose](), postgres?.[Symbol.asyncDispose]()]);
    place?.[Symbol.dispose]();
  });

  async function connect(database: string): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: postgres.url(database) });
    await client.connect();
    clients.push(client);
    return client;
  }

  it('arrives with the same rows by every way', async () => {
    const ways = [
      [`sqlite:${sqlite}`, maria.server.url('first')],
      [maria.server.url('first'), postgres.url('through')],
      [`sqlite:${sqlite}`, postgres.url('direct')],
      [postgres.url('through'), maria.server.url('second')],
    ] as const;
    for (const [from, to] of ways) {
      const ended = await place.waybill('run', from, to, '--json');
      assert.equal(ended.code, 0, `${from} to ${to}: ${ended.stdout}${ended.stderr}`.slice(-2000));
    }
    const [direct, through] = [await connect('direct'), await connect('through')];
    const { rows: tables } = await direct.query<{ name: string }>(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`,
    );
    assert.equal(tables.length, 11);
    for (const { name } of tables) {
      const [a, b] = await Promise.all([direct, through].map((client) => rowsOf(client, name)));
      assert.deepEqual(b, a, name);
    }
    const tablesOf = async (database: string): Promise<unknown> => {
      const [rows] = await maria.admin.query(
        `SELECT LOWER(TABLE_NAME) AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = '${database}' ORDER BY 1`,
      );
      return rows;
    };
    assert.deepEqual(await tablesOf('second'), await tablesOf('first'));
    const [keys] = await maria.admin.query(
      `SELECT COUNT(*) AS n FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = 'second'`,
    );
    assert.deepEqual(keys, [{ n: 11 }]);
    const [track] = await maria.admin.query(
      `SELECT (SELECT CONCAT(Name, Milliseconds, UnitPrice) FROM first.Track WHERE TrackId = 3435) AS a,
              (SELECT CONCAT(name, milliseconds, unitprice) FROM second.track WHERE trackid = 3435) AS b`,
    );
    const [row] = track as { a: string; b: string }[];
    assert.equal(row?.a, row?.b);
    assert.match(row?.a ?? '', /Cavalleria Rusticana \\ Act \\ Intermezzo Sinfonico/);
  });

  it('mends one row that was changed at the target in an incremental run, and proves it', async () => {
    await maria.admin.query(
      `UPDATE second.track SET name = 'other' WHERE trackid = 7; DELETE FROM second.playlisttrack WHERE playlistid = 8 AND trackid = 99`,
    );
    const ended = await place.waybill(
      'run',
      postgres.url('through'),
      maria.server.url('second'),
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
    const [left] = await maria.admin.query(`SHOW TABLES FROM second LIKE '\\_waybill%'`);
    assert.deepEqual(left, []);
  });
});

async function rowsOf(client: pg.Client, table: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ row: string }>(
    `SELECT t::text COLLATE "C" AS row FROM "${table}" t ORDER BY 1`,
  );
  return rows.map(({ row }) => row);
}
