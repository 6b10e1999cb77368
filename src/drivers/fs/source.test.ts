import { deepStrictEqual, match, ok, rejects, strictEqual } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  ftruncateSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { compareNames } from '../../lib/byte-names.ts';
import type { Finding } from '../../model/finding.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { FilePart } from '../../store/store.ts';
import { pieceBytes } from '../../store/content-digest.ts';
import { fsDriver } from './driver.ts';
import { chunksOf, digestOf, find, listAll, openFolder, readBatch, signal, tempFolder } from './fs-fixture.ts';

const hasCode = (code: string) => (error: unknown) => error instanceof MigrationError && error.code === code;

test('items come in byte order of their keys, a directory before what is in it', async (t) => {
  const path = tempFolder(t);
  for (const directory of ['a', 'a-b', 'a/b', 'é', '!early', 'a.d']) mkdirSync(join(path, directory));
  for (const file of ['a!', 'a/x', 'a/b/y', 'a0', 'é/z', '.hidden', '\u{1f69a}', '\uff5e', 'a-b/q', '!early/w']) {
    writeFileSync(join(path, file), file);
  }
  writeFileSync(Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0xf0, 0x41])]), 'not UTF-8');
  const keys = (await listAll((await openFolder(t, path)).source)).map((item) => item.key);
  deepStrictEqual(keys, keys.toSorted(compareNames));
  strictEqual(new Set(keys).size, keys.length);
  ok(keys.includes('./') && keys.includes('a/b/y') && keys.includes('a/b/') && keys.includes('\udcf0A'));
  strictEqual(keys.length, 18);
  ok(keys.indexOf('\uff5e') < keys.indexOf('\u{1f69a}'), 'UTF-8 order, not UTF-16 order');
});

test('each kind of entry is listed with its attributes, and a socket is reported instead', async (t) => {
  const path = tempFolder(t);
  writeFileSync(join(path, 'file'), 'content', { mode: 0o640 });
  linkSync(join(path, 'file'), join(path, 'second'));
  symlinkSync('../nowhere', join(path, 'link'));
  lutimesSync(join(path, 'link'), 1, 2);
  mkdirSync(join(path, 'folder'), { mode: 0o711 });
  execFileSync('mkfifo', [join(path, 'pipe')]);
  const server = createServer().listen(join(path, 'socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => server.close());

  const findings: Finding[] = [];
  const items = await listAll((await openFolder(t, path)).source, findings);
  deepStrictEqual(
    items.map(({ key, kind, stage, bytes }) => [key, kind, stage, bytes]),
    [
      ['./', 'directory', 'last', 0],
      ['file', 'file', 'data', 7],
      ['folder/', 'directory', 'last', 0],
      ['link', 'symlink', 'data', 0],
      ['pipe', 'special', 'data', 0],
      ['second', 'hard-link', 'after', 0],
    ],
  );
  const entry = (key: string) => items.find((item) => item.key === key)?.entry;
  strictEqual(entry('file')?.mode, 0o100640);
  strictEqual(entry('folder/')?.mode, 0o040711);
  strictEqual(entry('second')?.linkTo, 'file');
  deepStrictEqual([entry('link')?.target, entry('link')?.mtime], ['../nowhere', '2000000000']);
  deepStrictEqual(
    findings.map(({ code, where }) => [code, where]),
    [['entry.socket', 'socket']],
  );
});

test('the fingerprint tells changed content and attributes, and is equal for an equal copy elsewhere', async (t) => {
  const [one, two] = [tempFolder(t), tempFolder(t)];
  for (const path of [one, two]) {
    writeFileSync(join(path, 'a'), 'same');
    execFileSync('touch', ['-d', '2001-01-01 00:00:00.5', join(path, 'a')]);
  }
  const fingerprint = async (path: string): Promise<string | undefined> =>
    (await find((await openFolder(t, path)).source, 'a')).fingerprint;
  const before = await fingerprint(one);
  strictEqual(before, await fingerprint(two));
  execFileSync('chmod', ['600', join(one, 'a')]);
  const afterMode = await fingerprint(one);
  ok(before !== afterMode);
  execFileSync('touch', ['-d', '2001-01-01 00:00:00.500000001', join(one, 'a')]);
  ok(afterMode !== (await fingerprint(one)));
});

test('a leftover of an interrupted run is reported and not listed', async (t) => {
  const path = tempFolder(t);
  writeFileSync(join(path, '.waybill-rabc123-7-12~'), 'half');
  writeFileSync(join(path, '.waybill-notes'), 'a file of the user');
  const findings: Finding[] = [];
  const items = await listAll((await openFolder(t, path)).source, findings);
  deepStrictEqual(
    items.map((item) => item.key),
    ['./', '.waybill-notes'],
  );
  deepStrictEqual(
    findings.map((finding) => finding.code),
    ['entry.draft'],
  );
});

test('a single file is a store of one item, and no target', async (t) => {
  const path = join(tempFolder(t), 'one.txt');
  writeFileSync(path, 'text');
  await using store = await fsDriver.open({ scheme: 'file', text: path, path, query: {} }, {}, signal);
  strictEqual(store.sink, undefined);
  if (!store.source) throw new Error('no source');
  deepStrictEqual(
    (await listAll(store.source)).map((item) => item.key),
    ['one.txt'],
  );
  strictEqual((await store.probe('target', signal))[0]?.level, 'error');
});

test('a missing folder is found missing by probe, and lists nothing as a target', async (t) => {
  const { store, source } = await openFolder(t, join(tempFolder(t), 'none', 'such'));
  deepStrictEqual(await listAll(source), []);
  await rejects(store.probe('source', signal), hasCode('source.missing'));
  deepStrictEqual(
    (await store.probe('target', signal)).map((finding) => finding.code),
    ['store.room'],
  );
});

test('a file over the target size is cut at whole pieces, others are one chunk, an empty one none', async (t) => {
  const path = tempFolder(t);
  const file = openSync(join(path, 'big'), 'w');
  ftruncateSync(file, 2 * pieceBytes + 10);
  closeSync(file);
  writeFileSync(join(path, 'empty'), '');
  const { source } = await openFolder(t, path);
  const big = await find(source, 'big');
  const ids = async (targetBytes: number): Promise<string[]> =>
    (await chunksOf(source, big, targetBytes)).map((chunk) => chunk.id);
  const end = 2 * pieceBytes + 10;
  deepStrictEqual(await ids(1000), [`0-${pieceBytes}`, `${pieceBytes}-${2 * pieceBytes}`, `${2 * pieceBytes}-${end}`]);
  deepStrictEqual(await ids(end), [`0-${end}`]);
  deepStrictEqual(await chunksOf(source, await find(source, 'empty')), []);
});

test('only the data of a file with holes is read, and its digest counts the holes as zeros', async (t) => {
  const path = tempFolder(t);
  const file = openSync(join(path, 'sparse'), 'w');
  ftruncateSync(file, 8 * 2 ** 20);
  writeSync(file, Buffer.alloc(5000, 7), 0, 5000, 4 * 2 ** 20);
  closeSync(file);
  const solid = Buffer.alloc(8 * 2 ** 20);
  solid.fill(7, 4 * 2 ** 20, 4 * 2 ** 20 + 5000);
  writeFileSync(join(path, 'solid'), solid);
  const { source } = await openFolder(t, path);
  const item = await find(source, 'sparse');
  strictEqual(item.entry?.sparse, true);
  const [chunk] = await chunksOf(source, item);
  if (!chunk) throw new Error('no chunk');
  const payload = await source.read(chunk, item, item, 'bytes', signal);
  const parts: (readonly [number, number])[] = [];
  for await (const part of payload.parts as AsyncIterable<FilePart>) parts.push([part.offset, part.bytes.length]);
  deepStrictEqual(parts, [[4 * 2 ** 20, 8192]]);
  const digests = await Promise.all(
    ['sparse', 'solid'].map(async (key) => source.digest?.(await find(source, key), item, signal)),
  );
  deepStrictEqual(digests[0], digests[1]);
});

test('a file that was written to since it was listed is not read as if nothing happened', async (t) => {
  const path = tempFolder(t);
  writeFileSync(join(path, 'a'), 'x'.repeat(3_000_000));
  const { source } = await openFolder(t, path);
  const item = await find(source, 'a');
  const [chunk] = await chunksOf(source, item);
  if (!chunk) throw new Error('no chunk');
  const drain = async (onPart: () => void): Promise<void> => {
    const payload = await source.read(chunk, item, item, 'bytes', signal);
    for await (const _ of payload.parts) onPart();
  };
  let parts = 0;
  await drain(() => (parts += 1));
  strictEqual(parts, 3);
  await rejects(
    drain(() => appendFileSync(join(path, 'a'), 'y')),
    hasCode('item.changed'),
  );
  await rejects(
    drain(() => {}),
    hasCode('item.changed'),
  );
  unlinkSync(join(path, 'a'));
  await rejects(
    drain(() => {}),
    hasCode('item.changed'),
  );
  await rejects(async () => source.digest?.(item, item, signal), hasCode('item.changed'));
});

test('in a batch a changed file comes as it is now, and one that is gone or no file is named in rejects', async (t) => {
  const path = tempFolder(t);
  for (const name of ['changed', 'gone', 'kept', 'linked']) writeFileSync(join(path, name), name);
  const { source } = await openFolder(t, path);
  const listed = (await listAll(source)).filter((item) => item.kind === 'file');
  writeFileSync(join(path, 'changed'), 'longer than it was');
  unlinkSync(join(path, 'gone'));
  unlinkSync(join(path, 'linked'));
  symlinkSync('/etc/passwd', join(path, 'linked'));
  const { members, payload } = await readBatch(source, listed);
  deepStrictEqual(
    members.map(({ item, bytes }) => [item.key, item.bytes, Buffer.from(bytes).toString()]),
    [
      ['changed', 18, 'longer than it was'],
      ['kept', 4, 'kept'],
    ],
  );
  ok(members[0]?.item.entry?.mtime !== listed[0]?.entry?.mtime);
  deepStrictEqual(
    payload.rejects.map(({ key, code }) => [key, code]),
    [
      ['gone', 'item.changed'],
      ['linked', 'item.changed'],
    ],
  );
});

test('a batch larger than one part arrives whole, holes and a member over the buffer included', async (t) => {
  const path = tempFolder(t);
  const wanted = new Map<string, Buffer>();
  for (let i = 0; i < 40; i++) wanted.set(`f${i}`, Buffer.alloc(200_000 + i, i + 1));
  wanted.set('huge', Buffer.alloc(5 * 2 ** 20, 9));
  for (const [name, bytes] of wanted) writeFileSync(join(path, name), bytes);
  const file = openSync(join(path, 'sparse'), 'w');
  ftruncateSync(file, 300_000);
  writeSync(file, Buffer.from('end'), 0, 3, 299_997);
  closeSync(file);
  const { source } = await openFolder(t, path);
  const { members } = await readBatch(
    source,
    (await listAll(source)).filter((item) => item.kind === 'file'),
  );
  strictEqual(members.length, 42);
  for (const { item, bytes, extents } of members) {
    const expected = wanted.get(item.key);
    if (expected) ok(expected.equals(bytes), item.key);
    else ok(extents?.length === 1 && (extents[0]?.[0] ?? 0) > 200_000, 'only the block at the end is data');
  }
});

test('a symbolic link swapped in for a directory while it is walked or read leads nowhere', async (t) => {
  const outside = tempFolder(t);
  writeFileSync(join(outside, 'secret'), 'secret');
  const path = tempFolder(t);
  // More than one page before the swapped directory, so that the walk is under way when it is swapped.
  for (let i = 0; i < 1500; i++) writeFileSync(join(path, `a${i}`), '');
  mkdirSync(join(path, 'b'));
  writeFileSync(join(path, 'b', 'secret'), 'public');
  const { source } = await openFolder(t, path);
  const item = await find(source, 'b/secret');

  const keys: string[] = [];
  for await (const page of source.list(() => {}, signal)) {
    if (keys.length === 0) {
      renameSync(join(path, 'b'), join(path, 'moved'));
      symlinkSync(outside, join(path, 'b'));
    }
    keys.push(...page.map((one) => one.key));
  }
  ok(keys.length >= 1501);
  ok(!keys.some((key) => key.startsWith('b/')));

  const fresh = await openFolder(t, path);
  await rejects(async () => fresh.source.digest?.(item, item, signal), hasCode('item.changed'));
  const { members, payload } = await readBatch(fresh.source, [item]);
  deepStrictEqual([members.length, payload.rejects[0]?.code], [0, 'item.changed']);
});

test('a FIFO in the place of a file does not hang the reader', async (t) => {
  const path = tempFolder(t);
  writeFileSync(join(path, 'a'), 'x');
  const { source } = await openFolder(t, path);
  const item = await find(source, 'a');
  rmSync(join(path, 'a'));
  execFileSync('mkfifo', [join(path, 'a')]);
  await rejects(async () => source.digest?.(item, item, signal), hasCode('item.changed'));
  const { payload } = await readBatch(source, [item]);
  match(payload.rejects[0]?.code ?? '', /item\.changed/);
});

test('keys that lead out of the root are refused', async (t) => {
  const { source } = await openFolder(t, tempFolder(t));
  for (const key of ['../x', 'a/../../x', '/etc/passwd', 'a//b', '', '..']) {
    const item = { key, kind: 'file', stage: 'data', bytes: 0 } as const;
    await rejects(async () => source.digest?.(item, item, signal), hasCode('store.unsupported'), key);
  }
});

test('the digest of small content is its BLAKE3', async (t) => {
  const path = tempFolder(t);
  writeFileSync(join(path, 'a'), 'some text');
  const { source } = await openFolder(t, path);
  const item = await find(source, 'a');
  deepStrictEqual(await source.digest?.(item, item, signal), { rows: 0, bytes: 9, digest: digestOf('some text') });
  const root = await find(source, './');
  deepStrictEqual(await source.digest?.(root, root, signal), { rows: 0, bytes: 0, digest: 'none' });
});
