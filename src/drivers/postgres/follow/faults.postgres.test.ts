import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { MigrationError } from '../../../model/migration-error.ts';
import {
  connected,
  follow,
  followOptions,
  openFollowedPair,
  type FollowedPair,
} from '../../../testing/followed-pair.ts';
import { startPostgres } from '../../../testing/postgres-server.ts';
import { never } from '../../../testing/testing.ts';

const settings = { wal_level: 'logical', wal_sender_timeout: '1500ms' };
const [source, target] = await Promise.all([startPostgres({ settings }), startPostgres({ settings })]);

const says =
  (code: string, ...words: string[]) =>
  (error: unknown) => {
    const { code: had, message } = error as MigrationError;
    assert.equal(had, code, message);
    for (const word of words) assert.ok(message.includes(word), message);
    return true;
  };

const equal = async (pair: FollowedPair, table: string) => {
  const { from, to } = await pair.rows(table);
  assert.deepEqual(to, from);
};

describe('following a PostgreSQL database through faults', () => {
  after(async () => {
    await source[Symbol.asyncDispose]();
    await target[Symbol.asyncDispose]();
  });

  it('ends equal and with nothing twice when sessions on either side are killed at any moment', async () => {
    await using pair = await openFollowedPair(source, target);
    await pair.both('CREATE TABLE acc (id int PRIMARY KEY, n int); CREATE TABLE hist (id int, n int)');
    await using _ = await pair.begin();
    const name = (await pair.from.query<{ name: string }>('SELECT current_database() AS name')).rows[0]?.name ?? '';
    await pair.from.query('INSERT INTO acc SELECT i, 0 FROM generate_series(1, 500) i');
    const [killer, other] = [await connected(source.url()), await connected(target.url())];
    const writer = await connected(source.url(name));
    let killed = 0;
    for (let round = 0; round < 12; round++) {
      const pattern = round % 4 === 3 ? 'big' : 'small';
      const writing = (async () => {
        if (pattern === 'big') {
          await writer.query(
            'BEGIN; INSERT INTO hist SELECT i % 500, i FROM generate_series(1, 300000) i; UPDATE acc SET n = n + 1; COMMIT',
          );
        } else {
          for (let i = 0; i < 200; i++) {
            await writer.query(
              `BEGIN; UPDATE acc SET n = n + 1 WHERE id = ${1 + ((i * 7) % 500)}; INSERT INTO hist VALUES (${i}, ${round}); COMMIT`,
            );
          }
        }
      })();
      let ended = false;
      const { rows } = await killer.query<{ at: string }>('SELECT pg_current_wal_insert_lsn() AS at');
      const following = follow(pair, await pair.begun(), rows[0]?.at ?? '', followOptions)
        .catch(says('store.unreachable'))
        .finally(() => (ended = true));
      const kill = `SELECT count(pg_terminate_backend(pid))::int AS n FROM pg_stat_activity WHERE application_name ~ '^waybill' AND datname = '${name}'`;
      // One end or the other, while it is in the middle of something.
      while (!ended) {
        const client = round % 2 === 0 ? killer : other;
        const busy = await client.query<{ n: number }>(
          `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name ~ '^waybill' AND datname = '${name}' AND (state = 'active' OR state LIKE 'idle in%')`,
        );
        if ((busy.rows[0]?.n ?? 0) > 0) {
          const result = await client.query<{ n: number }>(kill);
          killed += result.rows[0]?.n ?? 0;
          break;
        }
      }
      await following;
      await writing;
    }
    assert.ok(killed > 3, `${killed} killed`);
    await pair.catchUp();
    await equal(pair, 'acc');
    await equal(pair, 'hist');
    await Promise.all([killer, other, writer].map((client) => client.end()));
  });

  it('loses none of thousands of small commits to a slow target, with time between them and a server that wants to hear of it', async () => {
    await using pair = await openFollowedPair(source, target);
    await pair.both('CREATE TABLE t (id int PRIMARY KEY, v int)');
    await using _ = await pair.begin();
    await pair.from.query(
      `DO $$ BEGIN FOR i IN 1..4000 LOOP INSERT INTO t VALUES (i, 0); COMMIT; UPDATE t SET v = i WHERE id = i; COMMIT; END LOOP; END $$`,
    );
    const goal = (await pair.from.query<{ at: string }>('SELECT pg_current_wal_insert_lsn() AS at')).rows[0]?.at ?? '';
    let batches = 0;
    // Longer than the server waits for a word (wal_sender_timeout), although nothing is confirmed meanwhile.
    const locker = await connected(
      target.url((await pair.to.query<{ name: string }>('SELECT current_database() AS name')).rows[0]?.name),
    );
    await locker.query('BEGIN; LOCK TABLE t');
    const release = setTimeout(() => void locker.query('COMMIT'), 4000);
    for await (const batch of pair.feed.changes(pair.run, await pair.begun(), followOptions, never)) {
      await pair.intake.apply(pair.run, batch, never);
      if (batch.position === undefined) continue;
      pair.feed.confirm(pair.run, batch.position);
      if (++batches > 1 && pair.feed.reached(batch.position, goal)) break;
    }
    clearTimeout(release);
    await equal(pair, 't');
    await locker.end();
  });

  it('moves the position on while the source does other things, so that its log can go', async () => {
    await using pair = await openFollowedPair(source, target);
    await using _ = await pair.begin();
    const before = await pair.begun();
    await pair.from.query('CREATE TEMP TABLE x AS SELECT generate_series(1, 1000)');
    await pair.from.query('CREATE TABLE unrelated AS SELECT generate_series(1, 1000)');
    await pair.catchUp({ ...followOptions, ddl: 'ignore' });
    const after_ = await pair.begun();
    assert.equal(pair.feed.reached(before, after_), false);
    const lag = await pair.feed.lag(pair.run, after_, never);
    assert.equal(lag.seconds, 0);
    assert.ok(lag.keptBytes < 64 * 1024 * 1024);
  });

  it('says so when the slot is gone, and when more log is kept than the job allows', async () => {
    await using pair = await openFollowedPair(source, target);
    await pair.both('CREATE TABLE t (id int PRIMARY KEY)');
    await using _ = await pair.begin();
    await pair.from.query('INSERT INTO t SELECT generate_series(1, 20000)');
    await assert.rejects(
      pair.catchUp({ ...followOptions, keptBytes: 1000 }).then(() => pair.catchUp({ ...followOptions, keptBytes: 1 })),
      says('source.filling', 'log'),
    );
    await pair.catchUp();
    await pair.from.query(`SELECT pg_drop_replication_slot('waybill_${pair.run}')`);
    await assert.rejects(pair.catchUp(), says('source.moved', `waybill_${pair.run}`));
  });

  it('stops before a change that does not fit, names it, and goes on when the target has it too', async () => {
    await using pair = await openFollowedPair(source, target);
    await pair.both('CREATE TABLE t (id int PRIMARY KEY, v int); CREATE TABLE gone (id int PRIMARY KEY)');
    await using _ = await pair.begin();
    await pair.from.query('INSERT INTO t VALUES (1, 1)');
    await pair.from.query('ALTER TABLE t ADD COLUMN extra text DEFAULT $$x$$');
    await pair.from.query(`INSERT INTO t VALUES (2, 2, 'new')`);
    await assert.rejects(pair.catchUp(), says('source.altered', 'public.t', 'extra'));
    assert.deepEqual((await pair.to.query('SELECT * FROM t')).rows, [{ id: 1, v: 1 }]);
    await pair.to.query('ALTER TABLE t ADD COLUMN extra text DEFAULT $$x$$');
    // What was told once is known.
    await pair.catchUp();
    await equal(pair, 't');
    await pair.from.query('DROP TABLE gone; CREATE TABLE fresh (id int PRIMARY KEY); CREATE INDEX ON t (v)');
    const forever = async () => {
      for await (const batch of pair.feed.changes(pair.run, await pair.begun(), followOptions, never)) {
        await pair.intake.apply(pair.run, batch, never);
      }
    };
    await assert.rejects(forever(), says('source.altered', 'public.gone was dropped', 'public.fresh was created'));
  });

  it('goes on and tells of it when the job says so', async () => {
    await using pair = await openFollowedPair(source, target);
    await pair.both('CREATE TABLE t (id int PRIMARY KEY, v int)');
    await using _ = await pair.begin();
    const options = { ...followOptions, ddl: 'ignore' } as const;
    await pair.from.query('ALTER TABLE t ADD COLUMN extra int');
    await pair.from.query('CREATE INDEX t_v ON t (v)');
    await pair.from.query('INSERT INTO t VALUES (1, 1, 1)');
    const told: string[] = [];
    for await (const batch of pair.feed.changes(pair.run, await pair.begun(), options, never)) {
      await pair.intake.apply(pair.run, batch, never);
      told.push(...(batch.findings ?? []).map(({ message }) => message));
      if (told.length > 0 && batch.changes === 0) break;
    }
    assert.match(told.join(), /public\.t was altered \(now extra integer\)/);
    assert.match(told.join(), /indexes changed: table public\.t was altered \(now t_v\)/);
    assert.deepEqual((await pair.to.query('SELECT * FROM t')).rows, [{ id: 1, v: 1 }]);
  });

  it('follows the tables, columns and rows that the job names', async () => {
    await using pair = await openFollowedPair(source, target);
    await pair.both(`CREATE SCHEMA s; CREATE TABLE s.yes (id int PRIMARY KEY, area int, secret text, UNIQUE (id, area));
      ALTER TABLE s.yes REPLICA IDENTITY FULL; CREATE TABLE s.no (id int); CREATE TABLE public.other (id int)`);
    const options = {
      ...followOptions,
      include: ['s.*'],
      exclude: ['s.no'],
      where: { 's.yes': 'area < 10' },
      omit: { 's.yes': ['secret'] },
    };
    await using _ = await pair.begin(options);
    await pair.from.query(
      `INSERT INTO s.yes SELECT i, i, 'secret' FROM generate_series(1, 20) i; INSERT INTO s.no VALUES (1); INSERT INTO public.other VALUES (1)`,
    );
    // A table that is left out can be changed at the source, although its rows have no key.
    await pair.from.query('UPDATE s.no SET id = 2; UPDATE s.yes SET area = area + 5');
    await pair.catchUp(options);
    assert.deepEqual(
      (await pair.to.query('SELECT id, area, secret FROM s.yes ORDER BY id')).rows,
      [1, 2, 3, 4].map((id) => ({ id, area: id + 5, secret: null })),
    );
    assert.deepEqual((await pair.to.query('SELECT FROM s.no UNION ALL SELECT FROM public.other')).rows, []);
    await pair.both('CREATE TABLE s.keyed (id int PRIMARY KEY, area int)');
    await assert.rejects(
      pair.feed.begin('other', { ...followOptions, where: { 's.keyed': 'area < 10' } }, never),
      says('store.unsupported', 's.keyed', 'area'),
    );
    await pair.feed.end('other', never);
  });

  it('works with a role that may replicate and owns its tables, and an owner at the target', async () => {
    const names = ['follower', 'owner'];
    for (const [i, server] of [source, target].entries()) {
      const admin = await connected(server.url());
      await admin.query(`CREATE ROLE ${names[i]} LOGIN ${i === 0 ? 'REPLICATION' : ''}`);
      await admin.end();
    }
    await using pair = await openFollowedPair(source, target, { from: 'follower', to: 'owner' });
    const database = (await pair.from.query<{ name: string }>('SELECT current_database() AS name')).rows[0]?.name ?? '';
    assert.deepEqual(
      (await pair.feed.probe(followOptions, never))
        .filter(({ level }) => level === 'error')
        .map(({ message }) => message),
      [
        'Role follower may not make a publication.',
        "Role follower does not own the source's database, so it could not freeze it for the cutover.",
      ],
    );
    await pair.from.query(
      `ALTER DATABASE ${database} OWNER TO follower; SET ROLE follower; CREATE SCHEMA f; CREATE TABLE f.t (id int PRIMARY KEY)`,
    );
    await pair.to.query(
      `ALTER DATABASE ${database} OWNER TO owner; SET ROLE owner; CREATE SCHEMA f; CREATE TABLE f.t (id int PRIMARY KEY)`,
    );
    assert.deepEqual(
      (await pair.feed.probe(followOptions, never)).filter(({ level }) => level === 'error'),
      [],
    );
    assert.deepEqual(
      (await pair.intake.probe(followOptions, never)).map(({ level, code }) => [level, code]),
      [['warning', 'store.denied']],
    );
    await using _ = await pair.begin();
    await pair.from.query('INSERT INTO f.t SELECT generate_series(1, 100); DELETE FROM f.t WHERE id < 10');
    await pair.catchUp();
    await equal(pair, 'f.t');
    await pair.intake.setCounters(await pair.feed.counters(never), never);
    await pair.intake.close(pair.run, never).catch(says('store.denied', 'sessions'));
    await pair.intake.open(pair.run, never);
  });

  it('tells in the plan what could not be followed, and how to mend it', async () => {
    await using pair = await openFollowedPair(source, target);
    await pair.from.query(
      `CREATE TABLE bare (id int); CREATE UNLOGGED TABLE quick (id int PRIMARY KEY); CREATE TABLE whole (id int); ALTER TABLE whole REPLICA IDENTITY FULL`,
    );
    const findings = await pair.feed.probe({ ...followOptions, mode: 'synchronous', where: {}, omit: {} }, never);
    const told = findings
      .filter(({ where }) => where !== undefined)
      .map(({ level, where, hint }) => `${level} ${where}: ${hint}`);
    assert.deepEqual(told, [
      'error public.bare: Give it a primary key, or: ALTER TABLE "public"."bare" REPLICA IDENTITY FULL (or USING INDEX), or exclude it.',
      'error public.quick: ALTER TABLE "public"."quick" SET LOGGED, or exclude it.',
      'info public.whole: undefined',
    ]);
    assert.ok(findings.some(({ code }) => code === 'source.synchronous'));
    assert.deepEqual(
      (await pair.feed.probe({ ...followOptions, exclude: ['public.*'] }, never)).filter(
        ({ level }) => level === 'error',
      ),
      [],
    );
  });

  it('leaves nothing at either end', async () => {
    await using pair = await openFollowedPair(source, target);
    await pair.both('CREATE TABLE t (id int PRIMARY KEY)');
    const snapshot = await pair.begin();
    await snapshot[Symbol.asyncDispose]();
    await pair.from.query('INSERT INTO t VALUES (1)');
    await pair.catchUp();
    for (const _ of [1, 2]) {
      await pair.feed.end(pair.run, never);
      await pair.intake.end(pair.run, never);
    }
    assert.deepEqual(
      (await pair.from.query(`SELECT slot_name FROM pg_replication_slots WHERE slot_name = 'waybill_${pair.run}'`))
        .rows,
      [],
    );
    assert.deepEqual((await pair.from.query('SELECT pubname FROM pg_publication')).rows, []);
    assert.deepEqual((await pair.to.query(`SELECT nspname FROM pg_namespace WHERE nspname = '_waybill'`)).rows, []);
  });
});
