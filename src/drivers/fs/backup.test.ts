import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { BackupRecord } from '../../model/event.ts';
import type { Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import {
  batchOf,
  copyTree,
  listAll,
  openFolder,
  pictureOf,
  signal,
  tempFolder,
  type OpenedFolder,
} from './fs-fixture.ts';
import { tarOptions } from './tar.ts';

const hasCode = (code: string) => (error: unknown) => error instanceof MigrationError && error.code === code;

async function* pages(...items: readonly Item[]): AsyncGenerator<readonly Item[]> {
  yield items;
}

async function backUp(to: OpenedFolder, folder: string, items: readonly Item[]): Promise<BackupRecord> {
  const record = await to.sink.backup?.(pages(...items), folder, signal);
  if (!record) throw new Error('no backup');
  return JSON.parse(JSON.stringify(record)) as BackupRecord;
}

interface Scene {
  readonly from: OpenedFolder;
  readonly to: OpenedFolder;
  readonly target: string;
  readonly folder: string;
}

/** A target that a copy would change in every way there is. */
async function scene(t: TestContext): Promise<Scene> {
  const [source, target, folder] = [tempFolder(t), tempFolder(t), join(tempFolder(t), 'new', 'backups')];
  const odd = (path: string): Buffer => Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0xff, 0x0a, 0x2d])]);
  writeFileSync(join(source, 'both'), 'new');
  writeFileSync(join(source, 'linked'), 'new');
  writeFileSync(odd(source), 'new');
  writeFileSync(join(source, '-rf'), 'new');
  writeFileSync(join(source, 'was-directory'), 'new');
  mkdirSync(join(source, 'was-file', 'deep'), { recursive: true });
  writeFileSync(join(source, 'was-file', 'deep', 'x'), 'new');
  mkdirSync(join(source, 'only-new', 'nested'), { recursive: true });
  writeFileSync(join(source, 'only-new', 'nested', 'y'), 'new');
  mkdirSync(join(source, 'shared'));
  writeFileSync(join(source, 'shared', 'added\nhere'), 'new');

  writeFileSync(join(target, 'both'), 'old', { mode: 0o604 });
  linkSync(join(target, 'both'), join(target, 'linked'));
  execFileSync('touch', ['-d', '1999-12-31 23:59:59.987654321', join(target, 'both')]);
  writeFileSync(odd(target), 'old');
  writeFileSync(join(target, '-rf'), 'old');
  mkdirSync(join(target, 'was-directory', 'deep'), { recursive: true });
  writeFileSync(join(target, 'was-directory', 'deep', 'z'), 'old');
  symlinkSync('/nowhere', join(target, 'was-directory', 'l'));
  writeFileSync(join(target, 'was-file'), 'old');
  mkdirSync(join(target, 'shared'));
  writeFileSync(join(target, 'shared', 'untouched'), 'old');
  for (const directory of ['shared', 'was-directory/deep', 'was-directory', '.']) {
    utimesSync(join(target, directory), 5, 6);
  }
  return { from: await openFolder(t, source), to: await openFolder(t, target), target, folder };
}

test('a backup puts everything back: replaced entries, swapped kinds, and nothing that was added', async (t) => {
  const { from, to, target, folder } = await scene(t);
  const before = await pictureOf(to.source);
  const record = await backUp(to, folder, await listAll(from.source));
  await copyTree(from, to, 'replace');
  ok(existsSync(join(target, 'only-new/nested/y')));
  await to.sink.restore?.(record, signal);
  deepStrictEqual(await pictureOf((await openFolder(t, target)).source), before);
  await to.sink.restore?.(record, signal);
  deepStrictEqual(await pictureOf((await openFolder(t, target)).source), before);
});

test('directories made for entries that were picked from a tree are taken away again', async (t) => {
  const { from, to, target, folder } = await scene(t);
  const before = await pictureOf(to.source);
  const picked = (await listAll(from.source)).filter((item) => item.key.endsWith('/y'));
  const record = await backUp(to, folder, [batchOf(picked)]);
  mkdirSync(join(target, 'only-new/nested'), { recursive: true });
  writeFileSync(join(target, 'only-new/nested/y'), 'new');
  await to.sink.restore?.(record, signal);
  deepStrictEqual(await pictureOf((await openFolder(t, target)).source), before);
});

test('a target that did not exist is empty again after a restore', async (t) => {
  const { from, folder } = await scene(t);
  const target = join(tempFolder(t), 'none');
  const to = await openFolder(t, target);
  const record = await backUp(to, folder, await listAll(from.source));
  ok(!existsSync(target));
  await copyTree(from, to);
  await to.sink.restore?.(record, signal);
  deepStrictEqual(readdirSync(target), []);
});

test('what somebody else put into a new directory is kept, and named', async (t) => {
  const { from, to, target, folder } = await scene(t);
  const record = await backUp(to, folder, await listAll(from.source));
  await copyTree(from, to, 'replace');
  writeFileSync(join(target, 'only-new', 'precious'), '');
  const restored = to.sink.restore?.(record, signal) ?? Promise.resolve();
  await rejects(restored, (error) => hasCode('target.not-empty')(error) && String(error).includes('only-new/'));
  deepStrictEqual(readdirSync(join(target, 'only-new')), ['precious']);
  strictEqual(readFileSync(join(target, 'both'), 'utf8'), 'old');
});

test('a machine without tar is told so', async () => {
  await rejects(tarOptions(signal, '/nonexistent'), hasCode('tool.missing'));
});

test('a damaged backup restores nothing', async (t) => {
  const { from, to, target, folder } = await scene(t);
  const record = await backUp(to, folder, await listAll(from.source));
  await copyTree(from, to, 'replace');
  appendFileSync(record.path, 'x');
  await rejects(async () => to.sink.restore?.(record, signal), hasCode('verify.differs'));
  strictEqual(readFileSync(join(target, 'both'), 'utf8'), 'new');
  const { absent } = record.detail as { absent: string };
  const other = await backUp(to, folder, await listAll(from.source));
  ok(other.path !== record.path, 'backups of one folder do not overwrite each other');
  writeFileSync(join(dirname(other.path), absent.replace('.absent', '-2.absent')), 'both\0');
  await rejects(async () => to.sink.restore?.(other, signal), hasCode('verify.differs'));
  rmSync(other.path);
  await rejects(async () => to.sink.restore?.(other, signal), hasCode('source.missing'));
  strictEqual(readFileSync(join(target, 'both'), 'utf8'), 'new');
});
