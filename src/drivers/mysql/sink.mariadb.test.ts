import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Item } from '../../model/item.ts';
import type { ColumnShape, LogicalType, TableShape } from '../../model/shape.ts';
import { RowWriter } from '../../store/rows/row-writer.ts';
import type { Store } from '../../store/store.ts';
import { hasMariadb } from '../../testing/mariadb-server.ts';
import { listTables, openMysqlSubject, readTable, type MysqlSubject } from '../../testing/mysql-subject.ts';
import { carry, contentOf, memoryStore } from '../../testing/testing.ts';

const never: AbortSignal = new AbortController().signal;

type Write = (writer: RowWriter) => boolean;

const column = (name: string, type: LogicalType, more: Partial<ColumnShape> = {}): ColumnShape => ({
  name,
  type,
  declared: type.kind,
  nullable: true,
  ...more,
});

function sample(shape: TableShape, rows: readonly (readonly (Write | null)[])[]) {
  const item: Item = { key: shape.name, kind: 'table', stage: 'data', bytes: 0, rows: rows.length, shape };
  const encoded = rows.map((row) => {
    const writer = new RowWriter(4096);
    writer.beginRow(shape.columns.length);
    for (const write of row) if (!(write ? write(writer) : writer.null())) throw new Error('no form');
    return Uint8Array.from(writer.take());
  });
  return { item, rows: encoded };
}

describe('the mysql driver as a target', { skip: hasMariadb() ? false : 'apt-get install mariadb-server' }, () => {
  let subject: MysqlSubject;
  let store: Required<Store>;
  before(async () => {
    subject = await openMysqlSubject();
  });
  after(() => subject?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    await store?.[Symbol.asyncDispose]();
    await subject.reset();
    store = (await subject.open()) as Required<Store>;
  });
  after(() => store?.[Symbol.asyncDispose]());

  const send = async (shape: TableShape, rows: readonly (readonly (Write | null)[])[]) => {
    const memory = await memoryStore([sample(shape, rows)]);
    const [item] = await listTables(memory.source);
    assert.ok(item);
    await carry({ source: memory.source, sink: store.sink, item });
    const as = store.sink.adapt(item).item;
    return { as, sent: await contentOf(memory.source, item, as), got: await contentOf(store.source, as, as) };
  };

  it('keeps every value of every type, as digests prove', async () => {
    const everyByte = Uint8Array.from({ length: 512 }, (_, i) => i & 255);
    const types: readonly (readonly [LogicalType, ...Write[]])[] = [
      [{ kind: 'integer', bits: 16 }, (to) => to.integer(-32_768, 16), (to) => to.integer(32_767, 16)],
      [{ kind: 'integer', bits: 64 }, (to) => to.integer(-(2n ** 63n), 64), (to) => to.integer(2n ** 63n - 1n, 64)],
      [
        { kind: 'float', bits: 32 },
        (to) => to.float(Math.fround(0.1), 32),
        (to) => to.float(3.4028234663852886e38, 32),
      ],
      [
        { kind: 'float', bits: 64 },
        (to) => to.float(0.1, 64),
        (to) => to.float(5e-324, 64),
        (to) => to.float(-1.7976931348623157e308, 64),
        (to) => to.float(123_456_789.123_456_78, 64),
      ],
      [
        { kind: 'decimal', precision: 65, scale: 30 },
        (to) =>
          to.decimal('-12345678901234567890123456789012345.678901234567890123456789012345', {
            precision: 65,
            scale: 30,
          }),
        (to) => to.decimal('0.000000000000000000000000000001', { precision: 65, scale: 30 }),
        (to) => to.decimal('10000', { precision: 65, scale: 30 }),
        (to) => to.decimal('0', { precision: 65, scale: 30 }),
      ],
      [{ kind: 'decimal' }, (to) => to.decimal('1.50', {}), (to) => to.decimal('123456789012345678901234567890', {})],
      [
        { kind: 'text' },
        (to) => to.text('tab\tline\nback\\slash "quote" \r end '),
        (to) => to.text('\\N'),
        (to) => to.text(''),
      ],
      [{ kind: 'text', length: 12 }, (to) => to.text('😀 é ends   ')],
      [{ kind: 'bytes' }, (to) => to.binary(everyByte), (to) => to.binary(new Uint8Array(0))],
      [{ kind: 'boolean' }, (to) => to.boolean(true), (to) => to.boolean(false)],
      [{ kind: 'date' }, (to) => to.date('0001-01-01'), (to) => to.date('9999-12-31'), (to) => to.date('2024-02-29')],
      [{ kind: 'time' }, (to) => to.time('23:59:59.000001'), (to) => to.time('00:00:00'), (to) => to.time('24:00:00')],
      [
        { kind: 'timestamp', zone: false },
        (to) => to.timestamp('1969-12-31 23:59:59.999999', false),
        (to) => to.timestamp('9999-12-31 23:59:59.999999', false),
      ],
      [{ kind: 'timestamp', zone: true }, (to) => to.timestamp('2500-01-01 00:00:00+02', true)],
      [{ kind: 'interval' }, (to) => to.interval('1 year 2 mons -3 days +04:05:06.5')],
      [{ kind: 'bits', length: 9 }, (to) => to.bits('101010101', 9), (to) => to.bits('000000001', 9)],
      [{ kind: 'bits', length: 64 }, (to) => to.bits('1'.repeat(64), 64)],
      [{ kind: 'uuid' }, (to) => to.uuid('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')],
      [{ kind: 'json', binary: false }, (to) => to.json('{"b": 1,\t"a":"\\n\\\\"}', false)],
    ];
    const shape: TableShape = {
      name: 'every',
      columns: [
        column('id', { kind: 'integer', bits: 32 }, { nullable: false }),
        ...types.map(([type], i) => column(`c${i}`, type)),
      ],
      primaryKey: ['id'],
      unique: [],
    };
    const rows = Array.from({ length: 6 }, (_, row) => [
      (to: RowWriter) => to.integer(row, 32),
      ...types.map(([, ...values]) => values[row] ?? null),
    ]);
    const { sent, got } = await send(shape, rows);
    assert.equal(got, sent);
    assert.match(got, /^6 rows/);
  });

  it('keeps keys, numbering, defaults, comments and enumerations', async () => {
    const shape: TableShape = {
      name: 'goods',
      comment: `what's "there"`,
      columns: [
        column('id', { kind: 'integer', bits: 32 }, { nullable: false, identity: { next: '77' } }),
        column(
          'size',
          { kind: 'text' },
          { values: ['s', "l'"], default: { kind: 'literal', text: 's', quoted: true } },
        ),
        column('name', { kind: 'text', length: 30 }, { comment: 'a \\ comment' }),
        column('made', { kind: 'timestamp', zone: false }, { default: { kind: 'now' } }),
      ],
      primaryKey: ['id'],
      unique: [{ name: 'one_name', columns: ['name'] }],
    };
    await send(shape, [[(to) => to.integer(1, 32), (to) => to.text("l'"), (to) => to.text('A'), null]]);
    await subject.admin.query(`INSERT INTO goods (name) VALUES ('a')`);
    const { item, rows } = await readTable(store.source, 'goods');
    assert.deepEqual(
      rows.map(([id, size, name]) => [id, size, name]),
      [
        ['1', "l'", 'A'],
        ['77', 's', 'a'],
      ],
    );
    assert.deepEqual(item.shape?.columns[1]?.values, ['s', "l'"]);
    assert.equal(item.shape?.comment, shape.comment);
    assert.equal(item.shape?.columns[2]?.comment, 'a \\ comment');
    assert.deepEqual(item.shape?.unique, shape.unique);
    assert.notEqual(rows[1]?.[3], null);
  });

  it('refuses what MySQL cannot hold instead of bending it, and leaves nothing behind', async () => {
    const refused = async (type: LogicalType, write: Write, code: string, more: Partial<TableShape> = {}) => {
      const shape: TableShape = { name: 'odd', columns: [column('v', type)], primaryKey: [], unique: [], ...more };
      await assert.rejects(send(shape, [[write]]), (error: Error & { code: string }) => {
        assert.equal(error.code, code, error.message);
        return true;
      });
      await store.sink.sweep('r1', never);
      const [tables] = await subject.admin.query('SHOW TABLES');
      assert.deepEqual(tables, []);
    };
    await refused({ kind: 'float', bits: 64 }, (to) => to.float(Number.NaN, 64), 'value.unfit');
    await refused({ kind: 'date' }, (to) => to.date('infinity'), 'value.unfit');
    await refused(
      { kind: 'timestamp', zone: false },
      (to) => to.timestamp('0044-03-15 12:00:00 BC', false),
      'value.unfit',
    );
    await refused({ kind: 'text' }, (to) => to.text('k'.repeat(751)), 'value.unfit', {
      columns: [column('v', { kind: 'text' }, { nullable: false })],
      primaryKey: ['v'],
    });
  });

  it('names a key that rows share', async () => {
    const shape: TableShape = {
      name: 'twice',
      columns: [
        column('id', { kind: 'integer', bits: 32 }, { nullable: false }),
        column('name', { kind: 'text', length: 9 }),
      ],
      primaryKey: ['id'],
      unique: [{ name: 'once', columns: ['name'] }],
    };
    const row = (id: number, name: string): Write[] => [(to) => to.integer(id, 32), (to) => to.text(name)];
    await assert.rejects(send(shape, [row(1, 'a'), row(1, 'b')]), { code: 'index.broken' });
    await assert.rejects(send(shape, [row(1, 'a'), row(2, 'a')]), { code: 'index.broken' });
    const { got } = await send(shape, [row(1, 'a'), row(2, 'A'), row(3, 'a ')]);
    assert.match(got, /^3 rows/, 'case and spaces at the end tell texts apart, as they do elsewhere');
  });

  it('replaces a table that others refer to: their foreign keys and its own indexes stay', async () => {
    await subject.admin.query(`CREATE TABLE parent (id INT PRIMARY KEY, name VARCHAR(9), KEY by_name (name));
      CREATE TABLE child (id INT PRIMARY KEY, parent INT, CONSTRAINT of_parent FOREIGN KEY (parent) REFERENCES parent (id));
      INSERT INTO parent VALUES (1, 'x'); INSERT INTO child VALUES (1, 1)`);
    const shape: TableShape = {
      name: 'parent',
      columns: [
        column('id', { kind: 'integer', bits: 32 }, { nullable: false }),
        column('name', { kind: 'text', length: 9 }),
      ],
      primaryKey: ['id'],
      unique: [],
    };
    await send(shape, [[(to) => to.integer(1, 32), (to) => to.text('new')]]);
    await store.sink.sweep('r1', never);
    const [keys] = await subject.admin.query(
      `SELECT REFERENCED_TABLE_NAME AS name FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = 'test'`,
    );
    assert.deepEqual(keys, [{ name: 'parent' }]);
    await assert.rejects(subject.admin.query('INSERT INTO child VALUES (2, 2)'));
    const [indexes] = await subject.admin.query(`SHOW INDEX FROM parent WHERE Key_name = 'by_name'`);
    assert.equal((indexes as unknown[]).length, 1);
    await send(shape, [[(to) => to.integer(5, 32), (to) => to.text('other')]]);
    await assert.rejects(store.sink.sweep('r1', never), { code: 'reference.broken' });
  });

  it('says before a run that a server does not take LOAD DATA LOCAL', async () => {
    await subject.admin.query('SET GLOBAL local_infile = OFF');
    await using fresh = await subject.open();
    const findings = await fresh.probe('target', never);
    await subject.admin.query('SET GLOBAL local_infile = ON');
    assert.ok(findings.some(({ level, message }) => level === 'error' && /local_infile/.test(message)));
  });
});
