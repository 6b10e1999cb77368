import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { crashSuite } from '../../testing/crash.ts';
import { faultySuite } from '../../testing/faulty-suite.ts';
import { openSqlite, runSql } from '../../testing/sqlite-database.ts';
import { storeContract } from '../../testing/store-contract.ts';
import { never } from '../../testing/testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'waybill-sqlite-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function remove(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(path + suffix, { force: true });
}

const contract = join(folder, 'contract.db');
storeContract({
  name: 'sqlite',
  holds: 'tables',
  open: () => openSqlite(contract),
  async reset() {
    remove(contract);
    // With a write-ahead log a snapshot lets others write, as the suite does.
    runSql(contract, 'PRAGMA journal_mode = WAL');
  },
  async openMissing() {
    await using store = await openSqlite(join(folder, 'missing.db'));
    await store.probe('source', never);
  },
});

const crash = join(folder, 'crash.db');
crashSuite({
  name: 'sqlite',
  holds: 'tables',
  open: () => openSqlite(crash),
  reset: async () => remove(crash),
  cuts: 40,
});

const faulty = join(folder, 'faulty.db');
faultySuite({
  name: 'sqlite',
  holds: 'tables',
  open: () => openSqlite(faulty),
  reset: async () => remove(faulty),
});
