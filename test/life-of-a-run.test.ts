import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { startPostgres, systemPostgres, type PostgresServer } from '../src/testing/postgres-server.ts';
import { resultOf, workplace, type Workplace } from './run-waybill.ts';

const debian = systemPostgres() ? false : 'pg_dump is missing: apt-get install postgresql';

describe('the life of a run', () => {
  let server: PostgresServer;
  let place: Workplace;
  let client: pg.Client;

  before(async () => {
    server = await startPostgres({ binaries: debian ? 'embedded' : 'system', settings: { fsync: 'off' } });
    place = workplace();
    client = new pg.Client({ connectionString: server.url() });
    await client.connect();
  });

  after(async () => {
    await client?.end();
    await server?.[Symbol.asyncDispose]();
    place?.[Symbol.dispose]();
  });

  function fill(name: string, rows: number): void {
    const database = new DatabaseSync(place.path(name));
    database.exec(
      'PRAGMA synchronous = OFF; BEGIN; CREATE TABLE big (id INTEGER PRIMARY KEY, note TEXT, amount DECIMAL(10,2))',
    );
    const insert = database.prepare('INSERT INTO big VALUES (?, ?, ?)');
    for (let i = 1; i <= rows; i++) insert.run(i, `note ${i} ${'·'.repeat(i % 60)}`, i / 100);
    database.exec('COMMIT');
    database.close();
  }

  it('pauses at SIGINT with 130 and says how to go on; the rest is carried by resume', async () => {
    fill('pause.db', 400_000);
    const child = place.start('run', 'sqlite:pause.db', server.url(), '--chunk', '1MiB', '--json');
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (!output.includes('chunk.written') && text.includes('chunk.written')) child.kill('SIGINT');
      output += text;
    });
    let remark = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (remark += text));
    const [code] = (await once(child, 'close')) as [number];
    assert.equal(code, 130, output.slice(-500) + remark);
    assert.match(output + remark, /waybill resume|"outcome":"paused"/);
    const { rows: none } = await client.query(`SELECT to_regclass('public.big') AS it`);
    assert.equal(none[0].it, null, 'nothing is visible before it is whole');
    const early = await place.waybill('verify', 'latest');
    assert.equal(early.code, 2, 'what has arrived so far must not be called equal');
    assert.match(early.stderr, /only a finished run can be verified[\s\S]*waybill resume/);
    const resumed = await place.waybill('resume', 'latest', '--json');
    assert.equal(resumed.code, 0, resumed.stdout.slice(-500));
    const { rows } = await client.query('SELECT count(*)::int AS n, sum(id)::text AS ids FROM big');
    assert.deepEqual(rows[0], { n: 400_000, ids: '80000200000' });
  });

  it('begins anew when the source changed while the run was paused, so that what arrives belongs together', async () => {
    fill('moved.db', 300_000);
    const moved = new pg.Client({ connectionString: server.url() });
    await moved.connect();
    await moved.query('DROP TABLE IF EXISTS big');
    const child = place.start('run', 'sqlite:moved.db', server.url(), '--chunk', '1MiB', '--json');
    child.stdout
      ?.setEncoding('utf8')
      .on('data', (text: string) => text.includes('chunk.written') && child.kill('SIGKILL'));
    await once(child, 'close');
    assert.match((await place.waybill('runs')).stdout, /moved.*paused/, 'a killed run is not said to be running');
    const database = new DatabaseSync(place.path('moved.db'));
    database.exec(`UPDATE big SET note = 'changed' WHERE id % 2 = 0; DELETE FROM big WHERE id > 250000`);
    database.close();
    const resumed = await place.waybill('resume', 'latest', '--json');
    assert.equal(resumed.code, 0, resumed.stdout.slice(-1000));
    assert.match(resumed.stdout, /source\.moved/);
    const { rows } = await moved.query(
      `SELECT count(*)::int AS n, count(*) FILTER (WHERE note = 'changed')::int AS changed FROM big`,
    );
    await moved.end();
    assert.deepEqual(rows[0], { n: 250_000, changed: 125_000 });
  });

  it('goes on with a SQLite target whose writer was killed in the middle of a transaction', async () => {
    fill('killed.db', 300_000);
    const child = place.start('run', 'sqlite:killed.db', 'sqlite:killed-copy.db', '--chunk', '1MiB', '--json');
    child.stdout
      ?.setEncoding('utf8')
      .on('data', (text: string) => text.includes('chunk.written') && child.kill('SIGKILL'));
    await once(child, 'close');
    const resumed = await place.waybill('resume', 'latest', '--json');
    assert.equal(resumed.code, 0, resumed.stdout.slice(-1000));
    const copy = new DatabaseSync(place.path('killed-copy.db'), { readOnly: true });
    assert.deepEqual(
      { ...copy.prepare('SELECT count(*) AS n, sum(id) AS ids FROM big').get() },
      { n: 300_000, ids: 45_000_150_000 },
    );
    copy.close();
  });

  it('keeps a pre-image of replaced tables, and restore puts it back', { skip: debian }, async () => {
    const source = new DatabaseSync(place.path('new.db'));
    source.exec(
      `CREATE TABLE shop (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO shop VALUES (1, 'new'); CREATE TABLE extra (id INTEGER PRIMARY KEY)`,
    );
    source.close();
    await client.query(
      `CREATE TABLE shop (id int PRIMARY KEY, name text, kept boolean); INSERT INTO shop VALUES (1, 'old', true), (2, 'old', false)`,
    );
    const ended = await place.waybill(
      'run',
      'sqlite:new.db',
      server.url(),
      '--into',
      'replace',
      '--backup',
      './backup',
      '--json',
    );
    assert.equal(ended.code, 0, ended.stdout.slice(-1000));
    assert.deepEqual((await client.query('SELECT * FROM shop')).rows, [{ id: '1', name: 'new' }]);
    const { bill } = resultOf(ended) as { bill: { json: string } };
    const restored = await place.waybill('restore', bill.json);
    assert.equal(restored.code, 0, restored.stdout + restored.stderr);
    assert.deepEqual((await client.query('SELECT * FROM shop ORDER BY id')).rows, [
      { id: 1, name: 'old', kept: true },
      { id: 2, name: 'old', kept: false },
    ]);
    assert.equal((await client.query(`SELECT to_regclass('extra') AS it`)).rows[0].it, null);
  });

  it('keeps a pre-image of replaced and removed files, and restore puts it back', async () => {
    mkdirSync(place.path('from/sub'), { recursive: true });
    mkdirSync(place.path('to'));
    writeFileSync(place.path('from/a'), 'new');
    writeFileSync(place.path('from/sub/b'), 'b');
    writeFileSync(place.path('to/a'), 'old');
    utimesSync(place.path('to/a'), 1, 1);
    writeFileSync(place.path('to/gone'), 'was here');
    symlinkSync('a', place.path('to/link'));
    const words = ['--strategy', 'incremental', '--deletions', '--backup', './files-backup', '--json'];
    const ended = await place.waybill('run', './from', './to', ...words);
    assert.equal(ended.code, 0, ended.stdout.slice(-1000));
    assert.ok(!existsSync(place.path('to/gone')));
    assert.equal(readFileSync(place.path('to/a'), 'utf8'), 'new');
    assert.equal((await place.waybill('restore', 'latest')).code, 0);
    assert.equal(readFileSync(place.path('to/a'), 'utf8'), 'old');
    assert.equal(statSync(place.path('to/a')).mtimeMs, 1000);
    assert.equal(readFileSync(place.path('to/gone'), 'utf8'), 'was here');
    assert.ok(!existsSync(place.path('to/sub/b')));
  });

  it('carries only changed files, finds one whose size and time were forged, and names a flipped byte', async () => {
    mkdirSync(place.path('tree'));
    for (let i = 0; i < 50; i++) writeFileSync(place.path(`tree/${i}`), `content ${i}`);
    const run = () => place.waybill('run', './tree', './copy', '--strategy', 'incremental', '--json');
    assert.equal((await run()).code, 0);
    const { mtime, atime } = statSync(place.path('tree/7'));
    writeFileSync(place.path('tree/7'), 'CONTENT 7');
    utimesSync(place.path('tree/7'), atime, mtime);
    writeFileSync(place.path('tree/8'), 'longer content');
    const second = await run();
    assert.equal(second.code, 0);
    assert.match(second.stdout, /"key":"8"/);
    assert.equal(readFileSync(place.path('copy/7'), 'utf8'), 'CONTENT 7');
    const target = statSync(place.path('copy/9'));
    writeFileSync(place.path('copy/9'), 'cOntent 9');
    utimesSync(place.path('copy/9'), target.atime, target.mtime);
    const found = await place.waybill('verify', 'latest', '--depth', 'every-byte', '--json');
    assert.equal(found.code, 3, found.stdout);
    assert.match(found.stdout, /"item":"9"/);
  });

  it('a bill that was touched is refused', async () => {
    const { stdout } = await place.waybill('bill', 'latest');
    const path = /Bill\s+(\S+\.json)/.exec(stdout)?.[1] ?? '';
    assert.equal((await place.waybill('verify-bill', path)).code, 0);
    writeFileSync(place.path('forged.json'), readFileSync(path, 'utf8').replace('"exit":0', '"exit":3'));
    assert.equal((await place.waybill('verify-bill', place.path('forged.json'))).code, 3);
  });
});
