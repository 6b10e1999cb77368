import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ColumnShape, LogicalType, TableShape } from '../../model/shape.ts';
import { RowWriter } from '../../store/rows/row-writer.ts';
import { carry, contentOf, listed, memoryStore, never } from '../../testing/testing.ts';
import { csvDriver, jsonDriver, parquetDriver } from './driver.ts';
import { columnOf } from './read-types.ts';
import { folderOf, openFiles } from './tabular-fixture.ts';

type Write = (writer: RowWriter, type: LogicalType) => boolean;

const texts = (...values: readonly string[]): readonly Write[] => values.map((value) => (writer) => writer.text(value));
const decimals = (...values: readonly string[]): readonly Write[] =>
  values.map((value) => (writer, type) => type.kind === 'decimal' && writer.decimal(value, type));
const integers = (...values: readonly bigint[]): readonly Write[] =>
  values.map((value) => (writer, type) => type.kind === 'integer' && writer.integer(value, type.bits));
const floats = (...values: readonly number[]): readonly Write[] =>
  values.map((value) => (writer, type) => type.kind === 'float' && writer.float(value, type.bits));

/** Every type with values that are easily lost. */
const columns: readonly (readonly [name: string, type: LogicalType, values: readonly Write[]])[] = [
  ['i16', { kind: 'integer', bits: 16 }, integers(-32_768n, 32_767n, 0n)],
  ['i32', { kind: 'integer', bits: 32 }, integers(-2_147_483_648n, 2_147_483_647n, 7n)],
  ['i64', { kind: 'integer', bits: 64 }, integers(-(2n ** 63n), 2n ** 63n - 1n, -1n)],
  ['d4', { kind: 'decimal', precision: 4, scale: 1 }, decimals('-999.9', '0.1', '0')],
  ['d9', { kind: 'decimal', precision: 9, scale: 3 }, decimals('999999.999', '-0.001', '10')],
  ['d18', { kind: 'decimal', precision: 18, scale: 2 }, decimals('-9999999999999999.99', '0.01', '10000')],
  [
    'd38',
    { kind: 'decimal', precision: 38, scale: 10 },
    decimals(`-${'9'.repeat(28)}.${'9'.repeat(10)}`, '0.0000000001', '12345678901234567890'),
  ],
  ['d38 whole', { kind: 'decimal', precision: 38, scale: 0 }, decimals('9'.repeat(38), `-1${'0'.repeat(37)}`, '0')],
  ['number', { kind: 'decimal' }, decimals('1.50', `-${'123456789'.repeat(9)}.000001`, '0.000', 'NaN')],
  ['f32', { kind: 'float', bits: 32 }, floats(-3.4028234663852886e38, 0.10000000149011612, -0, Number.NaN)],
  ['f64', { kind: 'float', bits: 64 }, floats(5e-324, 1.7976931348623157e308, -0, Number.NaN, Infinity, 0.1)],
  [
    'text',
    { kind: 'text' },
    texts('', ' padded ', 'a,b', '"q"', 'line\nline\r\n', 'NULL', '\\N', '007', '日本 😀', '\t{}[]', 'x'.repeat(5000)),
  ],
  [
    'short',
    { kind: 'text', length: 12 },
    texts('exactly twelv', 'é').map((write, i) =>
      i === 0 ? (writer) => writer.text('exactly 12 ch'.slice(0, 12)) : write,
    ),
  ],
  [
    'bytes',
    { kind: 'bytes' },
    [(writer) => writer.binary(Uint8Array.of(0, 255, 10, 34)), (writer) => writer.binary(Uint8Array.of())],
  ],
  ['truth', { kind: 'boolean' }, [(writer) => writer.boolean(true), (writer) => writer.boolean(false)]],
  [
    'day',
    { kind: 'date' },
    ['2024-02-29', '0001-01-01', '9999-12-31', '0044-03-15 BC', '20240-01-01'].map(
      (text) => (writer) => writer.date(text),
    ),
  ],
  ['clock', { kind: 'time' }, ['00:00:00', '23:59:59.999999', '24:00:00'].map((text) => (writer) => writer.time(text))],
  [
    'stamp',
    { kind: 'timestamp', zone: false },
    ['2024-02-29 23:59:59.999999', '0001-01-01 00:00:00', '1969-12-31 23:59:59.5'].map(
      (text) => (writer) => writer.timestamp(text, false),
    ),
  ],
  [
    'moment',
    { kind: 'timestamp', zone: true },
    ['2024-02-29 23:59:59.999999+02', '1900-01-01 00:00:00Z'].map((text) => (writer) => writer.timestamp(text, true)),
  ],
  [
    'uuid',
    { kind: 'uuid' },
    [
      '6f9619ff-8b86-d011-b42d-00c04fc964ff',
      '00000000-0000-0000-0000-000000000000',
      'ffffffff-ffff-ffff-ffff-ffffffffffff',
    ].map((text) => (writer) => writer.uuid(text)),
  ],
  [
    'json',
    { kind: 'json', binary: false },
    ['{"a": [1, 2.50, "x,\\"y\\""]}', '"text"', '1e5'].map((text) => (writer) => writer.json(text, false)),
  ],
  ['jsonb', { kind: 'json', binary: true }, ['{"a": 1}', '[]'].map((text) => (writer) => writer.json(text, true))],
];

function everyType(skip: readonly string[] = []) {
  const used = columns.filter(([name]) => !skip.includes(name));
  const shape: TableShape = {
    name: 'every type',
    columns: [
      { ...columnOf('id', { kind: 'integer', bits: 32 }), nullable: false },
      ...used.map(([name, type]): ColumnShape => columnOf(name, type)),
    ],
    primaryKey: ['id'],
    unique: [],
  };
  const rows = Array.from({ length: 24 }, (_, i) => {
    const writer = new RowWriter(64 * 1024);
    writer.beginRow(used.length + 1);
    writer.integer(i, 32);
    for (const [name, type, values] of used) {
      const write = values[i % (values.length + 1)];
      if (!write) writer.null();
      else if (!write(writer, type)) throw new Error(`value ${i} of ${name} has no form`);
    }
    return Uint8Array.from(writer.take());
  });
  const bytes = rows.reduce((sum, row) => sum + row.length, 0);
  return { item: { key: shape.name, kind: 'table', stage: 'data', bytes, rows: rows.length, shape }, rows } as const;
}

describe('every type goes into files and comes back', () => {
  for (const driver of [csvDriver, jsonDriver, parquetDriver]) {
    it(`${driver.scheme}: equal content, types, key and NULLs`, async () => {
      using folder = folderOf({});
      const memory = await memoryStore([everyType()]);
      await using store = await openFiles(driver, folder.path);
      assert.ok(store.sink);
      const [item] = await listed(memory.source);
      assert.ok(item);
      await carry({ source: memory.source, sink: store.sink, item });
      await using later = await openFiles(driver, folder.path);
      const [found] = await listed(later.source);
      assert.ok(found?.shape);
      assert.deepEqual(
        found.shape.columns.map(({ name, type, nullable }) => ({ name, type, nullable })),
        item.shape?.columns.map(({ name, type, nullable }) => ({ name, type, nullable })),
      );
      assert.deepEqual(found.shape.primaryKey, ['id']);
      assert.equal(await contentOf(later.source, found), await contentOf(memory.source, item));
      const digest = await later.source.digest?.(found, found, never);
      assert.equal(`${digest?.rows} rows ${digest?.digest}`, await contentOf(memory.source, item));
    });
  }

  it('refuses what Parquet has no value for, by column', async () => {
    for (const [text, zone] of [
      ['infinity', false],
      ['-infinity', true],
    ] as const) {
      using folder = folderOf({});
      const shape: TableShape = {
        name: 't',
        columns: [columnOf('at', { kind: 'timestamp', zone })],
        primaryKey: [],
        unique: [],
      };
      const writer = new RowWriter(1024);
      writer.beginRow(1);
      writer.timestamp(text, zone);
      const rows = [Uint8Array.from(writer.take())];
      const memory = await memoryStore([
        { item: { key: 't', kind: 'table', stage: 'data', bytes: 14, rows: 1, shape }, rows },
      ]);
      await using store = await openFiles(parquetDriver, folder.path);
      const [item] = await listed(memory.source);
      assert.ok(item && store.sink);
      await assert.rejects(carry({ source: memory.source, sink: store.sink, item }), {
        code: 'value.unfit',
        where: 't.at',
      });
      assert.deepEqual(await listed(store.source), []);
    }
  });

  it('writes UUIDs and JSON to Parquet as texts when it is asked to', async () => {
    using folder = folderOf({});
    await using store = await openFiles(parquetDriver, folder.path, { plain: true });
    const adapted = store.sink?.adapt(everyType().item).item.shape?.columns ?? [];
    const kinds = Object.fromEntries(adapted.map(({ name, type }) => [name, type.kind]));
    assert.deepEqual([kinds['uuid'], kinds['json'], kinds['jsonb'], kinds['day']], ['text', 'text', 'text', 'date']);
  });
});
