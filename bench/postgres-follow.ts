import { createKeyFilter } from '../src/store/item-filter.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { parseAddress } from '../src/model/address.ts';
import { postgresDriver } from '../src/drivers/postgres/driver.ts';
import { startPostgres, type PostgresServer } from '../src/testing/postgres-server.ts';
import { median, timed } from './side-by-side.ts';

const rounds = 3;
const rows = 1_000_000;
const transactions = 50_000;
const child = fileURLToPath(new URL('./follow-databases.ts', import.meta.url));
const never = new AbortController().signal;

const tables = `
  CREATE TABLE accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84));
  CREATE TABLE tellers (tid int PRIMARY KEY, bid int, tbalance int, filler char(84));
  CREATE TABLE branches (bid int PRIMARY KEY, bbalance int, filler char(88));
  CREATE TABLE history (hid bigint PRIMARY KEY, tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));`;
const content = `
  INSERT INTO accounts SELECT i, 1 + i / 100000, 0, '' FROM generate_series(1, 500000) i;
  INSERT INTO tellers SELECT i, 1 + i / 10, 0, '' FROM generate_series(1, 50) i;
  INSERT INTO branches SELECT i, 0, '' FROM generate_series(1, 5) i;`;

const loads = {
  /** One transaction. */
  burst: {
    changes: rows,
    sql: `INSERT INTO accounts SELECT 1000000 + i, 1, 0, '' FROM generate_series(1, ${rows}) i`,
  },
  /** pgbench's transaction, and a row deleted in every tenth. */
  mixed: {
    changes: transactions * 4.1,
    sql: `DO $$ DECLARE a int; BEGIN FOR i IN 1..${transactions} LOOP
        a := 1 + (i::bigint * 7919) % 500000;
        UPDATE accounts SET abalance = abalance + i WHERE aid = a;
        UPDATE tellers SET tbalance = tbalance + i WHERE tid = 1 + i % 50;
        UPDATE branches SET bbalance = bbalance + i WHERE bid = 1 + i % 5;
        INSERT INTO history VALUES (i, 1 + i % 50, 1 + i % 5, a, i, now(), '');
        IF i % 10 = 0 THEN DELETE FROM history WHERE hid = i - 5; END IF;
        COMMIT;
      END LOOP; END $$`,
  },
};

/** Claims: at least 20 000 row changes a second, and faster than the server's own logical replication. Both ends have
 *  the same rows; what happened since then is applied, by Waybill and by a subscription in turn. */
export async function postgresFollow(): Promise<void> {
  const settings = { wal_level: 'logical', max_wal_size: '8GB', checkpoint_timeout: '1h', shared_buffers: '256MB' };
  await using source = await startPostgres({ settings });
  await using target = await startPostgres({ settings });
  for (const [name, load] of Object.entries(loads)) {
    const ours: number[] = [];
    const theirs: number[] = [];
    let peakMiB = 0;
    for (let round = 0; round <= rounds; round++) {
      const database = `${name}_${round}`;
      for (const server of [source, target]) {
        await execute(server, 'postgres', `CREATE DATABASE ${database}`);
        await execute(server, 'postgres', `CREATE DATABASE ${database}_native`);
      }
      const waybill = await catchUpByWaybill(source, target, database, load.sql);
      const native = await catchUpByServer(source, target, `${database}_native`, load.sql);
      if (round === 0) continue;
      ours.push(waybill.seconds);
      theirs.push(native);
      peakMiB = Math.max(peakMiB, waybill.peakMiB);
    }
    const rate = (seconds: number) => `${Math.round(load.changes / seconds / 1000)}k changes/s`;
    const [a, b] = [median(ours), median(theirs)];
    console.log(
      `  ${name}: waybill ${a.toFixed(2)} s, ${rate(a)}, ${Math.round(peakMiB)} MiB; subscription ${b.toFixed(2)} s, ${rate(b)}; waybill is ${(b / a).toFixed(2)}× as fast`,
    );
  }
}

async function catchUpByWaybill(source: PostgresServer, target: PostgresServer, database: string, load: string) {
  for (const server of [source, target]) await execute(server, database, tables + content);
  const store = await postgresDriver.open(parseAddress(source.url(database)).address, { connectTimeout: 10 }, never);
  const peer = await postgresDriver.open(parseAddress(target.url(database)).address, { connectTimeout: 10 }, never);
  const feed = store.pairWith?.(peer, createKeyFilter({ include: [], exclude: [] }))?.from.source?.feed;
  if (!feed) throw new TypeError('cannot be followed');
  const snapshot = await feed.begin(database, { mode: 'asynchronous', ddl: 'stop', keptBytes: 2 ** 45 }, never);
  await snapshot[Symbol.asyncDispose]();
  const goal = await loaded(source, database, load);
  await execute(target, database, 'CHECKPOINT');
  const words = [child, source.url(database), target.url(database), database, snapshot.position, goal];
  const timing = await timed({ name: 'waybill', command: () => [process.execPath, ...words] });
  await same(source, target, database);
  await feed.end(database, never);
  await Promise.all([store[Symbol.asyncDispose](), peer[Symbol.asyncDispose]()]);
  return timing;
}

async function catchUpByServer(source: PostgresServer, target: PostgresServer, database: string, load: string) {
  for (const server of [source, target]) await execute(server, database, tables + content);
  await execute(source, database, `CREATE PUBLICATION native FOR ALL TABLES`);
  await execute(source, database, `SELECT pg_create_logical_replication_slot('${database}', 'pgoutput')`);
  await execute(
    target,
    database,
    `CREATE SUBSCRIPTION ${database} CONNECTION 'host=127.0.0.1 port=${source.port} user=postgres dbname=${database}' PUBLICATION native
     WITH (create_slot = false, slot_name = '${database}', copy_data = false, enabled = false)`,
  );
  const goal = await loaded(source, database, load);
  await execute(target, database, 'CHECKPOINT');
  const started = performance.now();
  await execute(target, database, `ALTER SUBSCRIPTION ${database} ENABLE`);
  const admin = new pg.Client({ connectionString: source.url(database) });
  await admin.connect();
  const done = `SELECT FROM pg_replication_slots WHERE slot_name = $1 AND confirmed_flush_lsn >= $2::pg_lsn`;
  while ((await admin.query(done, [database, goal])).rows.length === 0) await sleep(10);
  const seconds = (performance.now() - started) / 1000;
  await admin.end();
  await same(source, target, database);
  await execute(target, database, `DROP SUBSCRIPTION ${database}`);
  return seconds;
}

/** Gives the position behind the load. */
async function loaded(source: PostgresServer, database: string, load: string): Promise<string> {
  await execute(source, database, load, 'SET synchronous_commit = off');
  await execute(source, database, 'CHECKPOINT');
  const rowsOf = await execute(source, database, 'SELECT pg_current_wal_flush_lsn() AS at');
  return String(rowsOf[0]?.['at']);
}

async function same(source: PostgresServer, target: PostgresServer, database: string): Promise<void> {
  for (const table of ['accounts', 'tellers', 'branches', 'history']) {
    const sum = `SELECT count(*) AS n, sum(hashtextextended(t::text, 0)) AS sum FROM ${table} t`;
    const [a, b] = [await execute(source, database, sum), await execute(target, database, sum)];
    if (JSON.stringify(a) !== JSON.stringify(b)) throw new Error(`${table} of ${database} is not equal at both ends`);
  }
}

async function execute(
  server: PostgresServer,
  database: string,
  sql: string,
  before = '',
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: server.url(database) });
  await client.connect();
  try {
    await client.query(before);
    const result = await client.query<Record<string, unknown>>(sql);
    return result.rows ?? [];
  } finally {
    await client.end();
  }
}
