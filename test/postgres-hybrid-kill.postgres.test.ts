import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startClients } from '../src/testing/live-clients.ts';
import { seeded } from '../src/testing/fixtures.ts';
import { startPostgres, type PostgresServer } from '../src/testing/postgres-server.ts';
import { resultOf, workplace, type Workplace } from './run-waybill.ts';

const rounds = Number(process.env['WAYBILL_KILLS'] ?? 8);

describe('kill -9 at random moments of a live move', () => {
  let source: PostgresServer;
  let target: PostgresServer;
  let place: Workplace;

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

  it(`${rounds} moves that cut over by themselves: every commit of the clients is at the target, once`, async (t) => {
    const seed = Number(process.env['WAYBILL_SEED'] ?? Date.now() % 1e6);
    t.diagnostic(`seed ${seed}`);
    const random = seeded(seed);
    let kills = 0;
    for (let round = 1; round <= rounds; round++) {
      const name = `kill_${round}`;
      for (const server of [source, target]) await run(server.url(), `CREATE DATABASE ${name}`);
      const ends = { from: source.url(name), to: target.url(name) };
      await run(
        ends.from,
        `CREATE TABLE account (id int PRIMARY KEY, balance bigint); CREATE TABLE entry (id bigint PRIMARY KEY, delta int);
         INSERT INTO account SELECT i, 0 FROM generate_series(1, 50000) i`,
      );
      await using clients = startClients({
        ...ends,
        clients: 2,
        async work(client, id) {
          await client.query('INSERT INTO entry VALUES ($1, 1)', [id]);
          await client.query('UPDATE account SET balance = balance + 1 WHERE id = $1', [1 + (id % 50_000)]);
        },
      });
      let words = ['run', ends.from, ends.to, '--strategy=hybrid', '--cutover=ready', '--name', name, '--json'];
      for (let life = 0; life < 3; life++) {
        const child = place.start(...words);
        const ended = once(child, 'exit');
        child.stdout?.resume();
        child.stderr?.resume();
        const done = await Promise.race([ended.then(() => true), sleep(500 + random() * 7000).then(() => false)]);
        if (done) {
          // Over before it could be killed: looking at it again is all that is left.
          words = ['resume', 'latest', '--json'];
          break;
        }
        child.kill('SIGKILL');
        await ended;
        kills += 1;
        const begun = (await place.waybill('runs', '--json')).stdout.includes(name);
        if (begun) words = ['resume', 'latest', '--json'];
      }
      const last = await place.waybill(...words);
      const context = `round ${round}: ${last.stdout.slice(-2000)}${last.stderr}`;
      // What clients wrote at the target after a switch that was cut short may look like a difference; nothing is lost.
      assert.ok([0, 3].includes(last.code ?? 1), context);
      if (last.code === 3)
        assert.match(last.stdout + context, /or written since the switch|between the switch/, context);
      assert.ok(['done', 'differs'].includes(String(resultOf(last)['outcome'])), context);
      await clients.commit('to', 1);
      await clients.stop();
      const client = new pg.Client({ connectionString: ends.to });
      await client.connect();
      const { rows } = await client.query(
        'SELECT count(*)::int AS n, (SELECT sum(balance)::int FROM account) AS sum FROM entry',
      );
      await client.end();
      assert.deepEqual(rows[0], { n: clients.commits.length, sum: clients.commits.length }, context);
    }
    t.diagnostic(`${kills} kills`);
  });
});

async function run(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(sql);
  await client.end();
}
