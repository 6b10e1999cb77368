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

const settings = { wal_level: 'logical', max_prepared_transactions: '5' };
const [source, target] = await Promise.all([startPostgres({ settings }), startPostgres({ settings })]);

const patient = { writers: 'wait', waitMs: 100 } as const;
const strict = { writers: 'end', waitMs: 0 } as const;

const hasCode = (code: string) => (error: unknown) => {
  assert.equal((error as MigrationError).code, code, (error as Error).message);
  return true;
};
const isReadOnly = (error: unknown) => (error as { code: string }).code === '25006';

/** What stands in the server's files: a session may not have heard of it yet. */
async function setTo(admin: FollowedPair['from']): Promise<string> {
  const { rows } = await admin.query<{ setting: string }>(
    `SELECT setting FROM pg_file_settings WHERE name = 'synchronous_standby_names'`,
  );
  return rows.map(({ setting }) => setting).join();
}

async function prepared(): Promise<FollowedPair> {
  const pair = await openFollowedPair(source, target);
  await pair.both('CREATE TABLE t (id int PRIMARY KEY, v text)');
  return pair;
}

async function databaseOf(pair: FollowedPair): Promise<string> {
  const { rows } = await pair.from.query<{ name: string }>('SELECT current_database() AS name');
  return rows[0]?.name ?? '';
}

describe('freezing a PostgreSQL database', () => {
  after(async () => {
    await source[Symbol.asyncDispose]();
    await target[Symbol.asyncDispose]();
  });

  it('lets nobody write from then on, in milliseconds, and gives the position after the last change', async () => {
    await using pair = await prepared();
    const name = await databaseOf(pair);
    await using _ = await pair.begin();
    const idle = await connected(source.url(name));
    await idle.query(`SET synchronous_commit = off`);
    await idle.query(`INSERT INTO t VALUES (1, 'not flushed yet')`);
    // The first freeze opens connections and fills caches: it warms up what is measured, after a thaw.
    await pair.feed.freeze(pair.run, strict, never);
    await pair.feed.thaw(pair.run, never);
    const writer = await connected(source.url(name));
    await writer.query('SET synchronous_commit = off');
    await writer.query(`INSERT INTO t VALUES (2, 'the last')`);
    const started = performance.now();
    const goal = await pair.feed.freeze(pair.run, strict, never);
    const took = performance.now() - started;
    assert.ok(took < 500, `${took} ms`);
    await assert.rejects(writer.query('INSERT INTO t VALUES (3)'));
    const fresh = await connected(source.url(name));
    await assert.rejects(fresh.query('INSERT INTO t VALUES (3)'), isReadOnly);
    assert.deepEqual((await fresh.query('SELECT count(*)::int AS n FROM t')).rows, [{ n: 2 }]);
    const caught = await follow(pair, await pair.begun(), goal, followOptions);
    assert.equal(caught.changes, 2);
    assert.deepEqual((await pair.to.query('SELECT id FROM t ORDER BY 1')).rows, [{ id: 1 }, { id: 2 }]);
    await pair.feed.thaw(pair.run, never);
    await pair.feed.thaw(pair.run, never);
    const again = await connected(source.url(name));
    await again.query('INSERT INTO t VALUES (4)');
    await Promise.all([idle, fresh, writer, again].map((client) => client.end().catch(() => {})));
  });

  it('puts back what the database was set to, also when another process thaws', async () => {
    await using pair = await prepared();
    const name = await databaseOf(pair);
    await pair.from.query(`ALTER DATABASE ${name} SET default_transaction_read_only = off`);
    await using _ = await pair.begin();
    await pair.feed.freeze(pair.run, strict, never);
    await pair.feed.freeze(pair.run, strict, never);
    await pair.reopen();
    await pair.feed.thaw(pair.run, never);
    const admin = await connected(source.url(name));
    const { rows } = await admin.query(
      `SELECT setconfig FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    assert.deepEqual(rows, [{ setconfig: ['default_transaction_read_only=off'] }]);
    await admin.end();
  });

  it('waits for a transaction under way or ends it, as the job says, and names who does not end', async () => {
    await using pair = await prepared();
    const name = await databaseOf(pair);
    await using _ = await pair.begin();
    const writer = await connected(source.url(name));
    await writer.query('BEGIN; INSERT INTO t VALUES (1)');
    await assert.rejects(pair.feed.freeze(pair.run, patient, never), hasCode('source.busy-writers'));
    const freezing = pair.feed.freeze(pair.run, { writers: 'wait', waitMs: 60_000 }, never);
    await writer.query('COMMIT');
    await freezing;
    await pair.feed.thaw(pair.run, never);
    const other = await connected(source.url(name));
    await other.query('BEGIN; INSERT INTO t VALUES (2)');
    await pair.feed.freeze(pair.run, strict, never);
    await assert.rejects(other.query('COMMIT'));
    await pair.feed.thaw(pair.run, never);
    const admin = await connected(source.url(name));
    assert.deepEqual((await admin.query('SELECT id FROM t')).rows, [{ id: 1 }]);
    await admin.query(`BEGIN; INSERT INTO t VALUES (3); PREPARE TRANSACTION 'later'`);
    await assert.rejects(pair.feed.freeze(pair.run, strict, never), (error: MigrationError) => {
      assert.equal(error.code, 'source.busy-writers');
      assert.match(error.message, /later/);
      return true;
    });
    await pair.feed.thaw(pair.run, never);
    const last = await connected(source.url(name));
    await last.query(`ROLLBACK PREPARED 'later'`);
    await Promise.all([writer, other, admin, last].map((client) => client.end().catch(() => {})));
  });

  it('keeps others from writing to the target until it is opened, and Waybill writes all the while', async () => {
    await using pair = await prepared();
    const name = await databaseOf(pair);
    await using _ = await pair.begin();
    await pair.intake.close(pair.run, never);
    await pair.intake.close(pair.run, never);
    const early = await connected(target.url(name));
    await assert.rejects(early.query('INSERT INTO t VALUES (1)'), isReadOnly);
    await pair.from.query('INSERT INTO t VALUES (7)');
    await pair.catchUp();
    assert.deepEqual((await early.query('SELECT id FROM t')).rows, [{ id: 7 }]);
    await pair.reopen();
    await pair.intake.open(pair.run, never);
    await pair.intake.open(pair.run, never);
    const late = await connected(target.url(name));
    await late.query('INSERT INTO t VALUES (8)');
    await early.end();
    await late.end();
  });

  it('lets a commit at the source return when the target has it, in synchronous mode', async () => {
    await using pair = await prepared();
    const options = { ...followOptions, mode: 'synchronous' } as const;
    await using _ = await pair.begin(options);
    const stop = new AbortController();
    const watcher = await connected(target.url(await databaseOf(pair)));
    const following = (async () => {
      for await (const batch of pair.feed.changes(pair.run, await pair.begun(), options, stop.signal)) {
        await pair.intake.apply(pair.run, batch, stop.signal);
        if (batch.position !== undefined) pair.feed.confirm(pair.run, batch.position);
      }
    })().catch(() => {});
    while ((await setTo(pair.from)) === '') await new Promise((resolve) => setImmediate(resolve));
    const isSync = `SELECT FROM pg_stat_replication WHERE sync_state = 'sync'`;
    while ((await pair.from.query(isSync)).rows.length === 0) await new Promise((resolve) => setImmediate(resolve));
    for (let id = 1; id <= 50; id++) {
      await pair.from.query('INSERT INTO t VALUES ($1)', [id]);
      assert.deepEqual((await watcher.query('SELECT count(*)::int AS n FROM t')).rows, [{ n: id }]);
    }
    stop.abort(new Error('paused'));
    await following;
    assert.equal(await setTo(pair.from), '');
    await pair.from.query('INSERT INTO t VALUES (100)');
    await watcher.end();
  });

  it('sets commits free that a killed process left waiting', async () => {
    await using pair = await prepared();
    const options = { ...followOptions, mode: 'synchronous' } as const;
    await using _ = await pair.begin(options);
    await pair.from.query(`ALTER SYSTEM SET synchronous_standby_names = '"waybill_${pair.run}"'`);
    await pair.from.query('SELECT pg_reload_conf()');
    const admin = await connected(source.url());
    const waiting = async () =>
      (await admin.query<{ n: number }>(`SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event = 'SyncRep'`))
        .rows[0]?.n;
    let done = false;
    const writer = await connected(source.url(await databaseOf(pair)));
    const commit = writer.query('INSERT INTO t VALUES (1)').then(() => (done = true));
    while ((await waiting()) === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(done, false);
    await pair.catchUp(options).catch((error: unknown) => assert.fail(String(error)));
    await commit;
    await writer.end();
    assert.equal(await setTo(admin), '');
    await admin.end();
  });
});
