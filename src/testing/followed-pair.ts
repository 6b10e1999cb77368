import pg from 'pg';
import { parseAddress } from '../model/address.ts';
import { postgresDriver } from '../drivers/postgres/driver.ts';
import type { Feed, FeedOptions, Intake } from '../store/following.ts';
import { createKeyFilter } from '../store/item-filter.ts';
import type { Snapshot } from '../store/store.ts';
import type { PostgresServer } from './postgres-server.ts';
import { never } from './testing.ts';

export const followOptions: FeedOptions = { mode: 'asynchronous', ddl: 'stop', keptBytes: 2 ** 40 };

/** Two databases, of the same name on two servers, that are followed one into the other. */
export interface FollowedPair extends AsyncDisposable {
  readonly from: pg.Client;
  readonly to: pg.Client;
  feed: Feed;
  intake: Intake;
  readonly run: string;
  /** Statements for both ends. */
  both(sql: string): Promise<void>;
  begin(options?: FeedOptions): Promise<Snapshot>;
  /** Where following goes on. */
  begun(): Promise<string>;
  /** Follows from where the target stands until it has everything that the source has by now. */
  catchUp(options?: FeedOptions): Promise<Caught>;
  /** Opens both ends anew, as a new process would. */
  reopen(): Promise<void>;
  /** Rows of a table at both ends as text, in order. */
  rows(table: string): Promise<{ readonly from: readonly string[]; readonly to: readonly string[] }>;
}

export interface Caught {
  readonly changes: number;
  readonly transactions: number;
  readonly batches: number;
  readonly pieces: number;
}

let pairs = 0;

export async function openFollowedPair(
  source: PostgresServer,
  target: PostgresServer,
  users: { readonly from?: string; readonly to?: string } = {},
): Promise<FollowedPair> {
  const database = `followed_${process.pid}_${++pairs}`;
  for (const server of [source, target]) {
    const admin = await connected(server.url());
    await admin.query(`CREATE DATABASE ${database}`);
    await admin.end();
  }
  const from = await connected(source.url(database));
  const to = await connected(target.url(database));
  const address = (server: PostgresServer, user: string | undefined) =>
    user === undefined ? server.url(database) : server.url(database).replace('postgres@', `${user}@`);
  const open = async () => {
    const stores = [
      await postgresDriver.open(parseAddress(address(source, users.from)).address, { connectTimeout: 10 }, never),
      await postgresDriver.open(parseAddress(address(target, users.to)).address, { connectTimeout: 10 }, never),
    ] as const;
    const pair = stores[0].pairWith?.(stores[1], createKeyFilter({ include: [], exclude: [] }));
    const feed = pair?.from.source?.feed;
    const intake = pair?.to.sink?.intake;
    if (!feed || !intake) throw new TypeError('these cannot be followed');
    return { stores, feed, intake };
  };
  let opened = await open();
  const run = `r${pairs}`;
  let position = '';
  const close = () => Promise.all(opened.stores.map((store) => store[Symbol.asyncDispose]()));
  const pair: FollowedPair = {
    from,
    to,
    run,
    feed: opened.feed,
    intake: opened.intake,
    async both(sql) {
      await from.query(sql);
      await to.query(sql);
    },
    async begin(options = followOptions) {
      const snapshot = await pair.feed.begin(run, options, never);
      ({ position } = snapshot);
      return snapshot;
    },
    begun: async () => (await pair.intake.position(run, never)) ?? position,
    async catchUp(options = followOptions) {
      const since = await pair.begun();
      const { rows } = await from.query<{ at: string }>('SELECT pg_current_wal_insert_lsn() AS at');
      return follow(pair, since, rows[0]?.at ?? '', options);
    },
    async reopen() {
      await close();
      opened = await open();
      pair.feed = opened.feed;
      pair.intake = opened.intake;
    },
    async rows(table) {
      const read = async (client: pg.Client) =>
        (
          await client.query<{ row: string }>(`SELECT whole_row::text AS row FROM ${table} AS whole_row ORDER BY 1`)
        ).rows.map(({ row }) => row);
      return { from: await read(from), to: await read(to) };
    },
    async [Symbol.asyncDispose]() {
      await pair.feed.end(run, never);
      await pair.intake.end(run, never);
      await close();
      await from.end();
      await to.end();
    },
  };
  return pair;
}

/** Applies batches until `goal` is reached. */
export async function follow(pair: FollowedPair, since: string, goal: string, options: FeedOptions): Promise<Caught> {
  const caught = { changes: 0, transactions: 0, batches: 0, pieces: 0 };
  const stop = new AbortController();
  for await (const batch of pair.feed.changes(pair.run, since, options, stop.signal)) {
    await pair.intake.apply(pair.run, batch, stop.signal);
    caught.changes += batch.changes;
    caught.transactions += batch.transactions;
    caught.batches++;
    if (batch.position === undefined) caught.pieces++;
    else {
      pair.feed.confirm(pair.run, batch.position);
      if (pair.feed.reached(batch.position, goal)) break;
    }
  }
  return caught;
}

export async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  return client;
}
