import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TableShape } from '../../model/shape.ts';
import { RowWriter } from '../../store/rows/row-writer.ts';
import type { Into } from '../../model/job.ts';
import { carry, contentOf, listed, memoryStore } from '../../testing/testing.ts';
import { parquetDriver } from './driver.ts';
import { columnOf } from './read-types.ts';
import { folderOf, openFiles, readAll } from './tabular-fixture.ts';

const shape: TableShape = {
  name: 'sales',
  columns: [
    columnOf('id', { kind: 'integer', bits: 64 }),
    columnOf('year', { kind: 'integer', bits: 32 }),
    columnOf('place', { kind: 'text' }),
    columnOf('sum', { kind: 'decimal', precision: 12, scale: 2 }),
  ],
  primaryKey: ['id'],
  unique: [],
};
const places = ['DE', 'São Paulo', 'a/b=c%', null];

function sales(count: number) {
  const rows = Array.from({ length: count }, (_, i) => {
    const writer = new RowWriter(256);
    writer.beginRow(4);
    writer.integer(i, 64);
    writer.integer(2020 + (i % 3), 32);
    const place = places[i % places.length];
    if (place == null) writer.null();
    else writer.text(place);
    writer.decimal(`${i}.50`, { precision: 12, scale: 2 });
    return Uint8Array.from(writer.take());
  });
  const bytes = rows.reduce((sum, row) => sum + row.length, 0);
  return { item: { key: 'sales', kind: 'table', stage: 'data', bytes, rows: count, shape }, rows } as const;
}

async function put(path: string, count: number, into: Into, run: string): Promise<string> {
  const memory = await memoryStore([sales(count)]);
  const [item] = await listed(memory.source);
  await using store = await openFiles(parquetDriver, path, { partition: 'year, place' });
  assert.ok(item && store.sink);
  await carry({ source: memory.source, sink: store.sink, item, into, run });
  await store.sink.sweep(run, new AbortController().signal);
  return contentOf(memory.source, item);
}

describe('a partitioned table', () => {
  it('is a folder of folders by the names that Hive gave them, and reads back equal', async () => {
    using folder = folderOf({});
    const content = await put(folder.path, 5000, 'empty', 'r1');
    assert.deepEqual(readdirSync(folder.path), ['sales']);
    const years = readdirSync(join(folder.path, 'sales')).sort();
    assert.deepEqual(years, ['year=2020', 'year=2021', 'year=2022']);
    const names = readdirSync(join(folder.path, 'sales/year=2020')).sort();
    assert.deepEqual(names, [
      'place=DE',
      'place=S%C3%A3o%20Paulo',
      'place=__HIVE_DEFAULT_PARTITION__',
      'place=a%2Fb%3Dc%25',
    ]);
    await using store = await openFiles(parquetDriver, folder.path);
    const [found] = await listed(store.source);
    assert.deepEqual(found?.shape, shape);
    assert.equal(await contentOf(store.source, found), content);
  });

  it('is replaced at once and added to', async () => {
    using folder = folderOf({});
    await put(folder.path, 100, 'empty', 'r1');
    await put(folder.path, 60, 'replace', 'r2');
    await put(folder.path, 60, 'append', 'r3');
    const { tables } = await readAll(parquetDriver, folder.path);
    assert.equal(tables[0]?.rows.length, 120);
    await put(folder.path, 80, 'merge', 'r4');
    const merged = await readAll(parquetDriver, folder.path);
    assert.equal(merged.tables[0]?.rows.length, 80);
    assert.deepEqual(readdirSync(folder.path), ['sales']);
  });

  it('is refused by columns whose values make no names', async () => {
    using folder = folderOf({});
    await using store = await openFiles(parquetDriver, folder.path, { partition: 'sum' });
    assert.throws(() => store.sink?.adapt(sales(1).item), { code: 'store.unsupported' });
  });

  it('without rows is one file, so that it is there', async () => {
    using folder = folderOf({});
    await put(folder.path, 0, 'empty', 'r1');
    assert.deepEqual(readdirSync(folder.path), ['sales.parquet']);
  });
});
