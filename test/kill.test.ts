import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startPostgres, type PostgresServer } from '../src/testing/postgres-server.ts';
import { workplace, type Workplace } from './run-waybill.ts';

const kills = 50;
const rows = 120_000;
const files = 1500;

describe('kill -9 at random moments', () => {
  let server: PostgresServer;
  let place: Workplace;
  let job: string;

  before(async () => {
    server = await startPostgres({ settings: { fsync: 'off' } });
    place = workplace();
    writeSources(place);
    job = place.path('waybill.yaml');
  });

  after(async () => {
    await server?.[Symbol.asyncDispose]();
    place?.[Symbol.dispose]();
  });

  it(`${kills} runs of a database and a folder end equal after resume, repeating at most one chunk per worker`, async (t) => {
    const whole = await uncutSeconds(server, place, job);
    const random = seeded(Number(process.env['WAYBILL_SEED'] ?? Date.now() % 1e6), (seed) =>
      t.diagnostic(`seed ${seed}`),
    );
    let cut = 0;
    for (let i = 0; i < kills; i++) {
      await freshTarget(server, job, `kill_${i}`);
      const before = newestRun(place);
      const child = place.start('run', job, '--json');
      const ended = once(child, 'exit');
      child.stdout?.resume();
      child.stderr?.resume();
      await Promise.race([sleep(random() * whole * 1000), ended]);
      child.kill('SIGKILL');
      await ended;
      if (newestRun(place) === before) continue; // it died before its plan was stored: nothing was begun
      cut += 1;
      const resumed = await place.waybill('resume', 'latest', '--json');
      const context = `kill ${i}: ${resumed.stdout.slice(-2000)}${resumed.stderr}`;
      assert.equal(resumed.code, 0, context);
      await assertEqual(server, place, `kill_${i}`, context);
      assertNoChunkTwice(place, context);
    }
    t.diagnostic(`${cut} of ${kills} runs were cut after they had begun; an uncut one takes ${whole.toFixed(2)} s`);
    assert.ok(cut >= kills / 2, 'most kills must hit a run under way');
  });
});

function writeSources(place: Workplace): void {
  const database = new DatabaseSync(place.path('source.db'));
  database.exec(`PRAGMA synchronous = OFF; BEGIN;
    CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES parent, note TEXT, amount DECIMAL(10,2), content BLOB);
    CREATE INDEX child_by_parent ON child (parent);
    CREATE TABLE loose (note TEXT, n INTEGER)`);
  const parent = database.prepare('INSERT INTO parent VALUES (?, ?)');
  for (let i = 1; i <= 1000; i++) parent.run(i, `parent ${i} ✓`);
  const child = database.prepare('INSERT INTO child VALUES (?, ?, ?, ?, ?)');
  for (let i = 1; i <= rows; i++) {
    child.run(
      i,
      1 + (i % 1000),
      i % 7 ? `note ${i} ${'x'.repeat(i % 200)}` : null,
      i / 100,
      i % 3 ? Buffer.alloc(i % 50, i) : null,
    );
  }
  const loose = database.prepare('INSERT INTO loose VALUES (?, ?)');
  for (let i = 0; i < 5000; i++) loose.run(`same ${i % 10}`, i % 3);
  database.exec('COMMIT');
  database.close();
  for (let i = 0; i < files; i++) {
    const folder = place.path(`folder/${i % 20}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${i}.txt`), `file ${i} `.repeat(i % 500));
  }
  writeFileSync(place.path('folder/large'), Buffer.alloc(9 * 1024 * 1024, 'large '));
}

async function freshTarget(server: PostgresServer, job: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.url() });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  writeFileSync(
    job,
    `name: kill
workers: 2
shipments:
  - { name: database, from: 'sqlite:source.db', to: '${server.url(name)}', chunk: 1MiB }
  - { name: folder, from: ./folder, to: './${name}', verify: every-byte }
`,
  );
}

async function uncutSeconds(server: PostgresServer, place: Workplace, job: string): Promise<number> {
  await freshTarget(server, job, 'uncut');
  const started = performance.now();
  const ended = await place.waybill('run', job, '--json');
  assert.equal(ended.code, 0, ended.stdout.slice(-2000) + ended.stderr);
  await assertEqual(server, place, 'uncut', 'uncut');
  return (performance.now() - started) / 1000;
}

/** Looks with eyes of its own: psql-like queries and file reads, not Waybill's verification. */
async function assertEqual(server: PostgresServer, place: Workplace, name: string, context: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.url(name) });
  await client.connect();
  try {
    const source = new DatabaseSync(place.path('source.db'), { readOnly: true });
    for (const [table, sql] of [
      ['parent', 'SELECT count(*) AS n, sum(id) AS ids, sum(length(name)) AS texts FROM parent'],
      [
        'child',
        'SELECT count(*) AS n, sum(id) AS ids, sum(length(note)) AS texts, sum(length(content)) AS bytes, sum(parent) AS parents FROM child',
      ],
      ['loose', 'SELECT count(*) AS n, sum(n) AS ids, sum(length(note)) AS texts FROM loose'],
    ] as const) {
      const want = source.prepare(sql).get();
      const have = (await client.query(sql)).rows[0] as Record<string, string>;
      assert.deepEqual(
        Object.entries(have).map(([key, value]) => [key, Number(value)]),
        Object.entries(want ?? {}).map(([key, value]) => [key, Number(value)]),
        `${table} after ${context}`,
      );
    }
    source.close();
    const { rows: left } = await client.query(`SELECT nspname FROM pg_namespace WHERE nspname LIKE '\\_waybill%'`);
    assert.deepEqual(left, [], `staging is left after ${context}`);
    const { rows: keys } = await client.query(
      `SELECT count(*)::int AS n FROM pg_constraint WHERE contype = 'f' AND convalidated`,
    );
    assert.equal(keys[0].n, 1, context);
  } finally {
    await client.end();
  }
  for (let i = 0; i < files; i += 7) {
    const path = `${i % 20}/${i}.txt`;
    assert.deepEqual(readFileSync(place.path(`${name}/${path}`)), readFileSync(place.path(`folder/${path}`)), context);
  }
  assert.ok(readFileSync(place.path(`${name}/large`)).equals(readFileSync(place.path('folder/large'))), context);
}

/** What is journaled as written is not written again: a chunk in flight at the kill is not in the journal, and there
 *  is at most one per worker. */
function assertNoChunkTwice(place: Workplace, context: string): void {
  const seen = new Set<string>();
  for (const event of journaled(place)) {
    if (event['type'] !== 'chunk.written') continue;
    const { chunk } = event['receipt'] as { chunk: string };
    const name = `${String(event['step'])} ${chunk}`;
    assert.ok(!seen.has(name), `chunk ${name} was journaled twice: ${context}`);
    seen.add(name);
  }
}

const newestRun = (place: Workplace): unknown =>
  select(place, 'SELECT max(no) AS no FROM runs WHERE ready = 1')[0]?.['no'];

/** Events of the newest run, read as docs/journal-format.md says. */
function journaled(place: Workplace): Record<string, unknown>[] {
  const sql = 'SELECT event FROM events WHERE run = (SELECT max(no) FROM runs WHERE ready = 1) ORDER BY seq';
  return select(place, sql).map((row) => JSON.parse(String(row['event'])) as Record<string, unknown>);
}

function select(place: Workplace, sql: string): Record<string, unknown>[] {
  if (!existsSync(place.path('.waybill/journal.db'))) return [];
  const database = new DatabaseSync(place.path('.waybill/journal.db'), { readOnly: true });
  try {
    return database.prepare(sql).all();
  } finally {
    database.close();
  }
}

/** Mulberry32: the same seed gives the same moments. */
function seeded(seed: number, tell: (seed: number) => void): () => number {
  tell(seed);
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
