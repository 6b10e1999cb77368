import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { listItems, never, openSqlite, runSql, temporaryFolder } from '../../testing/sqlite-database.ts';

test('a missing source is named with the nearest name in its folder', async () => {
  await using folder = await temporaryFolder();
  runSql(join(folder.path, 'shop.sqlite'), 'CREATE TABLE t (a)');
  await using store = await openSqlite(join(folder.path, 'shop.sqlit'));
  await assert.rejects(store.probe('source', never), {
    code: 'source.missing',
    hint: /Did you mean .*shop\.sqlite \?/,
  });
  await using other = await openSqlite(join(folder.path, 'entirely-different'));
  await assert.rejects(other.probe('source', never), { hint: /In that folder: shop\.sqlite/ });
  await using nowhere = await openSqlite(join(folder.path, 'no', 'folder.db'));
  await assert.rejects(nowhere.probe('source', never), { hint: /does not exist either/ });
});

test('a file that is no database is refused when it is opened', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'text.db');
  await writeFile(path, 'This is a text that is long enough not to be taken for an empty database.'.repeat(20));
  await assert.rejects(openSqlite(path), { code: 'source.missing', message: /is not a SQLite database/ });
  await assert.rejects(openSqlite(folder.path), { code: 'source.missing', message: /is a folder/ });
});

test('an address without a file is refused', async () => {
  await assert.rejects(openSqlite(''), { code: 'address.invalid' });
});

test('a target in a folder that does not exist or may not be written is found by the probe', async (t) => {
  await using folder = await temporaryFolder();
  await using store = await openSqlite(join(folder.path, 'no', 'new.db'));
  assert.equal((await store.probe('target', never))[0]?.code, 'store.denied');
  if (process.getuid?.() === 0) {
    t.diagnostic('root may write everywhere: the part about rights was left out');
    return;
  }
  await chmod(folder.path, 0o500);
  await using refused = await openSqlite(join(folder.path, 'new.db'));
  assert.equal((await refused.probe('target', never))[0]?.code, 'store.denied');
  await chmod(folder.path, 0o700);
});

test('an empty file is a database without tables', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'empty.db'), '');
  await using store = await openSqlite(join(folder.path, 'empty.db'));
  assert.deepEqual(await listItems(store.source), []);
});
