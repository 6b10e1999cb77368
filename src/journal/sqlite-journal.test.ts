import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, readdirSync, rmSync, statSync, writeFileSync, writeSync, closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, test } from 'node:test';
import type { Step } from '../model/step.ts';
import { journalContract } from '../testing/journal-contract.ts';
import type { RunHeader } from './journal.ts';
import { openSqliteJournal } from './sqlite-journal.ts';

const here = import.meta.resolve('./sqlite-journal.ts');
journalContract('sqlite', openSqliteJournal, { url: here, name: 'openSqliteJournal' });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waybill-sqlite-journal-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const none = { items: 0, bytes: 0, rows: 0 };
const header = (id: string): RunHeader => ({
  id,
  createdAt: 1,
  job: { name: 'test', shipments: [], workers: 1, maxQuarantine: 0 },
  findings: [],
  totals: { copy: none, keep: none, remove: none },
});
const resumed = (at: number) => ({ type: 'run.resumed', at }) as const;

test('the state folder and all its files are for their owner only', async () => {
  const state = join(folder, 'a', 'state');
  await using journal = await openSqliteJournal(state);
  await journal.create(header('r1'), []);
  using _claim = await journal.claim('r1');
  assert.equal(statSync(state).mode & 0o777, 0o700);
  for (const entry of readdirSync(state, { recursive: true, withFileTypes: true })) {
    const { mode } = statSync(join(entry.parentPath, entry.name));
    assert.equal(mode & 0o077, 0, entry.name);
  }
});

test('a plan of 50 000 files in batches and one of 100 000 tables are stored in seconds', async (t) => {
  await using journal = await openSqliteJournal(folder);
  const file = (n: number) => ({
    key: `photos/2024/album-${n >> 8}/image-${n}.jpg`,
    kind: 'file' as const,
    stage: 'data' as const,
    bytes: 4096,
    fingerprint: `f:4096:17500000000000${n}`,
    entry: {
      mode: 33188,
      uid: 1000,
      gid: 1000,
      mtime: `1750000000000000${n}`,
      inode: String(n),
      ctime: `175000000${n}`,
    },
  });
  const batches = Array.from({ length: 25 }, (_, seq): Step => {
    const members = Array.from({ length: 2048 }, (_, i) => file(seq * 2048 + i));
    const item = { key: `batch:${seq}`, kind: 'batch', stage: 'data', bytes: 2048 * 4096, members } as const;
    return { seq, shipment: 0, action: 'copy', item, as: item, into: 'empty' };
  });
  const columns = ['id', 'name', 'price', 'created', 'note'].map((name) => ({
    name,
    type: { kind: 'text' as const },
    declared: 'TEXT',
    nullable: true,
  }));
  const tables = (function* () {
    for (let seq = 0; seq < 100_000; seq += 1000) {
      yield Array.from({ length: 1000 }, (_, i): Step => {
        const key = `table_${seq + i}`;
        const shape = { name: key, columns, primaryKey: ['id'], unique: [] };
        const item = { key, kind: 'table', stage: 'data', bytes: 0, rows: 1, shape } as const;
        return { seq: seq + i, shipment: 0, action: 'copy', item, as: item, into: 'empty' };
      });
    }
  })();
  const times = [performance.now()];
  await journal.create(header('r1'), [batches]);
  times.push(performance.now());
  await journal.create(header('r2'), tables);
  times.push(performance.now());
  let count = 0;
  for await (const page of journal.steps('r2')) count += page.length;
  times.push(performance.now());
  assert.equal(count, 100_000);
  assert.equal((await Array.fromAsync(journal.steps('r1'))).flat().length, 25);
  const [files = 0, many = 0, read = 0] = times.slice(1).map((time, i) => (time - (times[i] ?? 0)) / 1000);
  const size = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  t.diagnostic(
    `files ${files.toFixed(2)} s, tables ${many.toFixed(2)} s, tables read ${read.toFixed(2)} s, journal ${size >> 20} MiB`,
  );
  assert.ok(files < 5 && many < 10);
});

test('a plan whose writer died is removed by the next one', async () => {
  {
    await using journal = await openSqliteJournal(folder);
    await journal.create(header('r0'), []);
  }
  const database = new DatabaseSync(join(folder, 'journal.db'));
  database.exec(`INSERT INTO runs (id, created_at, ready, header) VALUES ('r1', 1, 0, '{}');
    INSERT INTO steps (run, first, count, page) VALUES (2, 0, 1, x'00')`);
  await using journal = await openSqliteJournal(folder);
  await assert.rejects(journal.header('r1'), { code: 'run.unknown' });
  await journal.create(header('r2'), []);
  assert.deepEqual(
    database
      .prepare('SELECT id FROM runs ORDER BY no')
      .all()
      .map((row) => row['id']),
    ['r0', 'r2'],
  );
  assert.equal(database.prepare('SELECT count(*) AS n FROM steps').get()?.['n'], 0);
  database.close();
});

test('a full disk gives journal.broken with the path, and nothing more is taken for that run until it is claimed anew', async () => {
  // The limit on a file's size stands in for a full disk: the child cannot write past it.
  const program = `
    const { openSqliteJournal } = await import(${JSON.stringify(here)});
    const journal = await openSqliteJournal(${JSON.stringify(folder)});
    const event = (at) => ({ type: 'run.resumed', at });
    const big = { type: 'run.paused', at: 0, reason: 'x'.repeat(1 << 20) };
    const told = async (promise) => promise.then(() => 'ok', (error) => error.code + ' ' + error.message);
    console.log(await told(journal.record('r1', event(1))));
    console.log(await told(journal.record('r1', big)));
    console.log(await told(journal.record('r1', event(2))));
    await journal.claim('r1').catch(() => {});
    console.log(await told(journal.record('r1', event(3))));
  `;
  {
    await using journal = await openSqliteJournal(folder);
    await journal.create(header('r1'), []);
  }
  const limited = ['-c', 'ulimit -f 1000; exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', program];
  const { stdout, stderr } = spawnSync('sh', limited, { encoding: 'utf8' });
  const lines = stdout.trim().split('\n');
  assert.equal(lines[0], 'ok', stderr);
  assert.match(lines[1] ?? '', /^journal\.broken .*journal\.db/);
  assert.equal(lines[2], lines[1]);
  assert.equal(lines[3], 'ok');
  await using journal = await openSqliteJournal(folder);
  const events = (await Array.fromAsync(journal.replay('r1'))).flat().map((line) => line.event);
  assert.deepEqual(events, [resumed(1), resumed(3)]);
});

test('a state folder that cannot be made gives journal.broken with the path', async () => {
  writeFileSync(join(folder, 'file'), '');
  await assert.rejects(openSqliteJournal(join(folder, 'file', 'state')), {
    code: 'journal.broken',
    message: /file\/state\/journal\.db/,
  });
});

test('a file that is no journal, and one of a later format, give journal.broken', async () => {
  const path = join(folder, 'journal.db');
  writeFileSync(path, 'no database at all, '.repeat(100));
  await assert.rejects(openSqliteJournal(folder), { code: 'journal.broken', message: /damaged or not a journal/ });
  rmSync(path);
  const other = new DatabaseSync(path);
  other.exec('CREATE TABLE t (a)');
  await assert.rejects(openSqliteJournal(folder), { code: 'journal.broken', message: /not a journal of Waybill/ });
  other.exec('DROP TABLE t');
  await (await openSqliteJournal(folder))[Symbol.asyncDispose]();
  other.exec('PRAGMA user_version = 99');
  other.close();
  await assert.rejects(openSqliteJournal(folder), { code: 'journal.broken', message: /format 99/ });
});

test('a journal with damaged pages gives journal.broken when they are read', async () => {
  {
    await using journal = await openSqliteJournal(folder);
    await journal.create(header('r1'), []);
    await Promise.all(Array.from({ length: 5000 }, (_, n) => journal.record('r1', resumed(n))));
  }
  const file = openSync(join(folder, 'journal.db'), 'r+');
  writeSync(file, Buffer.alloc(200_000, 0x5a), 0, 200_000, 20_000);
  closeSync(file);
  await using journal = await openSqliteJournal(folder);
  await assert.rejects(Array.fromAsync(journal.replay('r1')), {
    code: 'journal.broken',
    message: /journal\.db is damaged/,
  });
});
