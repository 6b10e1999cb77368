import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { parseAddress } from '../../../model/address.ts';
import { rowsDigest } from '../../../model/digest.ts';
import type { Chunk, Item } from '../../../model/item.ts';
import type { Into } from '../../../model/job.ts';
import type { Receipt } from '../../../model/receipt.ts';
import { createKeyFilter } from '../../../store/item-filter.ts';
import type { Draft, Sink, Snapshot, Source, Store } from '../../../store/store.ts';
import { contentOf, openClonePair } from '../../../testing/clone-fixture.ts';
import { draftOptions, never, withCode } from '../../../testing/postgres-subject.ts';
import { postgresDriver } from '../driver.ts';

const servers = await openClonePair();
let stores: { readonly from: Store; readonly to: Store };
let source: Source;
let sink: Sink;

describe('tables between two PostgreSQL servers', () => {
  before(async () => {
    const open = (url: string) => postgresDriver.open(parseAddress(url).address, {}, never);
    const from = await open(servers.from.url());
    const pair = from.pairWith?.(await open(servers.to.url()), createKeyFilter({ include: [], exclude: [] }));
    assert.ok(pair?.from.source && pair.to.sink);
    stores = pair;
    source = pair.from.source;
    sink = pair.to.sink;
  });
  after(async () => {
    await stores?.from[Symbol.asyncDispose]();
    await stores?.to[Symbol.asyncDispose]();
    await servers[Symbol.asyncDispose]();
  });

  it('are cut by bytes, with the large values that lie outside their pages', async () => {
    await servers.begin(
      `CREATE TABLE t (id int, body text); ALTER TABLE t ALTER body SET STORAGE EXTERNAL;
       INSERT INTO t SELECT i, repeat('x', 9000) FROM generate_series(1, 3000) i`,
    );
    const item = await table('t');
    assert.ok(item.bytes > 27e6);
    const chunks = await split(item, 2 ** 21);
    assert.ok(chunks.length >= 10 && chunks.length <= 24, `${chunks.length} chunks`);
    assert.deepEqual(await split(item, 2 ** 21), chunks);
    let rows = 0;
    for (const chunk of chunks) rows += (await read(chunk, item)).rows;
    assert.equal(rows, 3000);
  });

  it('have the digest in the source, chunk for chunk, that they had on their way', async () => {
    await servers.begin(`CREATE TABLE t AS SELECT i, 'row ' || i AS b, i / 3.0 AS c FROM generate_series(1, 20000) i`);
    const item = await table('t');
    const chunks = await split(item, 2 ** 18);
    assert.ok(chunks.length > 2);
    for (const chunk of chunks)
      assert.equal(await source.chunkDigest?.(chunk, item, item, never), (await read(chunk, item)).digest);
  });

  it('hold rows of sixty megabytes, of no columns and of sixteen hundred', async () => {
    const columns = Array.from({ length: 1600 }, (_, at) => `c${at} bool`).join(', ');
    const sql = `CREATE TABLE t (id int, body bytea); CREATE TABLE wide (${columns}); CREATE TABLE none ()`;
    await servers.begin(sql);
    await servers.target.query(sql);
    await servers.source.query(`
      INSERT INTO t VALUES (1, 'a'), (2, decode(repeat('0123456789abcdef', 7500000), 'hex')), (3, NULL);
      INSERT INTO wide (c0, c1599) VALUES (true, false), (NULL, NULL); INSERT INTO none DEFAULT VALUES`);
    for (const name of ['t', 'wide', 'none']) {
      await copy(await table(name));
      assert.equal(await contentOf(servers.target, name), await contentOf(servers.source, name), name);
    }
  });

  it('only hold the rows of a condition', async () => {
    await servers.begin('CREATE TABLE t AS SELECT i FROM generate_series(1, 100) i');
    const item: Item = { ...(await table('t')), where: 'i % 10 = 0 OR i = 1' };
    assert.equal((await read({ id: 'all', bytes: 0 }, item)).rows, 11);
    assert.equal((await read({ id: 'pages 0-', bytes: 0 }, item)).rows, 11);
    assert.equal((await source.digest?.(item, item, never))?.rows, 11);
  });

  it('are read in one snapshot by all who join it, until its session ends', async () => {
    await servers.begin('CREATE TABLE t AS SELECT i FROM generate_series(1, 100) i');
    const snapshot: Snapshot | undefined = await source.snapshot?.(undefined, never);
    assert.match(snapshot?.position ?? '', /^[0-9A-F]+\/[0-9A-F]+ \S+$/);
    const item = await table('t');
    await servers.source.query('DELETE FROM t WHERE i <= 40');
    assert.equal((await read({ id: 'all', bytes: 0 }, item)).rows, 100);
    await source.snapshot?.(snapshot?.position, never);
    await servers.source.query(
      `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE state = 'idle in transaction' AND application_name = 'waybill'`,
    );
    await assert.rejects(read({ id: 'all', bytes: 0 }, item), withCode('source.moved'));
    await assert.rejects(async () => source.snapshot?.(snapshot?.position, never), withCode('source.moved'));
    await snapshot?.[Symbol.asyncDispose]();
    const next = await source.snapshot?.(undefined, never);
    assert.equal((await read({ id: 'all', bytes: 0 }, item)).rows, 60);
    await next?.[Symbol.asyncDispose]();
  });

  describe('a draft', () => {
    it('keeps some chunks and takes out all others, recorded or not, published or not', async () => {
      await twoTables(
        `CREATE TABLE t (i int, b text)`,
        `INSERT INTO t SELECT i, repeat('b', 90) FROM generate_series(1, 20000) i`,
      );
      const item = await table('t');
      const chunks = await split(item, 2 ** 18);
      const options = draftOptions('empty');
      const draft = await sink.draft(item, undefined, options, never);
      const receipts: Receipt[] = [];
      for (const chunk of chunks) receipts.push(await write(draft, chunk, item));
      await draft.publish(receipts, never);
      const again = await sink.draft(item, draft.ticket, options, never);
      assert.equal(again.published, true);
      const [first, last] = [chunks[0]?.id ?? '', chunks.at(-1)?.id ?? ''];
      await again.keep?.([first, last], never);
      await again.keep?.([first, last], never);
      const { rows: left } = await servers.target.query<{ n: number }>('SELECT count(*)::int AS n FROM t');
      const kept = receipts.filter(({ chunk }) => chunk === first || chunk === last);
      assert.equal(
        left[0]?.n,
        kept.reduce((sum, { rows }) => sum + rows, 0),
      );
      await assert.rejects(async () => again.keep?.([chunks[1]?.id ?? ''], never), withCode('draft.lost'));
      const third = await sink.draft(item, draft.ticket, options, never);
      assert.equal(third.published, false);
      await assert.rejects(third.publish(receipts, never), withCode('draft.lost'));
      for (const chunk of chunks) await write(third, chunk, item);
      await third.publish(receipts, never);
      assert.equal(await contentOf(servers.target, 't'), await contentOf(servers.source, 't'));
    });

    it('that was begun twice, because the first died before its ticket was known, holds its rows once', async () => {
      await twoTables('CREATE TABLE t (i int)', 'INSERT INTO t SELECT generate_series(1, 100)');
      const item = await table('t');
      const options = draftOptions('empty');
      const all: Chunk = { id: 'pages 0-', bytes: 0 };
      await write(await sink.draft(item, undefined, options, never), all, item);
      const draft = await sink.draft(item, undefined, options, never);
      await draft.publish([await write(draft, all, item)], never);
      assert.equal(await contentOf(servers.target, 't'), await contentOf(servers.source, 't'));
    });

    it('is not begun where rows are, and adds to them when told so', async () => {
      await twoTables('CREATE TABLE t (i int)', 'INSERT INTO t SELECT generate_series(1, 100)');
      await servers.target.query('INSERT INTO t VALUES (-1)');
      const item = await table('t');
      await assert.rejects(sink.draft(item, undefined, draftOptions('empty'), never), withCode('target.not-empty'));
      await copy(item, 'append');
      const { rows } = await servers.target.query('SELECT FROM t');
      assert.equal(rows.length, 101);
    });

    it('passes by triggers and rules, and refuses a trigger that would fire all the same', async () => {
      await twoTables('CREATE TABLE t (i int)', 'INSERT INTO t SELECT generate_series(1, 100)');
      await servers.target.query(`
        CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER swallow BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION swallow();
        CREATE RULE nothing AS ON INSERT TO t DO INSTEAD NOTHING`);
      const item = await table('t');
      await copy(item);
      assert.equal(await contentOf(servers.target, 't'), await contentOf(servers.source, 't'));
      await servers.target.query('ALTER TABLE t ENABLE ALWAYS TRIGGER swallow');
      await assert.rejects(
        copy(item, 'replace'),
        withCode('store.unsupported', /trigger swallow would change or swallow/),
      );
    });

    it('is frozen in one transaction when a chunk is the whole table', async () => {
      await twoTables('CREATE TABLE t (i int)', 'INSERT INTO t SELECT generate_series(1, 100)');
      await copy(await table('t'));
      const { rows } = await servers.target.query('SELECT relallvisible FROM pg_class WHERE oid = $1::regclass', ['t']);
      assert.equal(rows.length, 1);
      await servers.target.query('CREATE EXTENSION IF NOT EXISTS pg_visibility');
      const visible = await servers.target.query<{ frozen: boolean }>(
        `SELECT bool_and(all_frozen) AS frozen FROM pg_visibility_map('t')`,
      );
      assert.equal(visible.rows[0]?.frozen, true);
    });
  });
});

async function twoTables(both: string, rows: string): Promise<void> {
  await servers.begin(both);
  await servers.target.query(both);
  await servers.source.query(rows);
}

async function table(name: string): Promise<Item> {
  for await (const page of source.list(() => {}, never)) {
    const found = page.find(({ key }) => key === `public.${name}`);
    if (found) return found;
  }
  throw new Error(`no table ${name}`);
}

const split = (item: Item, bytes: number): Promise<Chunk[]> => Array.fromAsync(source.split(item, bytes, never));

async function read(chunk: Chunk, item: Item) {
  const payload = await source.read(chunk, item, item, 'rows', never);
  assert.ok(payload.format === 'rows');
  let bytes = 0;
  for await (const part of payload.parts) bytes += part.length;
  return { bytes, rows: payload.hash?.rows ?? 0, digest: rowsDigest(payload.hash?.sum ?? 0n) };
}

async function write(draft: Draft, chunk: Chunk, item: Item): Promise<Receipt> {
  const payload = await source.read(chunk, item, item, 'rows', never);
  assert.ok(payload.format === 'rows' && payload.hash);
  const stored = await draft.write(chunk, payload, never);
  return { chunk: chunk.id, ...stored, digest: rowsDigest(payload.hash.sum) };
}

async function copy(item: Item, into: Into = 'empty'): Promise<void> {
  const draft = await sink.draft(item, undefined, draftOptions(into), never);
  const receipts: Receipt[] = [];
  for (const chunk of await split(item, 2 ** 26)) receipts.push(await write(draft, chunk, item));
  await draft.publish(receipts, never);
}
