import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { test } from 'node:test';
import { buildKernel } from '../../../scripts/build-kernel.ts';
import { rowsDigest } from '../../model/digest.ts';
import type { Item } from '../../model/item.ts';
import { carriedColumns } from '../../model/shape.ts';
import { createRowDigest } from '../../store/rows/row-digest.ts';
import {
  listItems,
  never,
  openSqlite,
  readChunk,
  runSql,
  splitItem,
  temporaryFolder,
} from '../../testing/sqlite-database.ts';
import { findDescriptor } from './position.ts';
import { createPageTranscoder } from './page-transcoder.ts';

const noDescriptors = findDescriptor(process.execPath) === undefined && process.platform !== 'linux';
const skip = noDescriptors && 'descriptors can be listed on Linux only';

test('the committed page kernel is what its source compiles to', async () => {
  const committed = await readFile(new URL('./page-kernel.gen.ts', import.meta.url), 'utf8');
  assert.equal(committed, await buildKernel('drivers/sqlite/page-kernel'), 'run node scripts/build-kernel.ts');
});

async function tablesOf(path: string): Promise<Item[]> {
  await using store = await openSqlite(path);
  return (await listItems(store.source)).filter(({ kind }) => kind === 'table');
}

/** Reads every table twice, through SQLite and from the file, by whole tables and by chunks, and compares. Returns how
 *  many rows there were. */
async function assertAgreement(path: string, items: readonly Item[], message: string): Promise<number> {
  await using store = await openSqlite(path);
  const throughSqlite = await Promise.all(items.map((item) => contentOf(store.source, item, 1e12)));
  await using snapshot = (await store.source.snapshot?.(undefined, never)) ?? assert.fail();
  assert.match(snapshot.position, /^file:/);
  let rows = 0;
  for (const [i, item] of items.entries()) {
    for (const targetBytes of [1e12, 20_000]) {
      assert.deepEqual(await contentOf(store.source, item, targetBytes), throughSqlite[i], `${message}, ${item.key}`);
    }
    rows += throughSqlite[i]?.rows ?? 0;
  }
  return rows;
}

async function contentOf(source: Awaited<ReturnType<typeof openSqlite>>['source'], item: Item, targetBytes: number) {
  const digest = createRowDigest(carriedColumns(item.shape ?? assert.fail()).length);
  const rejects: string[] = [];
  for (const chunk of await splitItem(source, item, targetBytes)) {
    const read = await readChunk(source, chunk, item);
    digest.update(read.bytes);
    rejects.push(...read.rejects.map((reject) => JSON.stringify(reject)));
  }
  return { rows: digest.rows, digest: rowsDigest(digest.sum), rejects: rejects.sort((a, b) => (a < b ? -1 : 1)) };
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const declared = [
  'INTEGER', 'SMALLINT', 'DECIMAL(10,2)', 'DECIMAL(15,0)', 'DECIMAL(18,6)', 'NUMERIC', 'REAL', 'TEXT', 'VARCHAR(12)',
  'BLOB', 'BOOLEAN', 'DATE', 'DATETIME', 'TIMESTAMPTZ', 'TIME', 'UUID', 'JSON', '',
]; // prettier-ignore

const texts = [
  '', 'a', 'seven 7', 'eight 88', 'nine 9999', 'sixteen 16 16 16', 'seventeen 17 17 17', 'Größe', 'äöüßé', '日本語テ',
  '😀'.repeat(12), '😀'.repeat(13), '12 ASCII cha', '13 ASCII char', 'a\u0000b', '12345678\u0000', '�', '2024-02-29', '2023-02-29', '2000-02-29', '1900-02-29', '0001-01-01',
  '9999-12-31', '0000-01-01', '2024-02-29 23:59:59', '2024-02-29T00:00:00', '2024-02-29 24:00:00', '1969-07-20 20:17:40.5',
  '2024-01-01 00:00:00+02:00', '12:34:56', '23:59:60', '24:00:00', '24:30:00', '{"a":1}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '1', 't',
]; // prettier-ignore

const integers = [
  0n, 1n, -1n, 127n, -128n, 128n, 32_767n, -32_768n, -32_769n, 8_388_607n, -8_388_608n, -8_388_609n, 2n ** 31n - 1n, 2n ** 31n,
  -(2n ** 31n) - 1n, 2n ** 47n - 1n, -(2n ** 47n), 2n ** 47n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n), 10n ** 15n,
]; // prettier-ignore

const reals = [
  0.1, -0.5, 0.01, 0.0001, 0.00001, 0.000001, 0.00012, 1e300, 13.859999999999999, 0.005, 1e-7, 99_999_999.99, 1e8, -1e8,
  123_456_789_012.34567, -0, 12_345.678901, 1234.5, Infinity,
]; // prettier-ignore

/** A stray byte, a surrogate, overlong forms, beyond U+10FFFF, cut short. */
const brokenTexts = ['61ff62', 'eda080', 'c0af', 'e08080', 'f0808080', 'f4908080', 'e697', 'f09f98', '80'];

/** Values that the columns are made for. */
function likelyValue(type: string, random: () => number): SQLInputValue {
  if (random() < 0.1) return null;
  const number = Math.floor(random() * 1e6);
  if (/INT/.test(type)) return BigInt(number - 500_000) * (random() < 0.1 ? 1_000_000_007n : 1n);
  if (/DECIMAL|NUMERIC|REAL/.test(type)) return random() < 0.5 ? number / 100 : -number;
  if (type === 'BLOB') return Buffer.alloc(number % 30, number);
  if (type === 'BOOLEAN') return BigInt(number % 2);
  if (type === 'DATE') return `20${10 + (number % 90)}-0${1 + (number % 9)}-1${number % 10}`;
  if (type === 'TIME') return `1${number % 10}:0${number % 10}:5${number % 10}`;
  if (/TIME/.test(type))
    return `19${10 + (number % 90)}-0${1 + (number % 9)}-1${number % 10} 1${number % 10}:0${number % 10}:00`;
  return random() < 0.2 ? `Größe ${number}` : `text ${number}`;
}

function makeDatabase(path: string, seed: number): void {
  const random = createRandom(seed);
  const pageSize = [512, 1024, 4096, 8192, 65_536][Math.floor(random() * 5)];
  using db = new DatabaseSync(path);
  db.exec(`PRAGMA page_size = ${pageSize}; PRAGMA auto_vacuum = ${random() < 0.3 ? 1 : 0}; PRAGMA synchronous = OFF`);
  for (let table = 0; table < 3; table++) {
    const types = Array.from(
      { length: 1 + Math.floor(random() * 12) },
      () => declared[Math.floor(random() * declared.length)] ?? '',
    );
    const columns = types.map((type, i) => `c${i} ${type}${random() < 0.1 ? ' GENERATED ALWAYS AS (1) STORED' : ''}`);
    if (random() < 0.2) columns.splice(1, 0, 'virt INTEGER AS (2) VIRTUAL');
    if (random() < 0.6) columns.splice(Math.floor(random() * columns.length), 0, 'id INTEGER PRIMARY KEY');
    db.exec(`CREATE TABLE t${table} (${columns.join(', ')})`);
    const plain = types.flatMap((type, i) =>
      columns.some((text) => text.startsWith(`c${i} `) && !text.includes('AS')) ? [{ type, name: `c${i}` }] : [],
    );
    if (plain.length === 0) continue;
    const fill = (rows: number): void => {
      const insert = db.prepare(
        `INSERT INTO t${table} (rowid, ${plain.map(({ name }) => name).join(', ')}) VALUES (?, ${plain.map(() => '?').join(', ')}) ON CONFLICT DO NOTHING`,
      );
      insert.setReadBigInts(true);
      for (let i = 0; i < rows; i++) {
        const rowid =
          random() < 0.02 ? BigInt(Math.floor(random() * 2 ** 52)) * (random() < 0.5 ? -1000n : 1000n) : null;
        insert.run(rowid, ...plain.map(({ type }) => likelyValue(type, random)));
      }
    };
    fill(Math.floor(random() * 1500));
    db.exec(`DELETE FROM t${table} WHERE rowid % 7 = ${Math.floor(random() * 9)}`);
    if (random() < 0.3) {
      db.exec(`ALTER TABLE t${table} ADD COLUMN added TEXT DEFAULT 'new'`);
      fill(200);
    }
    if (random() < 0.2) db.exec('VACUUM');
  }
}

test('the file and SQLite agree about every kind of value in every type of column', { skip }, async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'values.db');
  const random = createRandom(1);
  const strays = [null, ...integers, ...reals, ...texts, Buffer.alloc(0), Buffer.from('blob'), Buffer.alloc(16, 1)];
  using db = new DatabaseSync(path);
  db.exec('PRAGMA synchronous = OFF; BEGIN');
  for (const [i, type] of declared.entries()) {
    db.exec(`CREATE TABLE t${i} (id INTEGER PRIMARY KEY, v ${type})`);
    const insert = db.prepare(`INSERT INTO t${i} (v) VALUES (?)`);
    for (let row = 0; row < 1000; row++) insert.run(likelyValue(type, random));
  }
  db.exec('COMMIT');
  // The types are chosen before the strays come, as if those were beyond the sample.
  const items = await tablesOf(path);
  db.exec('BEGIN');
  for (const i of declared.keys()) {
    const insert = db.prepare(`INSERT INTO t${i} (v) VALUES (?)`);
    for (const value of strays) insert.run(value);
    for (const hex of brokenTexts) db.exec(`INSERT INTO t${i} (v) VALUES (CAST(x'${hex}' AS TEXT))`);
  }
  db.exec('COMMIT');
  assert.ok((await assertAgreement(path, items, 'values')) >= declared.length * 1000);
});

test('the file and SQLite agree about integers that are too wide for the target', { skip }, async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'narrow.db');
  runSql(
    path,
    `CREATE TABLE t (id INTEGER PRIMARY KEY, small INTEGER, middle INTEGER);
    INSERT INTO t VALUES (1, -32768, -2147483648), (2, 32768, 0), (3, 0, 2147483648), (4, 32767, 2147483647), (70000, 0, 0);`,
  );
  await using store = await openSqlite(path);
  const item = (await listItems(store.source))[0] ?? assert.fail();
  const shape = item.shape ?? assert.fail();
  const bits = [32, 16, 32] as const;
  const columns = shape.columns.map((column, i) => ({
    ...column,
    type: { kind: 'integer', bits: bits[i] ?? 64 } as const,
  }));
  const as: Item = { ...item, shape: { ...shape, columns } };
  const whole = { id: 'all', bytes: 0 };
  const throughSqlite = await readChunk(store.source, whole, item, as);
  assert.deepEqual(
    throughSqlite.rejects.map(({ key }) => key),
    ['["2"]', '["3"]'],
  );
  await using _ = (await store.source.snapshot?.(undefined, never)) ?? assert.fail();
  const fromFile = await readChunk(store.source, whole, item, as);
  assert.deepEqual(fromFile, throughSqlite);
});

test('the file and SQLite agree about records around the size at which they overflow', { skip }, async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'overflow.db');
  runSql(
    path,
    `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
    INSERT INTO t SELECT i, CASE WHEN i % 4 = 0 THEN printf('%*c', 3960 + i / 2, 'x') ELSE 'short' END FROM n;`,
  );
  assert.equal(await assertAgreement(path, await tablesOf(path), 'overflow'), 400);
});

test('the file and SQLite agree about tables of every page size and history', { skip }, async () => {
  await using folder = await temporaryFolder();
  const first = Number(process.env['WAYBILL_SEED'] ?? Math.floor(Math.random() * 1e9));
  let rows = 0;
  for (let seed = first; seed < first + 12; seed++) {
    const path = join(folder.path, `${seed}.db`);
    makeDatabase(path, seed);
    rows += await assertAgreement(path, await tablesOf(path), `WAYBILL_SEED=${seed}`);
  }
  assert.ok(rows > 1000, `${rows} rows`);
});

test('plain rows come from the file, and only those out of the ordinary through SQLite', { skip }, async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'plain.db');
  runSql(
    path,
    `CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL, price DECIMAL(10,2), score REAL, day DATE, at DATETIME, ok BOOLEAN, raw BLOB);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
    INSERT INTO t SELECT i, 'Größe ' || i, i / 100.0, i * 1.37, date('2020-01-01', '+' || i || ' days'), datetime(i * 86399, 'unixepoch'), i % 2, x'00ff' FROM n;
    UPDATE t SET name = 'a' || char(0) WHERE id = 77;`,
  );
  const contents = await readFile(path);
  const pageBytes = contents.readUInt16BE(16);
  await using store = await openSqlite(path);
  const item = (await listItems(store.source))[0] ?? assert.fail();
  const shape = item.shape ?? assert.fail();
  using transcoder =
    createPageTranscoder(shape, shape, { bytes: pageBytes, reserved: 0 }, 1, 1e6) ?? assert.fail('not plain');
  let rows = 0;
  const refused: bigint[] = [];
  for (let at = pageBytes; at < contents.length; at += pageBytes) {
    transcoder.pages.set(contents.subarray(at, at + pageBytes));
    if (!transcoder.add(0, -(2n ** 63n), 2n ** 63n - 1n)) continue;
    rows += transcoder.rows;
    transcoder.take();
    refused.push(...transcoder.takeRefused());
  }
  assert.equal(rows, 499);
  assert.deepEqual(refused, [77n]);
});

test('a damaged page is reported and not read', { skip }, async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'damaged.db');
  runSql(path, "CREATE TABLE t (a); INSERT INTO t VALUES ('x')");
  const { open } = await import('node:fs/promises');
  const file = await open(path, 'r+');
  await file.write(Buffer.alloc(4096, 0x0d), 0, 4096, 4096);
  await file.close();
  await using store = await openSqlite(path);
  await using _ = (await store.source.snapshot?.(undefined, never)) ?? assert.fail();
  const column = { name: 'a', type: { kind: 'text' }, declared: '', nullable: true } as const;
  const item: Item = {
    key: 't',
    kind: 'table',
    stage: 'data',
    bytes: 1,
    rows: 1,
    shape: { name: 't', columns: [column], primaryKey: [], unique: [] },
  };
  await assert.rejects(readChunk(store.source, { id: 'all', bytes: 0 }, item), { code: 'item.unreadable' });
});
