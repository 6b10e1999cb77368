import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { rowsDigest } from '../../model/digest.ts';
import type { Finding } from '../../model/finding.ts';
import type { Item } from '../../model/item.ts';
import { carriedColumns, type LogicalType } from '../../model/shape.ts';
import { createRowDigest } from '../../store/rows/row-digest.ts';
import { fieldText, RowReader } from '../../store/rows/row-reader.ts';
import type { Source } from '../../store/store.ts';
import { sampleData } from '../../testing/sample-data.ts';
import {
  listItems,
  never,
  openSqlite,
  readChunk,
  runSql,
  splitItem,
  temporaryFolder,
} from '../../testing/sqlite-database.ts';

const chinook = sampleData('Chinook_Sqlite.sqlite') ?? '';
const skip = chinook === '' && 'the Chinook files are not in ../shared/data: set WAYBILL_DATA';
const everything = { id: 'all', bytes: 0 };

/** The texts of all rows, as PostgreSQL would print them. */
async function rowTexts(source: Source, item: Item, as: Item = item): Promise<(string | null)[][]> {
  const columns = carriedColumns(as.shape ?? assert.fail());
  const { bytes } = await readChunk(source, everything, item, as);
  return textsOf(
    bytes,
    columns.map((column) => column.type),
  );
}

function textsOf(bytes: Uint8Array, types: readonly LogicalType[]): (string | null)[][] {
  const reader = new RowReader(types.length).open(bytes);
  const rows: (string | null)[][] = [];
  while (reader.next()) {
    rows.push(
      types.map((type, i) => {
        const field = reader.field(i);
        return field === null ? null : fieldText(type, field);
      }),
    );
  }
  return rows;
}

/** A store on a database that holds what `sql` makes, with the list of its items. */
async function openWith(sql: string, options: Record<string, unknown> = {}) {
  const folder = await temporaryFolder();
  const path = join(folder.path, 'test.db');
  runSql(path, sql);
  const store = await openSqlite(path, options);
  const findings: Finding[] = [];
  const items = await listItems(store.source, (finding) => findings.push(finding));
  const itemOf = (key: string): Item => items.find((item) => item.key === key) ?? assert.fail(`no item ${key}`);
  return {
    path,
    source: store.source,
    items,
    findings,
    itemOf,
    typeOf: (key: string, column: string) =>
      itemOf(key).shape?.columns.find(({ name }) => name === column)?.type ?? assert.fail(`no column ${column}`),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

test('Chinook has 15 607 rows in 11 tables, 11 indexes and 11 foreign keys', { skip }, async () => {
  await using store = await openSqlite(chinook);
  const findings: Finding[] = [];
  const items = await listItems(store.source, (finding) => findings.push(finding));
  const ofKind = (kind: string): Item[] => items.filter((item) => item.kind === kind);
  assert.equal(ofKind('table').length, 11);
  assert.equal(ofKind('index').length, 11);
  assert.equal(ofKind('foreign-key').length, 11);
  assert.deepEqual(findings, []);
  let rows = 0;
  for (const item of ofKind('table')) {
    const digest = await store.source.digest?.(item, item, never);
    assert.equal(digest?.rows, item.rows, item.key);
    rows += digest?.rows ?? 0;
  }
  assert.equal(rows, 15_607);
});

test('keys of items are unique and ascend over the whole list', { skip }, async () => {
  await using store = await openSqlite(chinook);
  const keys = (await listItems(store.source)).map((item) => item.key);
  assert.deepEqual(
    keys,
    [...new Set(keys)].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
  );
  assert.ok(keys.includes('Album') && keys.includes('Album.index.IFK_AlbumArtistId'));
  assert.ok(keys.includes('Album.foreign-key.ArtistId'));
});

test('declared types give the shape, and values arrive in their canonical form', async () => {
  await using db = await openWith(`
    CREATE TABLE t (
      id INTEGER PRIMARY KEY AUTOINCREMENT, small SMALLINT, price DECIMAL(10,2), ratio DOUBLE PRECISION,
      name NVARCHAR(10) NOT NULL DEFAULT 'it''s', note TEXT, raw BLOB, ok BOOLEAN DEFAULT 1, day DATE DEFAULT CURRENT_DATE,
      at DATETIME DEFAULT CURRENT_TIMESTAMP, zoned TIMESTAMPTZ, clock TIME, doc JSON, tag UUID);
    INSERT INTO t VALUES (41, -3, 1234.5, 0.1, 'Größe', '日本', x'00ff', 1, '2024-02-29', '2024-02-29 12:00:00',
      '2024-02-29T12:00:00+02:00', '23:59:59', '{"a": 1}', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11');
    INSERT INTO t (name) VALUES ('');
    DELETE FROM t WHERE id = 43;`);
  const shape = db.itemOf('t').shape ?? assert.fail();
  assert.deepEqual(
    shape.columns.map(({ type }) => type),
    [
      { kind: 'integer', bits: 64 },
      { kind: 'integer', bits: 64 },
      { kind: 'decimal', precision: 10, scale: 2 },
      { kind: 'float', bits: 64 },
      { kind: 'text', length: 10 },
      { kind: 'text' },
      { kind: 'bytes' },
      { kind: 'boolean' },
      { kind: 'date' },
      { kind: 'timestamp', zone: false },
      { kind: 'timestamp', zone: true },
      { kind: 'time' },
      { kind: 'json', binary: false },
      { kind: 'uuid' },
    ],
  );
  assert.deepEqual(shape.columns[0]?.identity, { next: '43' });
  assert.deepEqual(shape.columns[4]?.default, { kind: 'literal', text: "it's", quoted: true });
  assert.deepEqual(shape.columns[9]?.default, { kind: 'now' });
  assert.equal(shape.columns[4]?.nullable, false);
  const [row] = await rowTexts(db.source, db.itemOf('t'));
  assert.deepEqual(row, [
    '41',
    '-3',
    '1234.50',
    '0.1',
    'Größe',
    '日本',
    '\\x00ff',
    't',
    '2024-02-29',
    '2024-02-29 12:00:00',
    '2024-02-29 10:00:00+00',
    '23:59:59',
    '{"a": 1}',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  ]);
});

test('a table without rowid is read whole and by chunks', async () => {
  await using db = await openWith(`
    CREATE TABLE pair (b TEXT, a INTEGER, v TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
    INSERT INTO pair SELECT 'k' || (i % 10), i / 10, 'value ' || i FROM n;`);
  const item = db.itemOf('pair');
  assert.deepEqual(item.shape?.primaryKey, ['a', 'b']);
  await assertExactCover(db.source, item, 4000);
});

test('chunks cover a table with gaps in its row numbers exactly, negative numbers included', async () => {
  await using db = await openWith(`
    CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
    INSERT INTO t SELECT i * i - 50000, 'value ' || i FROM n;
    INSERT INTO t VALUES (9223372036854775807, 'last'), (-9223372036854775808, 'first');`);
  await assertExactCover(db.source, db.itemOf('t'), 10_000);
});

test('chunks cover a table without gaps exactly', async () => {
  await using db = await openWith(`
    CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
    WITH RECURSIVE n(i) AS (SELECT 5 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
    INSERT INTO t SELECT i, 'value ' || i FROM n;`);
  await assertExactCover(db.source, db.itemOf('t'), 10_000);
});

async function assertExactCover(source: Source, item: Item, targetBytes: number): Promise<void> {
  const chunks = await splitItem(source, item, targetBytes);
  assert.ok(chunks.length > 3, `${chunks.length} chunks`);
  assert.deepEqual(await splitItem(source, item, targetBytes), chunks);
  const whole = await source.digest?.(item, item, never);
  const digest = createRowDigest(item.shape?.columns.length ?? 0);
  for (const chunk of JSON.parse(JSON.stringify(chunks)) as typeof chunks) {
    const before = digest.rows;
    digest.update((await readChunk(source, chunk, item)).bytes);
    assert.equal(digest.rows - before, chunk.rows);
  }
  assert.equal(digest.rows, item.rows);
  assert.equal(rowsDigest(digest.sum), whole?.digest);
}

test('an empty table has no chunk', async () => {
  await using db = await openWith('CREATE TABLE t (id INTEGER PRIMARY KEY)');
  assert.deepEqual(await splitItem(db.source, db.itemOf('t'), 1000), []);
});

test('a table too small for the wished chunks is still shared between workers when it exceeds 8 MiB', async () => {
  await using db = await openWith(`
    CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
    INSERT INTO t SELECT i, zeroblob(100000) FROM n;`);
  assert.equal((await splitItem(db.source, db.itemOf('t'), 1e9)).length, 4);
});

test('generated columns are listed with their expression and not carried', async () => {
  await using db = await openWith(`
    CREATE TABLE t (a INTEGER, "sum" INTEGER GENERATED ALWAYS AS (a + (b * 2)) STORED, b INTEGER, twice AS (b || ')''('));
    INSERT INTO t (a, b) VALUES (1, 2);`);
  const item = db.itemOf('t');
  assert.deepEqual(item.shape?.columns[1]?.generated, { expression: 'a + (b * 2)', stored: true });
  assert.deepEqual(item.shape?.columns[3]?.generated, { expression: "b || ')''('", stored: false });
  assert.deepEqual(await rowTexts(db.source, item), [['1', '2']]);
});

test('a generated column is carried as values when the target does not compute it', async () => {
  await using db = await openWith(`
    CREATE TABLE t (a INTEGER, twice INTEGER GENERATED ALWAYS AS (a * 2) STORED);
    INSERT INTO t (a) VALUES (21);`);
  const item = db.itemOf('t');
  const columns = item.shape?.columns.map(({ name, type, declared, nullable }) => ({ name, type, declared, nullable }));
  const as = { ...item, shape: { ...(item.shape ?? assert.fail()), columns: columns ?? [] } };
  assert.deepEqual(await rowTexts(db.source, item, as), [['21', '42']]);
});

test('columns correspond by position when the target renames them', async () => {
  await using db = await openWith(
    'CREATE TABLE "My Table" ("A b" TEXT, "C""d" INTEGER); INSERT INTO "My Table" VALUES (\'x\', 1)',
  );
  const item = db.itemOf('My Table');
  const shape = item.shape ?? assert.fail();
  const as: Item = {
    ...item,
    key: 'my_table',
    shape: { ...shape, name: 'my_table', columns: shape.columns.map((column, i) => ({ ...column, name: `c${i}` })) },
  };
  assert.deepEqual(await rowTexts(db.source, item, as), [['x', '1']]);
});

test('integers beyond 2^53 are exact', async () => {
  await using db = await openWith(`
    CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER);
    INSERT INTO t VALUES (1, 9007199254740993), (2, 9223372036854775807), (3, -9223372036854775808), (4, 5),
      (9007199254740995, 6);`);
  assert.deepEqual(await rowTexts(db.source, db.itemOf('t')), [
    ['1', '9007199254740993'],
    ['2', '9223372036854775807'],
    ['3', '-9223372036854775808'],
    ['4', '5'],
    ['9007199254740995', '6'],
  ]);
});

test('values that do not fit are left out, named by key and reason but never by value', async () => {
  await using db = await openWith(
    `CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, name VARCHAR(3), day DATE, note TEXT, doc JSON);`,
  );
  const item = db.itemOf('t');
  runSql(
    db.path,
    `INSERT INTO t VALUES (1, 'secret', 'abc', NULL, NULL, NULL), (2, 1.5, NULL, NULL, NULL, NULL), (3, 1, 'abcd', NULL, NULL, NULL),
      (4, 1, 'äöü', '2024-02-30', NULL, NULL), (5, 1, '😀😀😀', '2024-01-01', 'a' || char(0) || 'b', NULL),
      (6, 1, NULL, 20240101, NULL, NULL), (7, 1, 'abc', NULL, CAST(x'61ff62' AS TEXT), NULL), (8, 1, 'abc', NULL, 'U+FFFD is �', '[1]'),
      (9, 1, NULL, NULL, x'00', NULL), (10, 1, NULL, NULL, NULL, '{bad'), (11, 7, '😀', '2024-01-01', '', NULL);`,
  );
  const { bytes, rejects } = await readChunk(db.source, everything, item);
  const types = (item.shape ?? assert.fail()).columns.map(({ type }) => type);
  assert.deepEqual(
    textsOf(bytes, types).map(([id]) => id),
    ['8', '11'],
  );
  assert.deepEqual(
    rejects.map(({ item: table, key, column, code }) => [table, key, column, code].join(' ')),
    [
      't ["1"] n value.unfit',
      't ["2"] n value.unfit',
      't ["3"] name value.unfit',
      't ["4"] day value.unfit',
      't ["5"] note value.nul',
      't ["6"] day value.unfit',
      't ["7"] note value.unfit',
      't ["9"] note value.unfit',
      't ["10"] doc value.unfit',
    ],
  );
  assert.ok(rejects.every(({ reason }) => !/secret|abcd|2024|bad/.test(reason)));
});

test('a row without key that does not fit is named by its row number', async () => {
  await using db = await openWith('CREATE TABLE t (n INTEGER)');
  runSql(db.path, "INSERT INTO t VALUES (1), ('x')");
  const { rejects } = await readChunk(db.source, everything, db.itemOf('t'));
  assert.equal(rejects[0]?.key, '["rowid 2"]');
});

test('a column whose values contradict its declared type gets a wider one, and the plan says so', async () => {
  await using db = await openWith(`
    CREATE TABLE t (id INTEGER PRIMARY KEY, day DATE, n INTEGER, price DECIMAL(6,2), short VARCHAR(2), flag BOOLEAN,
      at DATETIME, label TEXT, free, mixed);
    INSERT INTO t VALUES (7, 'some day', 1.5, 1.234, 'abc', 2, '2024-01-01T00:00:00+02:00', x'01', 5, 'text'),
      (8, '2024-01-01', 3, 2, 'ab', 1, '2024-01-01 00:00:00', x'02', 6, 5);`);
  assert.deepEqual(db.typeOf('t', 'day'), { kind: 'text' });
  assert.deepEqual(db.typeOf('t', 'n'), { kind: 'decimal' });
  assert.deepEqual(db.typeOf('t', 'price'), { kind: 'decimal' });
  assert.deepEqual(db.typeOf('t', 'short'), { kind: 'text' });
  assert.deepEqual(db.typeOf('t', 'flag'), { kind: 'integer', bits: 64 });
  assert.deepEqual(db.typeOf('t', 'at'), { kind: 'timestamp', zone: true });
  assert.deepEqual(db.typeOf('t', 'label'), { kind: 'bytes' });
  assert.deepEqual(db.typeOf('t', 'free'), { kind: 'integer', bits: 64 });
  assert.deepEqual(db.typeOf('t', 'mixed'), { kind: 'text' });
  assert.deepEqual(await rowTexts(db.source, db.itemOf('t')), [
    ['7', 'some day', '1.5', '1.234', 'abc', '2', '2023-12-31 22:00:00+00', '\\x01', '5', 'text'],
    ['8', '2024-01-01', '3', '2', 'ab', '1', '2024-01-01 00:00:00+00', '\\x02', '6', '5'],
  ]);
  const day = db.findings.find(({ where }) => where === 't.day') ?? assert.fail('no finding');
  assert.equal(day.level, 'warning');
  assert.match(day.message, /t\.day declares DATE, but in 1 of 2 rows .*\["7"\].*carried as text/);
  assert.doesNotMatch(day.message, /some day/);
});

test('numbers in a date column are refused until the option dates says what they mean', async () => {
  const sql = 'CREATE TABLE t (id INTEGER PRIMARY KEY, at DATETIME); INSERT INTO t VALUES (1, 1700000000)';
  {
    await using db = await openWith(sql);
    assert.equal(db.typeOf('t', 'at').kind, 'timestamp');
    assert.match(db.findings[0]?.hint ?? '', /dates: unix/);
    assert.equal((await readChunk(db.source, everything, db.itemOf('t'))).rejects[0]?.code, 'value.unfit');
  }
  await using unix = await openWith(sql, { dates: 'unix' });
  assert.deepEqual(unix.findings, []);
  assert.deepEqual(await rowTexts(unix.source, unix.itemOf('t')), [['1', '2023-11-14 22:13:20']]);
  await using julian = await openWith(sql.replace('1700000000', '2460263.4259259'), { dates: 'julian' });
  assert.match(
    (await rowTexts(julian.source, julian.itemOf('t')))[0]?.[1] ?? '',
    /^2023-11-14 22:13:1\d|^2023-11-14 22:13:20/,
  );
});

test('the option text carries a column as text whatever it declares', async () => {
  await using db = await openWith("CREATE TABLE t (day DATE); INSERT INTO t VALUES ('2024-01-01')", { text: 'T.Day' });
  assert.deepEqual(db.typeOf('t', 'day'), { kind: 'text' });
});

test('a NUL byte in text is found at plan time', async () => {
  await using db = await openWith(
    "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a' || char(0))",
  );
  assert.deepEqual(
    db.findings.map(({ level, code, where }) => ({ level, code, where })),
    [{ level: 'warning', code: 'value.nul', where: 't.v' }],
  );
});

test('what has no neutral form is named, and not listed', async () => {
  await using db = await openWith(`
    CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE, b TEXT DEFAULT (lower('X')), CHECK (length(a) < 9));
    CREATE INDEX plain ON t (a, b DESC);
    CREATE INDEX part ON t (a) WHERE b IS NOT NULL;
    CREATE INDEX calc ON t (lower(a));
    CREATE VIEW v AS SELECT a FROM t;
    CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END;
    CREATE VIRTUAL TABLE words USING fts5(word);
    CREATE TABLE child (t_id INTEGER REFERENCES t, gone_id INTEGER REFERENCES gone (id));`);
  assert.deepEqual(
    db.items.map(({ key }) => key),
    ['child', 'child.foreign-key.t_id', 't', 't.index.plain'],
  );
  const named = db.findings.map(({ where }) => where ?? '').sort((a, b) => (a < b ? -1 : 1));
  assert.deepEqual(named, [
    'child.foreign-key.gone_id',
    't',
    't.a',
    't.b',
    't.index.calc',
    't.index.part',
    't.index.plain',
    'tr',
    'v',
    'words',
  ]);
  assert.match(db.findings.find(({ where }) => where === 'v')?.message ?? '', /CREATE VIEW v AS SELECT a FROM t/);
});

test('foreign keys carry their actions, their columns and whether they are deferred', async () => {
  await using db = await openWith(`
    CREATE TABLE parent (x INTEGER, y INTEGER, PRIMARY KEY (y, x));
    CREATE TABLE child (a INTEGER, b INTEGER, p INTEGER REFERENCES child (a) ON DELETE SET NULL,
      FOREIGN KEY (b, a) REFERENCES Parent ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED);`);
  assert.deepEqual(db.itemOf('child.foreign-key.b,a').foreignKey?.foreignKey, {
    name: 'child_b_a_fkey',
    columns: ['b', 'a'],
    references: 'parent',
    referencedColumns: ['y', 'x'],
    onDelete: 'no action',
    onUpdate: 'cascade',
    deferred: true,
  });
  const own = db.itemOf('child.foreign-key.p').foreignKey?.foreignKey;
  assert.deepEqual([own?.onDelete, own?.deferred], ['set null', false]);
});

test('unique constraints belong to the table, unique indexes are items', async () => {
  await using db = await openWith(
    'CREATE TABLE t (a TEXT UNIQUE, b TEXT, c TEXT, UNIQUE (b, c)); CREATE UNIQUE INDEX u ON t (c)',
  );
  assert.deepEqual(db.itemOf('t').shape?.unique, [
    { name: 't_a_key', columns: ['a'] },
    { name: 't_b_c_key', columns: ['b', 'c'] },
  ]);
  assert.equal(db.itemOf('t.index.u').index?.index.unique, true);
});

const scripts = [
  'English',
  'Ελληνικά',
  'Русский',
  'العربية',
  'עברית',
  'हिन्दी',
  '中文',
  '한국어',
  '😀🏳️‍🌈',
  'a\u0301',
  '\u{10ffff}',
];

test('text in many scripts and blobs of many sizes arrive as they are', async () => {
  const values = scripts.map((text, i) => `(${i}, '${text}', zeroblob(${i * 1000}))`);
  await using db = await openWith(
    `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, b BLOB); INSERT INTO t VALUES ${values.join(', ')}`,
  );
  const rows = await rowTexts(db.source, db.itemOf('t'));
  assert.deepEqual(
    rows.map(([, text]) => text),
    scripts,
  );
  assert.deepEqual(
    rows.map(([, , blob]) => (blob?.length ?? 0) / 2 - 1),
    scripts.map((_, i) => i * 1000),
  );
});

test('rows of given keys are read, whatever type the key has', async () => {
  await using db = await openWith(`
    CREATE TABLE n (id INTEGER PRIMARY KEY, v TEXT);
    CREATE TABLE d (day DATETIME PRIMARY KEY, v TEXT);
    CREATE TABLE k (v TEXT);
    INSERT INTO n VALUES (1, 'a'), (2, 'b'), (3, 'c');
    INSERT INTO d VALUES ('2024-01-01T00:00:00', 'T'), ('2024-01-02 00:00', 'short');
    INSERT INTO k VALUES ('x'), ('y');`);
  const read = async (key: string, keys: string[]) => {
    const item = db.itemOf(key);
    const { bytes } = await readChunk(db.source, { id: 'k', bytes: 0, keys }, item);
    return textsOf(
      bytes,
      (item.shape ?? assert.fail()).columns.map(({ type }) => type),
    );
  };
  assert.deepEqual(await read('n', ['["3"]', '["1"]', '["99"]']), [
    ['3', 'c'],
    ['1', 'a'],
  ]);
  assert.deepEqual(await read('d', ['["2024-01-02 00:00:00"]']), [['2024-01-02 00:00:00', 'short']]);
  const prints = await Array.fromAsync(
    db.source.rowPrints?.(db.itemOf('k'), db.itemOf('k'), 1, new Set([0]), never) ?? [],
  );
  const [x, y] = prints.flat();
  assert.ok(x && y && x.key.startsWith('["#'));
  assert.deepEqual(await read('k', [y.key]), [['y']]);
});

test('buckets and prints agree with the digest', async () => {
  await using db = await openWith(`
    CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
    INSERT INTO t SELECT i, 'value ' || i FROM n;`);
  const item = db.itemOf('t');
  const digest = await db.source.digest?.(item, item, never);
  const buckets = (await db.source.bucketDigests?.(item, item, 16, never)) ?? assert.fail();
  assert.equal(rowsDigest(buckets.sums.reduce((a, b) => a + b, 0n)), digest?.digest);
  const wanted = new Set([3, 7]);
  const prints = (await Array.fromAsync(db.source.rowPrints?.(item, item, 16, wanted, never) ?? [])).flat();
  assert.equal(prints.length, (buckets.rows[3] ?? 0) + (buckets.rows[7] ?? 0));
  const sum = BigInt.asUintN(64, (buckets.sums[3] ?? 0n) + (buckets.sums[7] ?? 0n));
  assert.equal(
    BigInt.asUintN(
      64,
      prints.reduce((total, { hash }) => total + hash, 0n),
    ),
    sum,
  );
  assert.match(prints[0]?.key ?? '', /^\["\d+"\]$/);
});

test('an abort between parts stops reading', async () => {
  await using db = await openWith(`
    CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
    INSERT INTO t SELECT i, zeroblob(20000) FROM n;`);
  const stop = new AbortController();
  const item = db.itemOf('t');
  const payload = await db.source.read(everything, item, item, 'rows', stop.signal);
  let parts = 0;
  await assert.rejects(
    async () => {
      for await (const _ of payload.parts) if (++parts === 2) stop.abort();
    },
    { name: 'AbortError' },
  );
  assert.equal(parts, 2);
});
