import { deepStrictEqual, ok, rejects, strictEqual, throws } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { Draft, Member } from '../../store/store.ts';
import {
  batchChunk,
  batchOf,
  bytesPayload,
  copyChunk,
  copyTree,
  chunksOf,
  draftOptions,
  fileItem,
  find,
  listAll,
  membersPayload,
  openFolder,
  pictureOf,
  signal,
  tempFolder,
  textMember,
  type OpenedFolder,
} from './fs-fixture.ts';

const hasCode = (code: string) => (error: unknown) => error instanceof MigrationError && error.code === code;

/** Every kind of entry, with attributes that are easily lost. */
function richTree(t: TestContext): string {
  const path = tempFolder(t);
  mkdirSync(join(path, 'sub/deep/empty'), { recursive: true });
  mkdirSync(join(path, '!before-the-root-key'));
  writeFileSync(join(path, 'small'), 'small');
  linkSync(join(path, 'small'), join(path, 'sub', 'other-name'));
  writeFileSync(join(path, 'setuid'), '#!');
  chmodSync(join(path, 'setuid'), 0o4755);
  writeFileSync(join(path, 'none'), '');
  writeFileSync(Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0xff, 0x0a, 0xfe])]), 'bytes');
  writeFileSync(join(path, 'x'.repeat(255)), 'long name');
  writeFileSync(join(path, 'sub', 'big'), Buffer.alloc(9_000_001, 5));
  symlinkSync('no/where', join(path, 'sub', 'link'));
  lutimesSync(join(path, 'sub', 'link'), 0, 1234);
  execFileSync('mkfifo', [join(path, 'sub', 'pipe')]);
  const file = openSync(join(path, 'holes'), 'w');
  ftruncateSync(file, 50 * 2 ** 20);
  writeSync(file, 'data', 30 * 2 ** 20);
  closeSync(file);
  execFileSync('touch', ['-d', '1955-11-05 06:00:00.123456789', join(path, 'small')]);
  chmodSync(join(path, 'sub/deep'), 0o500);
  for (const directory of ['sub/deep/empty', 'sub/deep', 'sub', '!before-the-root-key', '.']) {
    utimesSync(join(path, directory), 1000, 1001);
  }
  return path;
}

async function pair(t: TestContext): Promise<{ from: OpenedFolder; to: OpenedFolder; target: string }> {
  const target = join(tempFolder(t), 'target');
  return { from: await openFolder(t, tempFolder(t)), to: await openFolder(t, target), target };
}

const writeBatch = async (draft: Draft, ...members: readonly Member[]): Promise<unknown> =>
  draft.write(batchChunk, membersPayload(...members), signal);

test('a tree arrives equal: bytes, names, links, modes, times, holes', async (t) => {
  const from = await openFolder(t, richTree(t));
  const target = join(tempFolder(t), 'not', 'yet', 'there');
  const to = await openFolder(t, target);
  await copyTree(from, to);
  deepStrictEqual(await pictureOf(to.source), await pictureOf(from.source));
  ok(statSync(join(target, 'holes')).blocks * 512 < 2 ** 20, 'holes are kept');
  strictEqual(statSync(join(target, 'small')).ino, statSync(join(target, 'sub/other-name')).ino);
  ok(!readdirSync(target).some((name) => name.startsWith('.waybill-')));
});

for (const into of ['replace', 'merge', 'append'] as const) {
  test(`the same tree copied again with --into ${into} stays equal`, async (t) => {
    const from = await openFolder(t, richTree(t));
    const to = await openFolder(t, join(tempFolder(t), 'target'));
    await copyTree(from, to);
    if (into === 'append') rmSync(join(to.store.address.path, 'holes'));
    if (into === 'append') rmSync(join(to.store.address.path, 'sub/big'));
    await copyTree(from, to, into);
    deepStrictEqual(await pictureOf(to.source), await pictureOf(from.source));
  });
}

test('user and group are carried as root', { skip: process.getuid?.() !== 0 && 'needs root' }, async (t) => {
  const { from, to, target } = await pair(t);
  writeFileSync(join(from.store.address.path, 'a'), 'x');
  symlinkSync('a', join(from.store.address.path, 'l'));
  execFileSync('chown', ['-h', '4321:8765', join(from.store.address.path, 'a'), join(from.store.address.path, 'l')]);
  chmodSync(join(from.store.address.path, 'a'), 0o6755);
  await copyTree(from, to);
  for (const name of ['a', 'l']) {
    const { uid, gid } = lstatSync(join(target, name));
    deepStrictEqual([uid, gid], [4321, 8765]);
  }
  strictEqual(statSync(join(target, 'a')).mode & 0o7777, 0o6755);
});

test('nothing of a big file shows under its name before it is published', async (t) => {
  const { from, to, target } = await pair(t);
  writeFileSync(join(from.store.address.path, 'a'), Buffer.alloc(5_000_000, 1));
  const item = await find(from.source, 'a');
  await using draft = await to.sink.draft(item, undefined, draftOptions(), signal);
  const receipts: Receipt[] = [];
  for (const chunk of await chunksOf(from.source, item))
    receipts.push(await copyChunk(from.source, draft, chunk, item));
  deepStrictEqual(readdirSync(target), ['.waybill-rtest-0~']);
  await draft.publish(receipts, signal);
  deepStrictEqual(readdirSync(target), ['a']);
  await draft.publish(receipts, signal);
  ok(readFileSync(join(target, 'a')).equals(Buffer.alloc(5_000_000, 1)));
});

test('several workers write one file by ticket, a chunk may come twice, and a crash after publish is noticed', async (t) => {
  const { from, to, target } = await pair(t);
  const size = 2 * 64 * 2 ** 20 + 12_345;
  const content = Buffer.alloc(size);
  for (let i = 0; i < size; i += 997) content[i] = i & 0xff;
  writeFileSync(join(from.store.address.path, 'a'), content);
  const item = await find(from.source, 'a');
  const { ticket } = await to.sink.draft(item, undefined, draftOptions(), signal);
  const chunks = await chunksOf(from.source, item);
  strictEqual(chunks.length, 3);
  const workers = await Promise.all([0, 1].map(() => openFolder(t, target)));
  const copy = async (worker: OpenedFolder, chunk: (typeof chunks)[number]): Promise<Receipt> => {
    await using draft = await worker.sink.draft(item, JSON.parse(JSON.stringify(ticket)), draftOptions(), signal);
    return await copyChunk(from.source, draft, chunk, item);
  };
  const receipts = await Promise.all(
    [...chunks, ...chunks.slice(1, 2)].map((chunk, i) => copy(workers[i % 2] ?? to, chunk)),
  );
  const publisher = await to.sink.draft(item, ticket, draftOptions(), signal);
  await rejects(publisher.publish(receipts.slice(0, 2), signal), hasCode('draft.lost'));
  strictEqual(existsSync(join(target, 'a')), false);
  await publisher.publish(receipts.slice(0, 3), signal);
  ok(readFileSync(join(target, 'a')).equals(content));

  const late = await workers[0]?.sink.draft(item, ticket, draftOptions(), signal);
  strictEqual(late?.published, true);
  const again = await chunksOf(from.source, item);
  if (late && again[0]) await copyChunk(from.source, late, again[0], item);
  await late?.publish(receipts.slice(0, 3), signal);
  ok(readFileSync(join(target, 'a')).equals(content));
});

test('a ticket that leads nowhere is draft.lost, whatever stands in its place', async (t) => {
  const { to, target } = await pair(t);
  const item = fileItem('d/a', 10);
  const open = (ticket?: string) => to.sink.draft(item, ticket, draftOptions(), signal);
  await rejects(open('rubbish'), hasCode('draft.lost'));
  await rejects(open(JSON.stringify({ draft: '../../etc/passwd', inode: '1' })), hasCode('draft.lost'));
  const { ticket } = await open();
  const temporary = join(target, 'd', '.waybill-rtest-0~');
  renameSync(temporary, join(target, 'kept'));
  await rejects(open(ticket), hasCode('draft.lost'));
  writeFileSync(temporary, '0123456789');
  await rejects(open(ticket), hasCode('draft.lost'), 'another file of the same name');
  rmSync(temporary);
  symlinkSync('../kept', temporary);
  await rejects(open(ticket), hasCode('draft.lost'), 'a link to the right file');
  writeFileSync(join(target, 'd/a'), '0123456789');
  await rejects(open(ticket), hasCode('draft.lost'), 'a foreign file under the final name');
});

test('publish refuses a file that holds less than its receipts say', async (t) => {
  const { to, target } = await pair(t);
  const item = fileItem('a', 100_000);
  const draft = await to.sink.draft(item, undefined, draftOptions(), signal);
  const receipt: Receipt = { chunk: '0-100000', bytes: 100_000, rows: 0, digest: 'b3:' };
  await rejects(draft.publish([receipt], signal), hasCode('draft.lost'), 'never written');
  await rejects(draft.publish([], signal), hasCode('draft.lost'));
  const chunk = { id: '0-100000', bytes: 100_000 };
  await draft.write(chunk, bytesPayload({ offset: 0, bytes: Buffer.alloc(100_000) }), signal);
  truncateSync(join(target, '.waybill-rtest-0~'), 50_000);
  await rejects(draft.publish([receipt], signal), hasCode('draft.lost'), 'cut short');
  strictEqual(existsSync(join(target, 'a')), false);
});

test('a chunk written again with holes has holes, whatever was there before', async (t) => {
  const { to, target } = await pair(t);
  const item: Item = fileItem('a', 100_000);
  const draft = await to.sink.draft(item, undefined, draftOptions(), signal);
  const chunk = { id: '0-100000', bytes: 100_000 };
  await draft.write(chunk, bytesPayload({ offset: 0, bytes: Buffer.alloc(100_000, 1) }), signal);
  const stored = await draft.write(chunk, bytesPayload({ offset: 50_000, bytes: Buffer.from('x') }), signal);
  deepStrictEqual(stored, { bytes: 1, rows: 0 });
  await draft.publish([{ chunk: chunk.id, ...stored, digest: '' }], signal);
  const expected = Buffer.alloc(100_000);
  expected.write('x', 50_000);
  ok(readFileSync(join(target, 'a')).equals(expected));
});

test('parts of any size and place, with gaps, make up a big file', async (t) => {
  const { to, target } = await pair(t);
  const size = 6 * 2 ** 20 + 5;
  const content = Buffer.alloc(size);
  for (let i = 0; i < size; i++) content[i] = (i * 7 + (i >> 12)) & 0xff;
  content.fill(0, 1_500_000, 3_000_001);
  const cuts = [
    [0, 1000],
    [1000, 1_500_000],
    [3_000_001, 3_000_002],
    [3_000_002, 5_000_000],
    [5_000_000, size],
  ] as const;
  const draft = await to.sink.draft(fileItem('a', size), undefined, draftOptions(), signal);
  const chunk = { id: `0-${size}`, bytes: size };
  const reused = Buffer.alloc(size);
  const parts = async function* () {
    for (const [from, end] of cuts) {
      content.copy(reused, 0, from, end);
      yield { offset: from, bytes: reused.subarray(0, end - from) };
      reused.fill(0xee);
    }
  };
  const stored = await draft.write(chunk, { format: 'bytes', parts: parts(), rejects: [] }, signal);
  strictEqual(stored.bytes, size - 1_500_001);
  await draft.publish([{ chunk: chunk.id, ...stored, digest: '' }], signal);
  ok(readFileSync(join(target, 'a')).equals(content));
  ok(statSync(join(target, 'a')).blocks * 512 < size - 1_000_000);
});

test('a draft that is discarded leaves nothing, its directories included', async (t) => {
  const { to, target } = await pair(t);
  const draft = await to.sink.draft(fileItem('new/deep/a', 10), undefined, draftOptions(), signal);
  ok(existsSync(join(target, 'new/deep')));
  await draft.discard(signal);
  await draft.discard(signal);
  deepStrictEqual(readdirSync(target), []);
});

test('a batch that fails or is aborted leaves nothing', async (t) => {
  const { to, target } = await pair(t);
  const draft = await to.sink.draft(batchOf([]), undefined, draftOptions(), signal);
  const stopper = new AbortController();
  const parts = async function* () {
    yield [textMember('d/a', 'one'), textMember('b', 'two')];
    stopper.abort(new Error('stop'));
    yield [textMember('c', 'three')];
  };
  await rejects(draft.write(batchChunk, { format: 'members', parts: parts(), rejects: [] }, stopper.signal), /stop/);
  deepStrictEqual(readdirSync(target), []);
});

test('a batch written twice is written once, also when its first life left temporary files', async (t) => {
  const { to, target } = await pair(t);
  const members = [textMember('a', 'one'), textMember('b', 'two')];
  const draft = await to.sink.draft(batchOf([]), undefined, draftOptions(), signal);
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, '.waybill-rtest-0-1~'), 'left by a killed run');
  deepStrictEqual(await writeBatch(draft, ...members), { bytes: 6, rows: 2 });
  deepStrictEqual(await writeBatch(draft, ...members), { bytes: 6, rows: 2 });
  deepStrictEqual(readdirSync(target).sort(), ['a', 'b']);
});

test('a file that changed at the source between two lives of a batch is replaced, a foreign one is not', async (t) => {
  const { to, target } = await pair(t);
  const planned = textMember('a', 'as planned', '1000000000000000001');
  const changed = textMember('a', 'and then changed', '1000000000000000002');
  const draft = await to.sink.draft(batchOf([planned.item]), undefined, draftOptions(), signal);
  await writeBatch(draft, planned);
  await writeBatch(draft, changed);
  strictEqual(readFileSync(join(target, 'a'), 'utf8'), 'and then changed');
  await rejects(writeBatch(draft, textMember('a', 'third', '1000000000000000003')), hasCode('target.not-empty'));
});

test('a file that a power cut left empty is written again', async (t) => {
  const { to, target } = await pair(t);
  const draft = await to.sink.draft(batchOf([]), undefined, draftOptions(), signal);
  await writeBatch(draft, textMember('a', 'whole', '1500000000000000007'));
  truncateSync(join(target, 'a'), 0);
  execFileSync('touch', ['-d', '@1500000000.000000007', join(target, 'a')]);
  await writeBatch(draft, textMember('a', 'whole', '1500000000000000007'));
  strictEqual(readFileSync(join(target, 'a'), 'utf8'), 'whole');
});

for (const into of ['empty', 'append'] as const) {
  test(`--into ${into} never overwrites an entry that is another one, and names it`, async (t) => {
    const { to, target } = await pair(t);
    mkdirSync(target);
    writeFileSync(join(target, 'a'), 'precious');
    const draft = await to.sink.draft(batchOf([]), undefined, draftOptions(into), signal);
    await rejects(
      writeBatch(draft, textMember('a', 'intruder')),
      (error) => hasCode('target.not-empty')(error) && String(error).includes('/a '),
    );
    await rejects(to.sink.draft(fileItem('a', 8), undefined, draftOptions(into), signal), hasCode('target.not-empty'));
    const big = await to.sink.draft(fileItem('late', 0), undefined, draftOptions(into), signal);
    writeFileSync(join(target, 'late'), 'came in between');
    await rejects(big.publish([], signal), hasCode('target.not-empty'));
    await big.discard(signal);
    strictEqual(readFileSync(join(target, 'a'), 'utf8'), 'precious');
    deepStrictEqual(readdirSync(target).sort(), ['a', 'late']);
  });
}

test('a file and a directory of the same name: replace swaps the whole, merge refuses', async (t) => {
  const { to, target } = await pair(t);
  mkdirSync(join(target, 'a', 'deep'), { recursive: true });
  writeFileSync(join(target, 'a', 'deep', 'x'), 'x');
  writeFileSync(join(target, 'b'), 'file');
  const write = async (into: 'merge' | 'replace', ...members: readonly Member[]): Promise<unknown> =>
    writeBatch(await to.sink.draft(batchOf([]), undefined, draftOptions(into), signal), ...members);
  await rejects(write('merge', textMember('a', 'now a file')), hasCode('target.not-empty'));
  await rejects(write('merge', textMember('b/inside', 'y')), hasCode('target.not-empty'));
  ok(existsSync(join(target, 'a/deep/x')));
  await write('replace', textMember('a', 'now a file'), textMember('b/inside', 'y'));
  strictEqual(readFileSync(join(target, 'a'), 'utf8'), 'now a file');
  strictEqual(readFileSync(join(target, 'b/inside'), 'utf8'), 'y');
  deepStrictEqual(readdirSync(target).sort(), ['a', 'b']);
});

test('a symbolic link in the way of a directory is never written through', async (t) => {
  const outside = tempFolder(t);
  writeFileSync(join(outside, 'a'), 'outside');
  const { to, target } = await pair(t);
  mkdirSync(join(target, 'd'), { recursive: true });
  const write = async (into: 'merge' | 'replace'): Promise<unknown> =>
    writeBatch(await to.sink.draft(batchOf([]), undefined, draftOptions(into), signal), textMember('d/a', 'inside'));
  await write('merge');
  // Swapped while this store holds the directory open, and seen by one that opens it anew.
  renameSync(join(target, 'd'), join(target, 'moved'));
  symlinkSync(outside, join(target, 'd'));
  await write('merge');
  const fresh = await openFolder(t, target);
  const attempt = fresh.sink.draft(fileItem('d/a', 3), undefined, draftOptions('merge'), signal);
  await rejects(attempt, hasCode('target.not-empty'));
  await fresh.sink.remove(fileItem('d/a', 3), signal);
  strictEqual(readFileSync(join(outside, 'a'), 'utf8'), 'outside');
  deepStrictEqual(readdirSync(outside), ['a']);
  const draft = await fresh.sink.draft(batchOf([]), undefined, draftOptions('replace'), signal);
  await writeBatch(draft, textMember('d/a', 'inside'));
  ok(lstatSync(join(target, 'd')).isDirectory());
  strictEqual(readFileSync(join(outside, 'a'), 'utf8'), 'outside');
});

test('a directory removed behind our back is made anew', async (t) => {
  const { to, target } = await pair(t);
  const draft = await to.sink.draft(batchOf([]), undefined, draftOptions('merge'), signal);
  await writeBatch(draft, textMember('d/e/a', '1'));
  rmSync(join(target, 'd'), { recursive: true });
  await writeBatch(draft, textMember('d/e/b', '2'));
  deepStrictEqual(readdirSync(join(target, 'd/e')), ['b']);
});

test('directories may be finished in any order', async (t) => {
  const { to, target } = await pair(t);
  const directory = (key: string): Item => ({
    ...fileItem(key, 0, '5000000000'),
    kind: 'directory',
    entry: { mode: 0o040755, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mtime: '5000000000' },
  });
  for (const key of ['./', 'a/', 'a/b/', 'a/b/c/', 'z/']) {
    const draft = await to.sink.draft(directory(key), undefined, draftOptions(), signal);
    await draft.publish([], signal);
    await draft.publish([], signal);
  }
  const keys = (await listAll(to.source)).map((item) => [item.key, item.entry?.mtime]);
  deepStrictEqual(
    keys,
    ['./', 'a/', 'a/b/', 'a/b/c/', 'z/'].map((key) => [key, '5000000000']),
  );
  strictEqual(statSync(target).mode & 0o777, 0o755);
});

test('entries from a store without modes and owners are made as any program makes them', async (t) => {
  const { to, target } = await pair(t);
  const bare = (key: string, kind: 'file' | 'directory'): Item => ({ key, kind, stage: 'data', bytes: 0 });
  const draft = await to.sink.draft(batchOf([]), undefined, draftOptions(), signal);
  await writeBatch(
    draft,
    { item: bare('d/', 'directory'), bytes: new Uint8Array() },
    { item: bare('d/a', 'file'), bytes: new Uint8Array() },
  );
  mkdirSync(join(target, 'reference'));
  writeFileSync(join(target, 'reference', 'a'), '');
  strictEqual(statSync(join(target, 'd')).mode, statSync(join(target, 'reference')).mode);
  strictEqual(statSync(join(target, 'd/a')).mode, statSync(join(target, 'reference/a')).mode);
});

test('a hard link whose first name has not arrived says so', async (t) => {
  const { to } = await pair(t);
  const item: Item = { ...fileItem('b', 0), kind: 'hard-link', stage: 'after' };
  const link: Item = { ...item, entry: { mode: 0o100644, uid: 0, gid: 0, mtime: '0', linkTo: 'a' } };
  const draft = await to.sink.draft(link, undefined, draftOptions(), signal);
  await rejects(
    draft.publish([], signal),
    (error) => hasCode('item.unreadable')(error) && String(error).includes('a, which'),
  );
});

test('remove takes files, links and empty directories, is content when they are gone, and names what is in the way', async (t) => {
  const { to, target } = await pair(t);
  mkdirSync(join(target, 'd'), { recursive: true });
  writeFileSync(join(target, 'd', 'extra'), '');
  symlinkSync('d', join(target, 'l'));
  const directory: Item = { key: 'd/', kind: 'directory', stage: 'last', bytes: 0 };
  await rejects(
    to.sink.remove(directory, signal),
    (error) => hasCode('target.not-empty')(error) && String(error).includes('extra'),
  );
  await to.sink.remove(fileItem('l', 0), signal);
  await to.sink.remove(fileItem('d/extra', 0), signal);
  await to.sink.remove(directory, signal);
  await to.sink.remove(directory, signal);
  await to.sink.remove(fileItem('d/extra', 0), signal);
  deepStrictEqual(readdirSync(target), []);
});

test('exists looks at the entry itself, and an empty root counts as nothing', async (t) => {
  const { to, target } = await pair(t);
  const root: Item = { key: './', kind: 'directory', stage: 'last', bytes: 0 };
  strictEqual(await to.sink.exists(root, signal), false);
  mkdirSync(target);
  strictEqual(await to.sink.exists(root, signal), false);
  symlinkSync('nowhere', join(target, 'l'));
  strictEqual(await to.sink.exists(root, signal), true);
  strictEqual(await to.sink.exists(fileItem('l', 0), signal), true);
  strictEqual(await to.sink.exists(fileItem('l/x', 0), signal), false);
});

test('sweep removes what this run left, at any depth, and nothing else', async (t) => {
  const { to, target } = await pair(t);
  mkdirSync(join(target, 'a/b'), { recursive: true });
  mkdirSync(join(target, '.waybill-rtest-3~', 'x'), { recursive: true });
  writeFileSync(join(target, 'a/b/.waybill-rtest-1-0~'), '');
  writeFileSync(join(target, 'a/.waybill-rother-1~'), '');
  await to.sink.sweep('rtest', signal);
  await to.sink.sweep('rtest', signal);
  deepStrictEqual(readdirSync(target), ['a']);
  deepStrictEqual(
    new Set<unknown>(readdirSync(join(target, 'a'), { recursive: true })),
    new Set<unknown>(['.waybill-rother-1~', 'b']),
  );
  await (await openFolder(t, join(target, 'none'))).sink.sweep('rtest', signal);
});

test('adapt reports names that no folder can hold', async (t) => {
  const { to } = await pair(t);
  deepStrictEqual(to.sink.adapt(fileItem('d/ok', 1)).findings, []);
  strictEqual(to.sink.adapt(fileItem(`d/${'ü'.repeat(128)}`, 1)).findings[0]?.level, 'error');
  throws(() => to.sink.adapt(fileItem('../x', 1)), hasCode('store.unsupported'));
});
