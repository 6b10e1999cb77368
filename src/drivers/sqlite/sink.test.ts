import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import type { Item } from '../../model/item.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { Draft, DraftOptions } from '../../store/store.ts';
import { sampleData } from '../../testing/sample-data.ts';
import {
  copyItems,
  listItems,
  never,
  type OpenEnds,
  openSqlite,
  runSql,
  splitItem,
  temporaryFolder,
} from '../../testing/sqlite-database.ts';

const chinook = sampleData('Chinook_Sqlite.sqlite') ?? '';
const skip = chinook === '' && 'the Chinook files are not in ../shared/data: set WAYBILL_DATA';
const options: DraftOptions = { run: 'r1', step: 0, into: 'empty' };

const numbers = (count: number): string => `
  CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
  INSERT INTO t SELECT i, 'value ' || i FROM n;`;

/** A source made by `sql` and an empty place for a target. */
async function ends(sql: string) {
  const folder = await temporaryFolder();
  const [from, to] = [join(folder.path, 'from.db'), join(folder.path, 'to.db')];
  runSql(from, sql);
  const [source, target] = [await openSqlite(from), await openSqlite(to)];
  return {
    source,
    target,
    from,
    to,
    folder: folder.path,
    async [Symbol.asyncDispose]() {
      await source[Symbol.asyncDispose]();
      await target[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const tableOf = async (store: OpenEnds, key = 't'): Promise<Item> =>
  (await listItems(store.source)).find((item) => item.key === key) ?? assert.fail(`no ${key}`);

async function writeAll(source: OpenEnds, item: Item, draft: Draft, targetBytes = 4000): Promise<Receipt[]> {
  const receipts: Receipt[] = [];
  for (const chunk of await splitItem(source.source, item, targetBytes)) {
    const stored = await draft.write(chunk, await source.source.read(chunk, item, item, 'rows', never), never);
    receipts.push({ chunk: chunk.id, digest: '', ...stored });
  }
  return receipts;
}

async function assertEqual(source: OpenEnds, target: OpenEnds, item: Item, as: Item = item): Promise<void> {
  const [want, have] = [await source.source.digest?.(item, as, never), await target.source.digest?.(as, as, never)];
  assert.ok(want);
  assert.deepEqual(have, want, item.key);
}

const query = (path: string, sql: string): unknown[][] => {
  using db = new DatabaseSync(path, { readOnly: true });
  const statement = db.prepare(sql);
  statement.setReturnArrays(true);
  return statement.all() as unknown as unknown[][];
};

test('Chinook arrives equal, with its indexes and valid foreign keys', { skip }, async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'copy.db');
  await using source = await openSqlite(chinook);
  await using target = await openSqlite(path);
  const items = await listItems(source.source);
  await copyItems(source.source, target.sink, items, { run: 'r1' });
  await target.sink.sweep('r1', never);
  for (const item of items.filter(({ kind }) => kind === 'table')) await assertEqual(source, target, item);
  const copied = await listItems(target.source);
  const plain = (list: readonly Item[]): unknown =>
    list.map(({ key, index, foreignKey }) => ({ key, index, foreignKey }));
  assert.deepEqual(plain(copied), plain(items));
  assert.deepEqual(query(path, 'PRAGMA integrity_check'), [['ok']]);
  assert.deepEqual(query(path, 'PRAGMA foreign_key_check'), []);
});

test('values of every type go through SQLite and back without a change', async () => {
  await using db = await ends(`
    CREATE TABLE t (id INTEGER PRIMARY KEY, d DECIMAL(10,2), long DECIMAL(30,10), any DECIMAL, f DOUBLE, s VARCHAR(20),
      b BLOB, ok BOOLEAN, day DATE, at DATETIME, z TIMESTAMPTZ, c TIME, j JSON, u UUID, n INTEGER);
    INSERT INTO t VALUES
      (1, 0.1, 5, 1.25, 1e300, '123', x'', 0, '0001-01-01', '9999-12-31 23:59:59.999999', '2024-01-01 00:00:00Z', '00:00:00',
        '"1"', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 9223372036854775807),
      (9007199254740993, -99999999.99, 0.0000000001, 7, -0.5, '日本', x'00ff', 1, '2024-02-29', '1969-07-20 20:17:40', NULL, '24:00:00',
        '{}', NULL, -9007199254740993);`);
  const item = await tableOf(db.source);
  const as = db.target.sink.adapt(item).item;
  await copyItems(db.source.source, db.target.sink, [item], { run: 'r1' });
  await assertEqual(db.source, db.target, item, as);
  const exact = { long: '12345678901234567890.0123456789', any: '0.1234567890123456789', j: '1.0' };
  const columns = as.shape?.columns.filter(({ name }) => name in exact).map(({ declared }) => declared);
  assert.deepEqual(columns, ['DECIMAL_TEXT(30,10)', 'DECIMAL_TEXT', 'JSON_TEXT']);
  runSql(db.to, `UPDATE t SET long = '${exact.long}', any = '${exact.any}', j = '${exact.j}' WHERE id = 1`);
  assert.deepEqual(query(db.to, 'SELECT long, any, j FROM t WHERE id = 1'), [Object.values(exact)]);
  const again = await tableOf(db.target);
  assert.deepEqual(
    again.shape?.columns.map(({ type }) => type.kind),
    item.shape?.columns.map(({ type }) => type.kind),
  );
});

test('nothing is visible, and no file is made by looking, before it is published', async () => {
  await using db = await ends(numbers(100));
  const item = await tableOf(db.source);
  assert.deepEqual(await db.target.probe('target', never), []);
  assert.equal(await db.target.sink.exists(item, never), false);
  assert.equal(existsSync(db.to), false);
  const draft = await db.target.sink.draft(item, undefined, options, never);
  const receipts = await writeAll(db.source, item, draft);
  assert.equal(await db.target.sink.exists(item, never), false);
  assert.deepEqual(await listItems(db.target.source), []);
  await draft.publish(receipts, never);
  assert.equal(await db.target.sink.exists(item, never), true);
  await assertEqual(db.source, db.target, item);
});

test('a draft goes on after its process is gone, and a chunk written twice is there once', async () => {
  await using db = await ends(numbers(1000));
  const item = await tableOf(db.source);
  const chunks = await splitItem(db.source.source, item, 8000);
  assert.ok(chunks.length > 2);
  const read = async (i: number) => db.source.source.read(chunks[i] ?? assert.fail(), item, item, 'rows', never);
  const first = await db.target.sink.draft(item, undefined, options, never);
  const stored = await first.write(chunks[0] ?? assert.fail(), await read(0), never);
  await db.target[Symbol.asyncDispose]();

  await using resumed = await openSqlite(db.to);
  const draft = await resumed.sink.draft(item, first.ticket, options, never);
  assert.equal(draft.published, false);
  const receipts: Receipt[] = [];
  for (const [i, chunk] of chunks.entries()) {
    receipts.push({ chunk: chunk.id, digest: '', ...(await draft.write(chunk, await read(i), never)) });
  }
  assert.equal(receipts[0]?.rows, stored.rows);
  await draft.publish(receipts, never);
  await draft.publish(receipts, never);
  await assertEqual(db.source, resumed, item);
  const after = await resumed.sink.draft(item, first.ticket, options, never);
  assert.equal(after.published, true);
  await after.write(chunks[0] ?? assert.fail(), await read(0), never);
  await after.publish(receipts, never);
  await assertEqual(db.source, resumed, item);
});

test('chunks are written by several stores at once', async () => {
  await using db = await ends(numbers(4000));
  const item = await tableOf(db.source);
  await using other = await openSqlite(db.to);
  const here = await db.target.sink.draft(item, undefined, options, never);
  const there = await other.sink.draft(item, here.ticket, options, never);
  const receipts = await Promise.all(
    (await splitItem(db.source.source, item, 20_000)).map(async (chunk, i): Promise<Receipt> => {
      const payload = await db.source.source.read(chunk, item, item, 'rows', never);
      return { chunk: chunk.id, digest: '', ...(await (i % 2 ? here : there).write(chunk, payload, never)) };
    }),
  );
  await here.publish(receipts, never);
  await assertEqual(db.source, db.target, item);
});

test('an aborted chunk leaves nothing', async () => {
  await using db = await ends(numbers(50_000));
  const item = await tableOf(db.source);
  const draft = await db.target.sink.draft(item, undefined, options, never);
  const stop = new AbortController();
  const chunk = { id: 'all', bytes: 0 };
  const payload = await db.source.source.read(chunk, item, item, 'rows', never);
  assert.ok(payload.format === 'rows');
  const parts = (async function* () {
    for await (const part of payload.parts) {
      yield part;
      stop.abort();
    }
  })();
  await assert.rejects(draft.write(chunk, { ...payload, parts }, stop.signal), { name: 'AbortError' });
  assert.deepEqual(query(db.to, `SELECT count(*) FROM "${draft.ticket}"`), [[0]]);
});

test('less than the receipts promise is not published', async () => {
  await using db = await ends(numbers(500));
  const item = await tableOf(db.source);
  const draft = await db.target.sink.draft(item, undefined, options, never);
  const receipts = await writeAll(db.source, item, draft);
  runSql(db.to, `DELETE FROM "${draft.ticket}" WHERE id = 7`);
  await assert.rejects(draft.publish(receipts, never), { code: 'draft.lost' });
  assert.equal(await db.target.sink.exists(item, never), false);
});

test('an unknown ticket is a lost draft', async () => {
  await using db = await ends(numbers(1));
  const item = await tableOf(db.source);
  await assert.rejects(db.target.sink.draft(item, '_waybill_r0_0', options, never), { code: 'draft.lost' });
});

test('a draft that was begun but never recorded is begun anew', async () => {
  await using db = await ends(numbers(500));
  const item = await tableOf(db.source);
  await writeAll(db.source, item, await db.target.sink.draft(item, undefined, options, never));
  const draft = await db.target.sink.draft(item, undefined, options, never);
  await draft.publish(await writeAll(db.source, item, draft), never);
  await assertEqual(db.source, db.target, item);
});

test('replace swaps the table whole, append adds, and merge updates by key and removes', async () => {
  await using db = await ends(numbers(3));
  const item = await tableOf(db.source);
  const prepare = (sql: string): void => runSql(db.to, `DROP TABLE IF EXISTS t; ${sql}`);
  const old = 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL)';
  const content = (): unknown[][] => query(db.to, 'SELECT id, v FROM t ORDER BY id');
  const arrived = [1, 2, 3].map((id) => [id, `value ${id}`]);
  let step = 0;
  const run = async (into: DraftOptions['into'], removeKeys?: string[]) => {
    const more = { ...options, into, step: step++, ...(removeKeys && { removeKeys }) };
    const draft = await db.target.sink.draft(item, undefined, more, never);
    const receipts = await writeAll(db.source, item, draft);
    await draft.publish(receipts, never);
    await draft.publish(receipts, never);
    return draft;
  };

  prepare("CREATE TABLE t (other TEXT); INSERT INTO t VALUES ('gone')");
  await run('replace');
  assert.deepEqual(content(), arrived);

  prepare(`${old}; INSERT INTO t VALUES (10, 'stays')`);
  const base = (await run('append')).base;
  assert.deepEqual(content(), [...arrived, [10, 'stays']]);
  assert.equal(base?.rows, 1);

  prepare(`${old}; INSERT INTO t VALUES (2, 'old'), (10, 'stays'), (11, 'goes')`);
  await run('merge', ['["11"]']);
  assert.deepEqual(content(), [...arrived, [10, 'stays']]);

  prepare(`${old}; INSERT INTO t VALUES (2, 'not ours')`);
  await assert.rejects(run('empty'), { code: 'target.not-empty' });
  assert.deepEqual(content(), [[2, 'not ours']]);

  await db.target.sink.sweep(options.run, never);
  assert.deepEqual(query(db.to, "SELECT name FROM sqlite_schema WHERE name LIKE '\\_waybill%' ESCAPE '\\'"), []);
});

test('rows of a table without key are removed by their hash, one for each key named', async () => {
  await using db = await ends("CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('new')");
  runSql(db.to, "CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('twice'), ('twice'), ('stays')");
  const item = await tableOf(db.source);
  const prints = await Array.fromAsync(db.target.source.rowPrints?.(item, item, 1, new Set([0]), never) ?? []);
  const twice = prints.flat()[0]?.key ?? assert.fail();
  const draft = await db.target.sink.draft(item, undefined, { ...options, into: 'merge', removeKeys: [twice] }, never);
  await draft.publish(await writeAll(db.source, item, draft), never);
  assert.deepEqual(query(db.to, 'SELECT v FROM t ORDER BY v'), [['new'], ['stays'], ['twice']]);
});

test('sweep and discard remove their own leftovers and nothing of another run', async () => {
  await using db = await ends(numbers(10));
  const item = await tableOf(db.source);
  const names = (): unknown[] =>
    query(db.to, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").flat();
  const draft = async (run: string, step: number) => {
    const made = await db.target.sink.draft(item, undefined, { ...options, run, step }, never);
    await writeAll(db.source, item, made);
    return made;
  };
  await draft('r1', 1);
  const other = await draft('r12', 1);
  await (await draft('r1', 10)).discard(never);
  await db.target.sink.sweep('r1', never);
  await db.target.sink.sweep('r1', never);
  assert.deepEqual(names(), ['_waybill_ledger', '_waybill_r12_1', 'sqlite_sequence']);
  await other.discard(never);
  assert.deepEqual(names(), ['sqlite_sequence']);
});

test('the next number of an identity is where the source stood', async () => {
  await using db = await ends(`
    CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT);
    INSERT INTO t VALUES (5, 'a'), (90, 'b'); DELETE FROM t WHERE id = 90;`);
  await copyItems(db.source.source, db.target.sink, [await tableOf(db.source)], { run: 'r1' });
  runSql(db.to, "INSERT INTO t (v) VALUES ('next')");
  assert.deepEqual(query(db.to, 'SELECT max(id) FROM t'), [[91]]);
});

test('generated columns are computed by the target again, unless it does not understand them', async () => {
  await using db = await ends(`
    CREATE TABLE t (a INTEGER, b INTEGER AS (a * 2) STORED, c AS (a || '!'));
    INSERT INTO t (a) VALUES (21);`);
  const item = await tableOf(db.source);
  await copyItems(db.source.source, db.target.sink, [item], { run: 'r1' });
  assert.deepEqual(query(db.to, 'SELECT a, b, c FROM t'), [[21, 42, '21!']]);
  const shape = item.shape ?? assert.fail();
  const foreign = { expression: '(a)::numeric', stored: true };
  const columns = shape.columns.map((column) => (column.generated ? { ...column, generated: foreign } : column));
  const { item: as, findings } = db.target.sink.adapt({ ...item, shape: { ...shape, columns } });
  assert.deepEqual(
    as.shape?.columns.map(({ generated }) => generated),
    [undefined, undefined, undefined],
  );
  assert.equal(findings.length, 2);
});

test('a foreign key that rows break is refused by name, and the data stays', async () => {
  await using db = await ends(`
    CREATE TABLE parent (id INTEGER PRIMARY KEY);
    CREATE TABLE child (id INTEGER PRIMARY KEY, p INTEGER REFERENCES parent);
    INSERT INTO child VALUES (1, NULL), (4, 99);`);
  const items = await listItems(db.source.source);
  await assert.rejects(copyItems(db.source.source, db.target.sink, items, { run: 'r1' }), {
    code: 'reference.broken',
    message: /1 rows of child refer to rows of parent that do not exist: rowid 4/,
  });
  assert.deepEqual(query(db.to, 'SELECT * FROM child'), [
    [1, null],
    [4, 99],
  ]);
  assert.deepEqual(query(db.to, 'PRAGMA foreign_key_list(child)'), []);
});

test('a foreign key that was added holds from then on', async () => {
  await using db = await ends(`
    CREATE TABLE parent (id INTEGER PRIMARY KEY);
    CREATE TABLE child (id INTEGER PRIMARY KEY, p INTEGER, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE);
    INSERT INTO parent VALUES (1), (2); INSERT INTO child VALUES (1, 1), (2, 2);`);
  const items = await listItems(db.source.source);
  await copyItems(db.source.source, db.target.sink, items, { run: 'r1' });
  await db.target[Symbol.asyncDispose]();
  using db2 = new DatabaseSync(db.to);
  assert.throws(() => db2.exec('INSERT INTO child VALUES (3, 3)'), /FOREIGN KEY constraint failed/);
  db2.exec('DELETE FROM parent WHERE id = 1');
  assert.deepEqual(query(db.to, 'SELECT id FROM child'), [[2]]);
  assert.deepEqual(query(db.to, 'PRAGMA integrity_check'), [['ok']]);
});

test('a unique index that rows break is refused with a count and no value', async () => {
  await using db = await ends("CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('same'), ('same')");
  const item = await tableOf(db.source);
  const index: Item = {
    key: 't.index.u',
    kind: 'index',
    stage: 'after',
    bytes: 0,
    index: { table: 't', index: { name: 'u', columns: [{ name: 'v', descending: false }], unique: true } },
  };
  await assert.rejects(copyItems(db.source.source, db.target.sink, [item, index], { run: 'r1' }), {
    code: 'index.broken',
    message: /1 values of "v" stand there more than once/,
  });
});

test('a backup puts the database back as it was, and removes one that did not exist', async () => {
  await using db = await ends(numbers(3));
  const none = (async function* () {})();
  const absent = (await db.target.sink.backup?.(none, join(db.folder, 'kept'), never)) ?? assert.fail();
  const items = await listItems(db.source.source);
  await copyItems(db.source.source, db.target.sink, items, { run: 'r1' });
  const kept = (await db.target.sink.backup?.(none, join(db.folder, 'kept'), never)) ?? assert.fail();
  assert.match(kept.digest, /^b3:[0-9a-f]{64}$/);
  runSql(db.to, "UPDATE t SET v = 'spoilt'; CREATE TABLE more (a)");
  for (let i = 0; i < 2; i++) {
    await db.target.sink.restore?.(kept, never);
    await assertEqual(db.source, db.target, items[0] ?? assert.fail());
    assert.equal((await listItems(db.target.source)).length, 1);
  }
  runSql(kept.path, 'CREATE TABLE forged (a)');
  await assert.rejects(async () => db.target.sink.restore?.(kept, never), { code: 'bill.invalid' });
  for (let i = 0; i < 2; i++) await db.target.sink.restore?.(absent, never);
  assert.equal(existsSync(db.to), false);
});
