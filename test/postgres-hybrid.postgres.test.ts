import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { ChildProcess } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { startClients } from '../src/testing/live-clients.ts';
import { startPostgres, type PostgresServer } from '../src/testing/postgres-server.ts';
import { resultOf, workplace, type Workplace } from './run-waybill.ts';

const tables = `
  CREATE TABLE account (id int PRIMARY KEY, balance bigint NOT NULL, note text);
  CREATE TABLE entry (id bigint PRIMARY KEY, account int NOT NULL REFERENCES account, delta int NOT NULL);
  CREATE INDEX ON entry (account);
  CREATE TABLE loose (n int, t text);
  ALTER TABLE loose REPLICA IDENTITY FULL;
  CREATE SEQUENCE ticket;`;
const rows = `
  INSERT INTO account SELECT i, 0, repeat('x', i % 100) FROM generate_series(1, 20000) i;
  INSERT INTO loose SELECT i % 3, 'same' FROM generate_series(1, 100) i;`;

describe('a PostgreSQL database under load, moved to another server', () => {
  let source: PostgresServer;
  let target: PostgresServer;
  let place: Workplace;
  let databases = 0;

  before(async () => {
    const settings = { wal_level: 'logical', fsync: 'off' };
    [source, target] = await Promise.all([
      startPostgres({ settings, binaries: 'system' }),
      startPostgres({ settings }),
    ]);
    place = workplace();
  });
  after(async () => {
    await source?.[Symbol.asyncDispose]();
    await target?.[Symbol.asyncDispose]();
    place?.[Symbol.dispose]();
  });

  /** A database with rows, and an empty one. */
  const begin = async () => {
    const name = `live_${++databases}`;
    for (const server of [source, target]) {
      await using admin = await connect(server.url());
      await admin.client.query(`CREATE DATABASE ${name}`);
      if (server === target) continue;
      await using client = await connect(server.url(name));
      await client.client.query(tables + rows);
    }
    return { from: source.url(name), to: target.url(name) };
  };
  const work = async (client: pg.Client, id: number): Promise<void> => {
    const account = 1 + ((id * 7919) % 20_000);
    await client.query('UPDATE account SET balance = balance + $2 WHERE id = $1', [account, id % 100]);
    await client.query('INSERT INTO entry VALUES ($1, $2, $3)', [id, account, id % 100]);
    if (id % 10 === 0) await client.query(`UPDATE loose SET n = n + 1 WHERE ctid = (SELECT min(ctid) FROM loose)`);
    if (id % 7 === 0) await client.query(`SELECT nextval('ticket')`);
  };
  const equal = async (ends: { from: string; to: string }, commits: number) => {
    await using from = await connect(ends.from);
    await using to = await connect(ends.to);
    for (const table of ['account', 'entry', 'loose']) {
      const sql = `SELECT count(*) AS n, sum(hashtextextended(t::text, 0)) AS sum FROM ${table} t`;
      const [have, want] = [(await to.client.query(sql)).rows[0], (await from.client.query(sql)).rows[0]];
      assert.deepEqual(have, want, table);
    }
    const sql = 'SELECT count(*)::int AS n, (SELECT sum(balance) FROM account)::bigint = sum(delta) AS adds FROM entry';
    assert.deepEqual((await to.client.query(sql)).rows[0], { n: commits, adds: true }, 'every commit, once');
  };

  it('is copied, followed and cut over: no commit is lost or done twice, and clients wait less than a second', async (t) => {
    const ends = await begin();
    await using clients = startClients({ ...ends, clients: 4, work });
    const run = place.start('run', ends.from, ends.to, '--strategy=hybrid', '--budget=2s', '--json');
    await line(run, ({ type, phase }) => type === 'phase.changed' && phase === 'ready');
    await clients.commit('from', 200);
    const asked = await place.waybill('cutover', 'latest', '--json');
    assert.equal(asked.code, 0, asked.stdout + asked.stderr);
    await clients.commit('to', 1);
    await clients.stop();
    const there = clients.commits.filter(({ end }) => end === 'from').length;
    await using from = await connect(ends.from);
    assert.equal((await from.client.query('SELECT count(*)::int AS n FROM entry')).rows[0].n, there);
    await using to = await connect(ends.to);
    const { n } = (await to.client.query('SELECT count(*)::int AS n FROM entry')).rows[0];
    assert.equal(n, clients.commits.length);
    const pause = clients.pauseMs('there') ?? Infinity;
    t.diagnostic(`clients waited ${pause.toFixed(0)} ms; Waybill measured ${measured(asked.stdout)} ms`);
    assert.ok(pause < 1000, `${pause} ms`);
    assert.equal((await from.client.query('SELECT count(*)::int AS n FROM pg_replication_slots')).rows[0].n, 0);
  });

  it('comes back with everything that was written at the target', async (t) => {
    const ends = await begin();
    await using clients = startClients({ ...ends, clients: 2, work });
    const words = ['--strategy=hybrid', '--budget=2s', '--reverse', '--json'];
    const run = place.start('run', ends.from, ends.to, ...words);
    const ended = once(run, 'exit');
    await line(run, ({ type, phase }) => type === 'phase.changed' && phase === 'ready');
    const asked = await place.waybill('cutover', 'latest', '--json');
    assert.equal(asked.code, 0, asked.stdout + asked.stderr);
    await clients.commit('to', 200);
    const back = await place.waybill('rollback', 'latest', '--json');
    assert.equal(back.code, 0, back.stdout + back.stderr);
    await clients.commit('from', 1);
    await clients.stop();
    assert.equal((await ended)[0], 0);
    await using from = await connect(ends.from);
    const { n } = (await from.client.query('SELECT count(*)::int AS n FROM entry')).rows[0];
    assert.equal(n, clients.commits.length, 'every commit of either end is at the source');
    t.diagnostic(`clients waited ${clients.pauseMs('back')?.toFixed(0)} ms on the way back`);
  });

  it('is followed on after kill -9, paused, resumed and cut over by a process of its own', async () => {
    const ends = await begin();
    await using clients = startClients({ ...ends, clients: 2, work });
    const run = place.start('run', ends.from, ends.to, '--strategy=hybrid', '--json');
    await line(run, ({ type }) => type === 'changes.applied');
    run.kill('SIGKILL');
    await once(run, 'exit');
    await clients.commit('from', 50);
    const again = place.start('resume', 'latest', '--json');
    await line(again, ({ type, phase }) => type === 'phase.changed' && phase === 'ready');
    again.kill('SIGINT');
    assert.equal((await once(again, 'exit'))[0], 130);
    await clients.commit('from', 50);
    await clients.stop();
    const asked = await place.waybill('cutover', 'latest', '--json');
    assert.equal(asked.code, 0, asked.stdout + asked.stderr);
    assert.equal(resultOf(asked)['outcome'], 'done');
    await equal(ends, clients.commits.length);
  });

  it('is copied anew by itself when the source has lost what it kept for the run', async () => {
    const ends = await begin();
    await using clients = startClients({ ...ends, clients: 2, work });
    const run = place.start('run', ends.from, ends.to, '--strategy=hybrid', '--json');
    const ended = once(run, 'exit');
    await line(run, ({ type }) => type === 'changes.applied');
    await using admin = await connect(ends.from);
    await admin.client.query(`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots`);
    await admin.client.query(
      `DO $$ BEGIN LOOP
         BEGIN PERFORM pg_drop_replication_slot(slot_name) FROM pg_replication_slots; EXIT;
         EXCEPTION WHEN object_in_use THEN PERFORM pg_terminate_backend(active_pid) FROM pg_replication_slots; END;
       END LOOP; END $$`,
    );
    await line(run, ({ type, phase }) => type === 'phase.changed' && phase === 'ready');
    await clients.stop();
    const asked = await place.waybill('cutover', 'latest', '--json');
    assert.equal(asked.code, 0, asked.stdout + asked.stderr);
    assert.equal((await ended)[0], 0);
    await equal(ends, clients.commits.length);
  });

  it('lets writers go on when a transaction does not end in time: exit code 1, and the next cutover succeeds', async () => {
    const ends = await begin();
    const run = place.start('run', ends.from, ends.to, '--strategy=hybrid', '--wait=300ms', '--json');
    const ended = once(run, 'exit');
    await line(run, ({ type, phase }) => type === 'phase.changed' && phase === 'ready');
    await using slow = await connect(ends.from);
    await slow.client.query('BEGIN');
    await slow.client.query('INSERT INTO loose VALUES (7)');
    const asked = await place.waybill('cutover', 'latest', '--json');
    assert.equal(asked.code, 1, asked.stdout + asked.stderr);
    assert.match(asked.stdout, /"error":\{"code":"source\.busy-writers"/);
    await slow.client.query('COMMIT');
    await using other = await connect(ends.from);
    await other.client.query('INSERT INTO loose VALUES (8)');
    const again = await place.waybill('cutover', 'latest', '--json');
    assert.equal(again.code, 0, again.stdout + again.stderr);
    assert.equal((await ended)[0], 0);
    await using to = await connect(ends.to);
    assert.equal((await to.client.query('SELECT FROM loose WHERE n IN (7, 8)')).rowCount, 2);
    const status = await place.waybill('status', 'latest');
    assert.match(status.stdout, /followed .*2 changes[\s\S]*pause .*writers waited/);
  });

  it('is let go of when the run is cancelled', async () => {
    const ends = await begin();
    const run = place.start('run', ends.from, ends.to, '--strategy=hybrid', '--json');
    const ended = once(run, 'exit');
    await line(run, ({ type, phase }) => type === 'phase.changed' && phase === 'following');
    const asked = await place.waybill('cancel', 'latest', '--json');
    assert.equal(asked.code, 0, asked.stdout + asked.stderr);
    await ended;
    await using from = await connect(ends.from);
    await using to = await connect(ends.to);
    assert.equal((await from.client.query('SELECT count(*)::int AS n FROM pg_replication_slots')).rows[0].n, 0);
    for (const { client } of [from, to]) {
      await client.query('INSERT INTO loose VALUES (1)');
      const left = await client.query(`SELECT FROM pg_namespace WHERE nspname = '_waybill'`);
      assert.equal(left.rowCount, 0);
    }
  });
});

async function connect(url: string): Promise<{ readonly client: pg.Client } & AsyncDisposable> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end().catch(() => {}) };
}

/** The first JSON line of a process that is wanted; what comes later is read, too, so that it does not wait. */
async function line(child: ChildProcess, wanted: (line: Record<string, unknown>) => boolean): Promise<void> {
  const { stdout } = child;
  if (!stdout) throw new TypeError('its output is not kept');
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const seen: string[] = [];
  let errors = '';
  child.stderr?.on('data', (text: Buffer) => (errors += text.toString()));
  createInterface(stdout).on('line', (text) => {
    seen.push(text);
    if (wanted(JSON.parse(text) as Record<string, unknown>)) resolve();
  });
  child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${errors} ${seen.slice(-8).join('\n')}`)));
  await promise;
}

function measured(stdout: string): number {
  const at = (step: string): number =>
    (JSON.parse(stdout.split('\n').find((text) => text.includes(`"step":"${step}"`)) ?? '{}') as { at: number }).at;
  return at('switched') - at('asked');
}
