import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Item } from '../../model/item.ts';
import type { ColumnShape, TableShape } from '../../model/shape.ts';
import { adapt } from './adapt.ts';
import { postgresOptions } from './options.ts';

const options = postgresOptions.parse({});
const column = (name: string, rest: Partial<ColumnShape> = {}): ColumnShape => ({
  name,
  type: { kind: 'integer', bits: 32 },
  declared: 'INTEGER',
  nullable: true,
  ...rest,
});
const table = (columns: readonly ColumnShape[], rest: Partial<TableShape> = {}): Item => ({
  key: 'T',
  kind: 'table',
  stage: 'data',
  bytes: 0,
  shape: { name: 'T', columns, primaryKey: [], unique: [], ...rest },
});
const text = { kind: 'text' } as const;

describe('items for PostgreSQL', () => {
  it('get lower-case names unless told to keep them', () => {
    const item = table([column('TrackId'), column('Name')], { primaryKey: ['TrackId'] });
    const { shape, key } = adapt(item, options).item;
    assert.deepEqual(
      [key, shape?.primaryKey, shape?.columns.map(({ name }) => name)],
      ['t', ['trackid'], ['trackid', 'name']],
    );
    assert.equal(adapt(item, { ...options, names: 'keep' }).item.shape?.columns[0]?.name, 'TrackId');
  });

  it('are refused when two columns would get one name', () => {
    assert.throws(() => adapt(table([column('id'), column('ID')]), options), { code: 'plan.name-clash' });
  });

  it('get shorter names that stay apart, and say so', () => {
    const long = 'é'.repeat(40);
    const { item, findings } = adapt(table([column(`${long}a`), column(`${long}b`)]), options);
    const names = item.shape?.columns.map(({ name }) => name) ?? [];
    assert.equal(new Set(names).size, 2);
    for (const name of names) assert.ok(Buffer.byteLength(name) <= 63, name);
    assert.equal(findings.length, 2);
  });

  it('name indexes after their table, because PostgreSQL wants them unique in a schema', () => {
    const index = { name: 'byName', columns: [{ name: 'Name', descending: false }], unique: false };
    const item: Item = { key: 'T.index.byName', kind: 'index', stage: 'after', bytes: 0, index: { table: 'T', index } };
    assert.equal(adapt(item, options).item.key, 't.index.t_byname');
    const kept: Item = { ...item, index: { table: 'T', index: { ...index, name: 'T_name' } } };
    assert.deepEqual(adapt(kept, options), {
      item: {
        ...kept,
        key: 't.index.t_name',
        index: { table: 't', index: { ...index, name: 't_name', columns: [{ name: 'name', descending: false }] } },
      },
      findings: [],
    });
  });

  it('compute a generated column that means the same everywhere, and freeze any other with a warning', () => {
    const generated = (expression: string, type: ColumnShape['type'] = { kind: 'integer', bits: 64 }) => {
      const columns = [
        column('A'),
        column('b c'),
        column('s', { type: text }),
        column('g', { type, generated: { expression, stored: false } }),
      ];
      const { item, findings } = adapt(table(columns), options);
      return { sql: item.shape?.columns[3]?.generated?.expression, findings: findings.map(({ code }) => code) };
    };
    assert.deepEqual(generated('a * ("b c" + 2)'), { sql: '"a"::bigint * ( "b c"::bigint + 2 )', findings: [] });
    assert.deepEqual(generated(`s || '-' || [s]`, text), { sql: `"s" || '-' || "s"`, findings: [] });
    for (const other of ['a / 2', 'abs(a)', 's || 1', 'a; DROP TABLE x', `'unclosed`, 'g + 1', '']) {
      assert.deepEqual(generated(other), { sql: undefined, findings: ['column.frozen'] }, other);
    }
  });

  it('keep a default that is a value of the column, and report any other', () => {
    const kept = (value: ColumnShape['default'], type: ColumnShape['type']) => {
      const { item, findings } = adapt(table([column('a', { type, ...(value && { default: value }) })]), options);
      assert.equal(findings.length, item.shape?.columns[0]?.default ? 0 : 1);
      return item.shape?.columns[0]?.default !== undefined;
    };
    const literal = (of: string) => ({ kind: 'literal', text: of, quoted: true }) as const;
    assert.equal(kept(literal('5'), { kind: 'integer', bits: 32 }), true);
    assert.equal(kept(literal('five'), { kind: 'integer', bits: 32 }), false);
    assert.equal(kept(literal(`it's`), text), true);
    assert.equal(kept(literal('too long'), { kind: 'text', length: 3 }), false);
    assert.equal(kept({ kind: 'now' }, { kind: 'timestamp', zone: true }), true);
    assert.equal(kept({ kind: 'now' }, { kind: 'boolean' }), false);
  });

  it('of other kinds are refused', () => {
    assert.throws(() => adapt({ key: 'a.txt', kind: 'file', stage: 'data', bytes: 1 }, options), {
      code: 'store.unsupported',
    });
  });
});
