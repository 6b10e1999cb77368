import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import type { Source } from '../../store/store.ts';
import { listItems, never, openSqlite, readChunk, runSql, temporaryFolder } from '../../testing/sqlite-database.ts';

const rows = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t (v) VALUES ('a'), ('b')";
const take = async (source: Source, at?: string) => (await source.snapshot?.(at, never)) ?? assert.fail('no snapshot');

async function positionOf(path: string): Promise<string> {
  await using store = await openSqlite(path);
  await using snapshot = await take(store.source);
  return snapshot.position;
}

test('what others commit after the snapshot is not seen by any worker that shares it', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'wal.db');
  using writer = new DatabaseSync(path);
  writer.exec(`PRAGMA journal_mode = WAL; ${rows}`);
  await using first = await openSqlite(path);
  await using second = await openSqlite(path);
  await using snapshot = await take(first.source);
  assert.match(snapshot.position, /^wal:/);
  const item = (await listItems(first.source))[0] ?? assert.fail();
  const before = await first.source.digest?.(item, item, never);
  {
    await using same = await take(second.source, snapshot.position);
    assert.equal(same.position, snapshot.position);
    writer.exec("INSERT INTO t (v) VALUES ('late')");
    for (const { source } of [first, second]) {
      assert.deepEqual(await source.digest?.(item, item, never), before);
      assert.equal((await readChunk(source, { id: 'all', bytes: 0 }, item)).bytes.length, before?.bytes);
    }
  }
  await assert.rejects(take(second.source, snapshot.position), { code: 'source.moved' });
  await using later = await take(second.source);
  assert.notEqual(later.position, snapshot.position);
  assert.equal((await second.source.digest?.(item, item, never))?.rows, 3);
});

test('without a write-ahead log, a snapshot keeps writers waiting and its position is known by the next run', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'plain.db');
  runSql(path, rows);
  const position = await positionOf(path);
  assert.equal(await positionOf(path), position);
  {
    await using store = await openSqlite(path);
    await using _ = await take(store.source, position);
    using writer = new DatabaseSync(path, { timeout: 0 });
    assert.throws(() => writer.exec('DELETE FROM t'), /database is locked/);
  }
  // At once, so that file times alone could not tell.
  runSql(path, "UPDATE t SET v = 'c' WHERE id = 1");
  await using store = await openSqlite(path);
  await assert.rejects(take(store.source, position), { code: 'source.moved' });
});

test('every commit gives another position, with and without a write-ahead log', async () => {
  await using folder = await temporaryFolder();
  for (const mode of ['DELETE', 'WAL']) {
    const path = join(folder.path, `${mode}.db`);
    using writer = new DatabaseSync(path);
    writer.exec(`PRAGMA journal_mode = ${mode}; ${rows}`);
    const positions = new Set<string>();
    for (let i = 0; i < 10; i++) {
      writer.exec(`UPDATE t SET v = '${i}' WHERE id = 1`);
      positions.add(await positionOf(path));
      assert.equal(await positionOf(path), [...positions].at(-1));
    }
    assert.equal(positions.size, 10, mode);
  }
});

test('a snapshot taken while another connection commits in a tight loop is one moment', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'busy.db');
  using writer = new DatabaseSync(path);
  writer.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; ${rows}`);
  const insert = writer.prepare("INSERT INTO t (v) VALUES ('more'), ('more')");
  const timer = setInterval(() => insert.run(), 1);
  try {
    await using store = await openSqlite(path);
    const item = (await listItems(store.source))[0] ?? assert.fail();
    await using _ = await take(store.source);
    const first = await store.source.digest?.(item, item, never);
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual(await store.source.digest?.(item, item, never), first);
    assert.ok((first?.rows ?? 0) % 2 === 0);
  } finally {
    clearInterval(timer);
  }
});
