import pg from 'pg';
import { parseAddress } from '../../model/address.ts';
import { createKeyFilter } from '../../store/item-filter.ts';
import { startPostgres } from '../../testing/postgres-server.ts';
import { followingContract } from '../../testing/store-contract-following.ts';
import { never } from '../../testing/testing.ts';
import { postgresDriver } from './driver.ts';

const settings = { wal_level: 'logical', fsync: 'off' };
const servers = {
  from: await startPostgres({ settings, binaries: 'system' }),
  to: await startPostgres({ settings }),
};
let written = 0;

const connect = async (end: 'from' | 'to', database = 'followed'): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: servers[end].url(database) });
  client.on('error', () => {});
  await client.connect();
  return client;
};

const using = async <T>(end: 'from' | 'to', work: (client: pg.Client) => Promise<T>, database?: string): Promise<T> => {
  const client = await connect(end, database);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
};

const change = async (client: pg.Client, rows: number): Promise<void> => {
  written += 1;
  await client.query('INSERT INTO word SELECT $1 * 100000 + i, repeat(md5(i::text), 8) FROM generate_series(1, $2) i', [
    written,
    rows,
  ]);
  await client.query(`UPDATE word SET text = 'changed by ${written}' WHERE id = (SELECT min(id) FROM word)`);
  await client.query('DELETE FROM word WHERE id = (SELECT max(id) FROM word WHERE id <= 100)');
  await client.query('INSERT INTO keyless VALUES (1), (1)');
};

followingContract({
  name: 'postgres 15 into 18',
  async open() {
    const [from, to] = await Promise.all(
      (['from', 'to'] as const).map((end) =>
        postgresDriver.open(parseAddress(servers[end].url('followed')).address, {}, never),
      ),
    );
    const pair = to && from?.pairWith?.(to, createKeyFilter({ include: [], exclude: [] }));
    if (!from || !to || !pair?.from.source?.feed || !pair.to.sink?.intake) throw new TypeError('these two can follow');
    return {
      feed: pair.from.source.feed,
      intake: pair.to.sink.intake,
      async [Symbol.asyncDispose]() {
        await from[Symbol.asyncDispose]();
        await to[Symbol.asyncDispose]();
      },
    };
  },
  async reset() {
    for (const end of ['from', 'to'] as const) {
      await using(
        end,
        async (admin) => {
          const slots = `SELECT slot_name FROM pg_replication_slots WHERE database = 'followed'`;
          await admin.query(
            `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active_pid IS NOT NULL`,
          );
          for (let left = 1; left > 0;) {
            await admin.query(`SELECT pg_drop_replication_slot(slot_name) FROM (${slots} AND NOT active) s`);
            left = (await admin.query(slots)).rowCount ?? 0;
          }
          await admin.query('DROP DATABASE IF EXISTS followed WITH (FORCE)');
          await admin.query('CREATE DATABASE followed');
        },
        'postgres',
      );
      await using(end, (client) =>
        client.query(`
          CREATE TABLE word (id int PRIMARY KEY, text text); CREATE TABLE keyless (n int); CREATE SEQUENCE numbers;
          INSERT INTO word SELECT i, 'word ' || i FROM generate_series(1, 100) i`),
      );
    }
  },
  write: (end, rows) =>
    using(end, async (client) => {
      await client.query('BEGIN');
      await change(client, rows);
      await client.query('COMMIT');
    }),
  async beginTransaction() {
    const client = await connect('from');
    await client.query('BEGIN');
    await client.query('INSERT INTO keyless VALUES (2)');
    const end = async (how: string) => {
      try {
        await client.query(how);
      } finally {
        await client.end().catch(() => {});
      }
    };
    return { commit: () => end('COMMIT'), rollback: () => end('ROLLBACK') };
  },
  contents: (end) =>
    using(end, async (client) => {
      const { rows } = await client.query(
        `SELECT (SELECT string_agg(w::text, ' ' ORDER BY id) FROM word w) AS words, (SELECT count(*) FROM keyless) AS keyless`,
      );
      return JSON.stringify(rows);
    }),
  nextNumber: (end) =>
    using(end, async (client) => Number((await client.query(`SELECT nextval('numbers') AS n`)).rows[0].n)),
  manyRows: 36_000,
});
