import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import type { Journal } from '../journal/journal.ts';
import { openSqliteJournal } from '../journal/sqlite-journal.ts';
import type { CutoverStep, RunEvent } from '../model/event.ts';
import type { Step } from '../model/step.ts';
import {
  batch,
  carry,
  copy,
  fileDigest,
  finished,
  goodRun,
  header,
  item,
  journalOf,
  phase,
  receipt,
  secret,
  start,
  started,
} from '../testing/bill-fixture.ts';
import { verdictOf } from './verdict.ts';
import { verifyBill } from './verify-bill.ts';
import { writeBill } from './write-bill.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waybill-bill-'));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (journal: Journal, run = 'r1') => writeBill({ journal, run, stateFolder: folder, version: '0.1.0' });

test('a bill says what was asked, planned and carried, per kind and per table', async () => {
  const { bill } = await write(await goodRun());
  assert.equal(bill.outcome, 'done');
  assert.equal(bill.exit, 0);
  const [shop, photos] = bill.shipments;
  assert.ok(shop && photos);
  assert.deepEqual(shop.carried, { items: 12, bytes: shop.carried.bytes, rows: 15_607 });
  assert.equal(shop.carried.rows, shop.planned.rows);
  assert.deepEqual(Object.keys(shop.kinds), ['table', 'index']);
  assert.equal(shop.position, 'data_version:7');
  assert.equal(shop.backups[0]?.digest, fileDigest(77));
  assert.equal(photos.kinds.file?.items, 514);
  assert.equal(photos.kinds.directory?.items, 1);
  assert.equal(photos.kinds.file?.bytes, 513 * 4096 + 5_000_000);
  const album = shop.tables.first[0];
  assert.deepEqual(album, {
    key: 'Album',
    as: 'album',
    bytes: 347 * 61,
    rows: 347,
    digest: 'rows:4000000000000005',
    equal: true,
  });
  const { sentence, good } = verdictOf(bill);
  assert.ok(good);
  assert.match(
    sentence,
    /^Everything arrived: 15,607 rows in 11 tables, 514 files of .*; verified by digests and by reading every byte back, no difference\.$/,
  );
});

test('the manifest has a line per carried item with its digest, and the chunks of a file that has several', async () => {
  const { manifest, bill } = await write(await goodRun());
  const lines = zstdDecompressSync(await readFile(manifest))
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(lines.length, bill.manifest.lines);
  assert.equal(lines.filter((line) => line.type === 'item').length, 12 + 515);
  const image = {
    type: 'item',
    shipment: 1,
    kind: 'file',
    key: 'album/image-5.jpg',
    equal: true,
    bytes: 4096,
    digest: fileDigest(5),
  };
  assert.deepEqual(
    lines.find((line) => line.key === 'album/image-5.jpg'),
    image,
  );
  const film = lines.findIndex((line) => line.key === 'film.mp4');
  assert.equal(lines[film].bytes, 5_000_000);
  assert.equal(lines[film].digest, undefined);
  assert.deepEqual(
    lines.slice(film + 1, film + 4).map((line) => line.digest),
    [1000, 1001, 1002].map(fileDigest),
  );
});

test('what was not carried and what differs is named, with its reason', async () => {
  const members = ['a', 'b', 'c', 'd'].map((key) => item('file', key, { bytes: 1 }));
  const steps: Step[] = [
    copy(0, 0, item('table', 'Invoice', { rows: 3 })),
    copy(1, 0, item('foreign-key', 'FK_1', { stage: 'after' })),
    copy(2, 1, item('batch', 'batch:2', { members })),
    copy(3, 1, item('file', 'never.bin', { bytes: 9 })),
    { ...copy(4, 1, item('file', 'old.txt')), action: 'remove' },
    { ...copy(5, 1, item('file', 'older.txt')), action: 'remove' },
  ];
  const row = { item: 'Invoice', key: '["7"]', column: 'Total', code: 'value.unfit', reason: 'out of range' };
  const file = { item: 'c', key: '', code: 'item.unreadable', reason: 'permission denied' };
  const error = { code: 'reference.broken', message: 'Invoice 8 refers to no customer.' };
  const journal = await journalOf(header('r1'), steps, [
    started,
    ...carry(0, receipt('all', 100, 2, 'rows:0000000000000002', { rejects: [row] })),
    { type: 'item.failed', step: 1, error },
    ...carry(
      2,
      receipt('batch', 2, 0, 'none', {
        members: ['a', 'b'].map((key, i) => ({ key, bytes: 1, digest: fileDigest(i) })),
        rejects: [file],
      }),
    ),
    { type: 'item.removed', items: 1, step: 4 },
    { type: 'difference.found', shipment: 0, difference: { item: 'Invoice', key: '["9"]', kind: 'changed' } },
    { type: 'difference.found', shipment: 0, difference: { item: 'Invoice', key: '["9"]', kind: 'changed' } },
    finished('differs'),
  ]);
  const { bill, json } = await write(journal);
  const [shop, photos] = bill.shipments;
  assert.ok(shop && photos);
  assert.equal(bill.exit, 3);
  assert.deepEqual(shop.rejects, { count: 1, first: [row] });
  assert.deepEqual(shop.failures, { count: 1, first: [{ action: 'copy', kind: 'foreign-key', key: 'FK_1', error }] });
  assert.equal(shop.differences.count, 1, 'a difference found twice is one');
  assert.equal(photos.carried.items, 2);
  assert.deepEqual(photos.rejects.first, [file]);
  assert.deepEqual(
    photos.unreached.first.map(({ action, key }) => `${action} ${key}`),
    ['copy d', 'copy never.bin', 'remove older.txt'],
  );
  assert.equal(photos.removed.items, 1);
  assert.match(
    verdictOf(bill).sentence,
    /^Not everything arrived: 2 rows or entries and 4 items could not be carried and 1 difference found\./,
  );
  await verifyBill(json);
});

test('an item that was restarted counts once, a chunk sent twice counts once, a failure that was mended not at all', async () => {
  const steps = [
    copy(0, 0, item('table', 'A', { rows: 2 })),
    copy(1, 0, item('table', 'B')),
    copy(2, 0, item('table', 'C')),
  ];
  const one = 'rows:0000000000000001';
  const error = { code: 'store.busy', message: 'locked' };
  const journal = await journalOf(header('r1'), steps, [
    started,
    { type: 'item.opened', step: 0, ticket: 't' },
    { type: 'chunk.written', step: 0, receipt: receipt('1', 10, 1, 'rows:00000000000000ff') },
    { type: 'item.restarted', step: 0, reason: 'draft lost' },
    ...carry(0, receipt('1', 10, 1, one), receipt('2', 10, 1, one), receipt('2', 10, 1, one)),
    { type: 'item.failed', step: 1, error },
    { type: 'item.opened', step: 1, ticket: 'u', base: { rows: 5, digest: one } },
    ...carry(1, receipt('1', 10, 1, one)),
    { type: 'item.opened', step: 2, ticket: 'v' },
    { type: 'chunk.written', step: 2, receipt: receipt('1', 10, 1, one) },
    finished('failed'),
  ]);
  const [shop] = (await write(journal)).bill.shipments;
  assert.deepEqual(shop?.carried, { items: 2, bytes: 30, rows: 3 });
  assert.equal(shop.tables.first[0]?.digest, 'rows:0000000000000002');
  assert.deepEqual(shop.tables.first[1]?.base, { rows: 5, digest: one });
  assert.equal(shop.failures.count, 0);
  assert.deepEqual(shop.unreached.first, [{ action: 'copy', kind: 'table', key: 'C' }], 'written but never published');
});

test('time measured stands beside time predicted, without pauses and without the gap after a crash', async () => {
  const at = (seconds: number) => start + seconds * 1000;
  const events: RunEvent[] = [
    started,
    phase(0, 'copying', 1),
    { type: 'run.paused', at: at(3), reason: 'SIGINT' },
    { type: 'run.resumed', at: at(100) },
    phase(0, 'verifying', 104),
    { type: 'run.resumed', at: at(200) }, // killed after 104
    phase(0, 'verifying', 201),
    phase(0, 'done', 203),
    finished('done', 204),
  ];
  const { timings } = (await write(await journalOf(header('r1'), [], events))).bill;
  assert.equal(timings.seconds, 3 + 4 + 4);
  assert.equal(timings.predictedSeconds, 4.5);
  assert.equal(timings.resumes, 2);
  assert.deepEqual(timings.phases, [
    { shipment: 0, phase: 'copying', seconds: 2 + 4 },
    { shipment: 0, phase: 'verifying', seconds: 3 },
  ]);
  assert.equal(timings.startedAt, '2026-05-17T09:30:00.000Z');
});

test('a run that has not finished has no bill', async () => {
  const journal = await journalOf(header('r1'), [], [started, finished('failed'), { type: 'run.resumed', at: start }]);
  await assert.rejects(write(journal), { code: 'internal', message: /r1 has not finished/ });
  assert.deepEqual(await readdir(join(folder, 'bills')), []);
});

test('the same journal gives the same bytes', async () => {
  const journal = await goodRun();
  const first = await write(journal);
  const before = await Promise.all([first.json, first.html, first.manifest].map((path) => readFile(path)));
  const second = await write(journal);
  const after = await Promise.all([second.json, second.html, second.manifest].map((path) => readFile(path)));
  assert.deepEqual(after, before);
  assert.deepEqual((await readdir(join(folder, 'bills'))).sort(), ['r1.html', 'r1.json', 'r1.manifest.jsonl.zst']);
});

test('no secret of the job is in any file, and all files but the public key are for their owner only', async () => {
  const { json, html, manifest } = await write(await goodRun());
  for (const path of [json, html, manifest]) {
    const bytes = await readFile(path);
    const text = path === manifest ? zstdDecompressSync(bytes).toString() : bytes.toString();
    assert.ok(!text.includes(secret), path);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
  }
  assert.equal((await stat(join(folder, 'signing-key.pem'))).mode & 0o777, 0o600);
  assert.ok((await readFile(json, 'utf8')).includes('${env:PGPASSWORD}'), 'references are shown');
});

test('the page escapes what it shows and asks for nothing from outside', async () => {
  const evil = `<script>alert("x")</script>&'`;
  const steps = [copy(0, 1, item('file', evil, { bytes: 3 }))];
  const error = { code: 'item.unreadable', message: evil };
  const head = header('r1');
  const job = { ...head.job, name: evil };
  const journal = await journalOf({ ...head, job }, steps, [
    started,
    { type: 'item.failed', step: 0, error },
    finished('differs'),
  ]);
  const page = await readFile((await write(journal)).html, 'utf8');
  assert.ok(page.includes('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;'));
  assert.doesNotMatch(page, /<script|<link|<img|src=|url\(|https?:/);
});

test('50 000 files make a bill in seconds', async (t) => {
  const count = 50_000;
  const size = 2048;
  await using journal = await openSqliteJournal(folder);
  const steps: Step[] = [];
  const events: RunEvent[] = [started];
  for (let first = 0; first < count; first += size) {
    const made = batch(steps.length, first, Math.min(size, count - first));
    steps.push(made.step);
    events.push(...carry(made.step.seq, made.receipt));
  }
  await journalOf(header('r1'), steps, [...events, finished('done')], journal);
  const begin = performance.now();
  const { bill, json } = await write(journal);
  const written = performance.now();
  await verifyBill(json);
  const seconds = [written - begin, performance.now() - written].map((ms) => (ms / 1000).toFixed(2));
  t.diagnostic(`written in ${seconds[0]} s, verified in ${seconds[1]} s, manifest ${bill.manifest.bytes >> 10} KiB`);
  assert.equal(bill.shipments[1]?.kinds.file?.items, count);
  assert.ok(written - begin < 10_000);
  assert.ok((await stat(json)).size < 20_000);
});

test('an unwritable state folder is named in the error', async () => {
  await writeFile(join(folder, 'bills'), '');
  await assert.rejects(write(await goodRun()), { code: 'journal.broken', message: /bills/ });
});

test('changes that followed and every attempt to cut over stand in the bill, with how long writers waited', async () => {
  const step = (name: CutoverStep, ms: number, more: object = {}): RunEvent => ({
    type: 'cutover.step',
    shipment: 0,
    step: name,
    at: start + ms,
    ...more,
  });
  const changes = { type: 'changes.applied', shipment: 0, at: start, transactions: 3, changes: 10, bytes: 99 } as const;
  const events: RunEvent[] = [
    started,
    { ...changes, position: '0/10' },
    step('asked', 1000),
    step('frozen', 1100, { position: '0/20' }),
    step('thawed', 1400, { detail: 'cutover.over-budget' }),
    { ...changes, position: '0/30' },
    step('asked', 2000),
    step('switched', 2250),
    finished('done'),
  ];
  const { bill, html } = await write(await journalOf(header('r1'), [], events));
  const { followed } = bill.shipments[0] ?? {};
  assert.deepEqual([followed?.position, followed?.transactions, followed?.changes], ['0/30', 6, 20]);
  assert.deepEqual(
    followed?.crossings.map(({ to, outcome, pauseMs }) => [to, outcome, pauseMs]),
    [
      ['target', 'undone', 400],
      ['target', 'switched', 250],
    ],
  );
  assert.match(await readFile(html, 'utf8'), /switched; writers waited 0\.25 s/);
});
