import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Finding } from '../model/finding.ts';
import type { Item } from '../model/item.ts';
import type { Shipment } from '../model/job.ts';
import type { Source } from '../store/store.ts';
import { Narrowing } from './narrow-tables.ts';

const column = (name: string, nullable: boolean) => ({
  name,
  type: { kind: 'text' } as const,
  declared: 'text',
  nullable,
});
const orders: Item = {
  key: 'public.orders',
  kind: 'table',
  stage: 'data',
  bytes: 0,
  shape: {
    name: 'public.orders',
    columns: [column('id', false), column('note', true), column('must', false), column('code', true)],
    primaryKey: ['id'],
    unique: [{ name: 'code', columns: ['code'] }],
  },
};

function narrowed(shipment: Pick<Shipment, 'where' | 'omit'>, source: Partial<Source> = { selects: true }) {
  const findings: Finding[] = [];
  const narrowing = new Narrowing(shipment, source as Source, (finding) => findings.push(finding));
  const item = narrowing.narrow(orders);
  narrowing.end();
  return { item, findings: findings.map(({ message, hint }) => `${message} ${hint}`) };
}

describe('narrowing a table', () => {
  it('leaves a table alone that nothing is said of', () => {
    assert.equal(narrowed({}).item.where, undefined);
    assert.deepEqual(narrowed({}).item.shape, orders.shape);
  });

  it('chooses rows by the condition of the first pattern that matches', () => {
    const { item, findings } = narrowed({ where: { 'public.*': 'id > 1', '*.orders': 'note IS NULL OR id = 0' } });
    assert.equal(item.where, 'id > 1');
    assert.deepEqual(findings, []);
  });

  it('leaves out columns', () => {
    const { item, findings } = narrowed({ omit: { 'public.orders': ['note'] } });
    assert.deepEqual(
      item.shape?.columns.map(({ name }) => name),
      ['id', 'must', 'code'],
    );
    assert.deepEqual(findings, []);
  });

  it('refuses to leave out keys and what must be filled, and asks what was meant', () => {
    const { findings } = narrowed({
      where: { 'public.order': 'true' },
      omit: { 'public.orders': ['id', 'must', 'code', 'notte'], 'x y': ['z'] },
    });
    assert.deepEqual(findings, [
      'Column id of table public.orders cannot be left out: it is part of a key. Carry it.',
      'Column must of table public.orders cannot be left out: it must not be empty and has no default. Carry it.',
      'Column code of table public.orders cannot be left out: it is part of a key. Carry it.',
      'Column notte of table public.orders cannot be left out: there is no such column. Did you mean note?',
      'No table matches `public.order` of `where`. Did you mean public.orders?',
      'No table matches `x y` of `omit`. See the keys of tables with `waybill plan`.',
    ]);
  });

  it('says so where the source cannot choose rows', () => {
    const { findings } = narrowed({ where: { '*': 'true' } }, {});
    assert.match(findings.join(), /cannot choose rows/);
  });
});
