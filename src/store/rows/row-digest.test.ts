import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import type { TableShape } from '../../model/shape.ts';
import { buildKernel } from '../../../scripts/build-kernel.ts';
import { createBucketDigest, createRowDigest, createRowMarker } from './row-digest.ts';
import { createRowKey, keyColumns } from './row-key.ts';
import { RowReader } from './row-reader.ts';
import { RowWriter } from './row-writer.ts';

/** Row hashes of one column holding the first n bytes of 00 01 02 …, n from 0 to 26, by PostgreSQL 15:
 *  SELECT to_hex(hash_array_extended(ARRAY[int8send(hash_array_extended(ARRAY[substring(bytes for n)], 0))], 0)) */
const hashesByLength = `
ce080523e4ef42d8 997e95dbce58f4e1 5c9e3ae49784973 e6c5fc3750b0c1dc 9e23589da0414ff1 5016234a50395814 
cbba985f4a1f66ae f5dddf3064f73de0 c3a4c816dcadba1f c8baa32f63f3d0b7 4519cca40c3458d8 2aa85e4471fe1271 
d26cba0fac21fa13 d38eec436bb80855 adc94d3c68a1c84 cb11357b4f4b67f2 490b4c8bdc3893b 370d4928c25b38ba 
b86d0f3a210ce3e0 c8cf541d478bb1e1 3e3c546ec4c842d0 35bcf4789ad37aa6 633db46782b87f38 86cfda5a4d63462c 
79630998d959f0f9 65ea467977cb3cf7 e90a11ae62342a74 
`;

interface Row {
  readonly a: number | bigint;
  readonly b: string;
  readonly c: string;
  readonly d: string | null;
  readonly hash: bigint;
  readonly keyHash: bigint;
}

/** `hash` and `keyHash` (key: b, a) by PostgreSQL 15:
 *  SELECT hash_array_extended(ARRAY[int8send(hash_array_extended(ARRAY[int8send(a), textsend(b), numeric_send(c),
 *  NULL::bytea, byteasend(d)], 0))], 0), hash_array_extended(ARRAY[int8send(hash_array_extended(ARRAY[textsend(b),
 *  int8send(a)], 0))], 0) FROM (VALUES …) t (a int8, b text, c numeric(10,2), d bytea) */
const rows: readonly Row[] = [
  { a: 1, b: 'Grüße 日本語', c: '12.50', d: '00ff', hash: -8466817206028126508n, keyHash: 5824304581992606379n },
  { a: -5, b: '', c: '0', d: null, hash: 6370508193528994280n, keyHash: 1780145401905602192n },
  {
    a: 9007199254740993n,
    b: 'a longer text that takes several twelve byte words',
    c: '-1.05',
    d: '',
    hash: -9127287657441479925n,
    keyHash: -5057136869779507429n,
  },
];

function partOf(list: readonly Row[]): Buffer {
  const writer = new RowWriter(64);
  for (const row of list) {
    writer.beginRow(5);
    writer.integer(row.a, 64);
    writer.text(row.b);
    writer.decimal(row.c, { precision: 10, scale: 2 });
    writer.null();
    if (row.d === null) writer.null();
    else writer.binary(Buffer.from(row.d, 'hex'));
  }
  return writer.take();
}

const unsigned = (value: bigint): bigint => BigInt.asUintN(64, value);

test('the committed kernel is what its source compiles to', async () => {
  const committed = await readFile(new URL('./kernel.gen.ts', import.meta.url), 'utf8');
  assert.equal(committed, await buildKernel('store/rows/kernel'), 'run node scripts/build-kernel.ts');
});

test('fields of every length hash as in PostgreSQL, whatever lies behind them', () => {
  const expected = hashesByLength
    .trim()
    .split(/\s+/)
    .map((hex) => BigInt(`0x${hex}`));
  assert.equal(expected.length, 27);
  const bytes = Uint8Array.from({ length: 27 }, (_, i) => i);
  createRowDigest(1).update(Buffer.concat([Buffer.from([0, 1, 0, 0, 1, 0]), Buffer.alloc(256, 0xff)]));
  for (const [length, hash] of expected.entries()) {
    const writer = new RowWriter();
    writer.beginRow(1);
    writer.binary(bytes.subarray(0, length));
    const digest = createRowDigest(1);
    digest.update(writer.take());
    assert.equal(digest.sum, hash, `${length} bytes`);
  }
});

test('rows hash as in PostgreSQL', () => {
  for (const row of rows) {
    const digest = createRowDigest(5);
    digest.update(partOf([row]));
    assert.equal(digest.sum, unsigned(row.hash));
  }
});

test('the digest is the sum of the row hashes, in any order and any parts', () => {
  const sum = unsigned(rows.reduce((total, row) => total + row.hash, 0n));
  const [whole, pieces] = [createRowDigest(5), createRowDigest(5)];
  whole.update(partOf(rows));
  for (const row of rows.toReversed()) pieces.update(partOf([row]));
  pieces.update(new Uint8Array(0));
  assert.equal(whole.sum, sum);
  assert.equal(pieces.sum, sum);
  assert.equal(whole.rows, 3);
  assert.equal(pieces.rows, 3);
});

test('marks name hash, key hash and place of every row', () => {
  const part = partOf(rows);
  const marks = createRowMarker(5, [1, 0]).mark(part);
  assert.equal(marks.rows, 3);
  const reader = new RowReader(5);
  for (const [i, row] of rows.entries()) {
    assert.equal(marks.hash(i), unsigned(row.hash));
    assert.equal(marks.keyHash(i), unsigned(row.keyHash));
    assert.equal(marks.bucket(i, 1024), Number(unsigned(row.keyHash) & 1023n));
    assert.ok(reader.open(part, marks.offset(i)).next());
    assert.equal(Buffer.from(reader.field(1) ?? []).toString(), row.b);
  }
});

test('without a key the key hash is the row hash', () => {
  const marks = createRowMarker(5, []).mark(partOf(rows));
  for (let i = 0; i < marks.rows; i++) assert.equal(marks.keyHash(i), marks.hash(i));
});

test('buckets hold each row once and add up to the digest', () => {
  const many = Array.from({ length: 5000 }, (_, i) => ({ ...(rows[i % 3] ?? assert.fail()), a: i }));
  const digest = createRowDigest(5);
  const buckets = createBucketDigest(5, [0], 64);
  for (let from = 0; from < many.length; from += 700) {
    const part = partOf(many.slice(from, from + 700));
    digest.update(part);
    buckets.update(part);
  }
  const result = buckets.result();
  assert.equal(
    result.rows.reduce((a, b) => a + b),
    5000,
  );
  assert.ok(
    result.rows.every((count) => count > 30 && count < 150),
    'rows spread over the buckets',
  );
  assert.equal(unsigned(result.sums.reduce((a, b) => a + b, 0n)), digest.sum);
  const marks = createRowMarker(5, [0]).mark(partOf(many));
  const sums = new BigUint64Array(64);
  for (let i = 0; i < marks.rows; i++) sums[marks.bucket(i, 64)]! += marks.hash(i);
  assert.deepEqual(result.sums, sums);
});

test('malformed rows are found out and count for nothing', () => {
  for (const hex of ['00', '0002', '0001', '0001000000', '000100000002ff', '0001fffffffe', '000100000001ff00']) {
    const digest = createRowDigest(1);
    assert.throws(() => digest.update(Buffer.from(hex, 'hex')), { code: 'chunk.corrupt' }, hex);
    assert.equal(digest.rows, 0);
    assert.equal(digest.sum, 0n);
    assert.throws(() => createRowMarker(1, [0]).mark(Buffer.from(hex, 'hex')), { code: 'chunk.corrupt' }, hex);
    assert.throws(() => createBucketDigest(1, [0], 2).update(Buffer.from(hex, 'hex')), { code: 'chunk.corrupt' }, hex);
  }
});

test('a part larger than the kernel memory is taken', () => {
  const writer = new RowWriter();
  writer.beginRow(1);
  writer.binary(Buffer.alloc(40_000_000, 7));
  const part = writer.take();
  const [once, twice] = [createRowDigest(1), createRowDigest(1)];
  once.update(part);
  twice.update(part);
  assert.equal(once.sum, twice.sum);
  assert.equal(createRowMarker(1, [0]).mark(part).hash(0), once.sum);
});

const column = (name: string, kind: 'text' | 'bytes' | 'date') => ({
  name,
  type: { kind },
  declared: '',
  nullable: true,
});

test('keys are JSON arrays in key order, of the carried columns', () => {
  const shape: TableShape = {
    name: 't',
    columns: [
      { ...column('sum', 'text'), generated: { expression: '1', stored: true } },
      column('day', 'date'),
      column('name', 'text'),
      column('blob', 'bytes'),
    ],
    primaryKey: ['name', 'day', 'blob'],
    unique: [],
  };
  assert.deepEqual(keyColumns(shape), [1, 0, 2]);
  const writer = new RowWriter();
  writer.beginRow(3);
  writer.date('2024-01-31');
  writer.text('a"b');
  writer.binary(Buffer.from([255]));
  const row = new RowReader(3).open(writer.take());
  row.next();
  assert.equal(createRowKey(shape)(row, 0n), '["a\\"b","2024-01-31","\\\\xff"]');
  assert.deepEqual(keyColumns({ ...shape, primaryKey: ['sum'] }), []);
  assert.equal(createRowKey({ ...shape, primaryKey: [] })(row, 0xabn), '["#00000000000000ab"]');
});
