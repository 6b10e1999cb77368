/** What needs root or its absence: a full disk, a read-only directory, owners. */
import { deepStrictEqual, rejects, strictEqual } from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { MigrationError } from '../../model/migration-error.ts';
import {
  batchChunk,
  batchOf,
  copyTree,
  draftOptions,
  fileItem,
  find,
  membersPayload,
  openFolder,
  signal,
  tempFolder,
  textMember,
} from './fs-fixture.ts';

const isRoot = process.getuid?.() === 0;
const nobody = 65534;
const hasCode = (code: string) => (error: unknown) => error instanceof MigrationError && error.code === code;

/** A file system of one mebibyte, or undefined with the reason where it cannot be mounted. */
function smallDisk(t: TestContext): string | undefined {
  const path = mkdtempSync(join(tmpdir(), 'waybill-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path], { encoding: 'utf8' });
  t.after(() => {
    if (mounted.status === 0) execFileSync('umount', ['--lazy', path]);
    rmdirSync(path);
  });
  if (mounted.status !== 0) {
    t.skip(`cannot mount a small tmpfs: ${mounted.stderr || String(mounted.error)}`);
    return undefined;
  }
  return path;
}

test('a full disk stops a big file before it starts, and leaves the old one', async (t) => {
  const disk = smallDisk(t);
  if (disk === undefined) return;
  const target = join(disk, 'target');
  mkdirSync(target);
  writeFileSync(join(target, 'a'), 'old');
  const to = await openFolder(t, target);
  const attempt = to.sink.draft(fileItem('a', 4 * 2 ** 20), undefined, draftOptions('replace'), signal);
  await rejects(attempt, (error) => hasCode('store.full')(error) && String(error).includes(join(target, 'a')));
  deepStrictEqual(readdirSync(target), ['a']);
  strictEqual(readFileSync(join(target, 'a'), 'utf8'), 'old');
});

test('a disk that fills up in the middle of a batch leaves nothing of it, and the old entries', async (t) => {
  const disk = smallDisk(t);
  if (disk === undefined) return;
  const target = join(disk, 'target');
  mkdirSync(target);
  writeFileSync(join(target, 'f1'), 'old');
  const to = await openFolder(t, target);
  const draft = await to.sink.draft(batchOf([]), undefined, draftOptions('replace'), signal);
  const members = Array.from({ length: 20 }, (_, i) => textMember(`f${i}`, 'x'.repeat(100_000)));
  await rejects(draft.write(batchChunk, membersPayload(...members), signal), hasCode('store.full'));
  deepStrictEqual(readdirSync(target), ['f1']);
  strictEqual(readFileSync(join(target, 'f1'), 'utf8'), 'old');
  rmSync(join(target, 'f1'));
  deepStrictEqual(await draft.write(batchChunk, membersPayload(...members.slice(0, 5)), signal), {
    bytes: 500_000,
    rows: 5,
  });
});

/** Runs `work` with the rights of an ordinary user. */
async function asNobody(t: TestContext, work: (path: string) => Promise<void>): Promise<void> {
  if (!isRoot) return work(tempFolder(t));
  const path = tempFolder(t);
  chownSync(path, nobody, nobody);
  process.setegid?.(nobody);
  process.seteuid?.(nobody);
  try {
    await work(path);
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}

test('an ordinary user fills and refills read-only directories, and is told that owners are not carried', async (t) => {
  await asNobody(t, async (path) => {
    const source = join(path, 'source');
    mkdirSync(join(source, 'locked', 'empty'), { recursive: true });
    writeFileSync(join(source, 'locked', 'a'), 'one', { mode: 0o400 });
    chmodSync(join(source, 'locked', 'empty'), 0o500);
    chmodSync(join(source, 'locked'), 0o500);
    const from = await openFolder(t, source);
    const to = await openFolder(t, join(path, 'target'));
    for (const into of ['empty', 'replace'] as const) {
      await copyTree(from, to, into);
      for (const key of ['./', 'locked/', 'locked/a', 'locked/empty/']) {
        strictEqual((await find(to.source, key)).fingerprint, (await find(from.source, key)).fingerprint, key);
      }
    }
    const findings = await to.store.probe('target', signal);
    deepStrictEqual(
      findings.map((finding) => finding.code),
      ['store.room', 'entry.owners'],
    );
    for (const at of ['source/locked', 'target/locked']) chmodSync(join(path, at), 0o700);
  });
});

test('a folder that may not be written to is denied at probe and at draft; one that may not be read, at its entry', async (t) => {
  if (!isRoot) return t.skip('needs root to make what an ordinary user may not touch');
  await asNobody(t, async (path) => {
    process.seteuid?.(0);
    mkdirSync(join(path, 'theirs'));
    writeFileSync(join(path, 'theirs', 'secret'), 'x', { mode: 0o600 });
    mkdirSync(join(path, 'theirs', 'closed'), { mode: 0o700 });
    process.seteuid?.(nobody);
    const { store, sink, source } = await openFolder(t, join(path, 'theirs'));
    deepStrictEqual((await store.probe('target', signal)).map((finding) => [finding.level, finding.code])[0], [
      'error',
      'store.denied',
    ]);
    await rejects(sink.draft(fileItem('a', 1), undefined, draftOptions(), signal), hasCode('store.denied'));
    const findings: string[] = [];
    const keys: string[] = [];
    for await (const page of source.list((finding) => findings.push(`${finding.code} ${finding.where}`), signal)) {
      keys.push(...page.map((item) => item.key));
    }
    deepStrictEqual([keys, findings], [['./', 'closed/', 'secret'], ['item.unreadable closed/']]);
    const secret = await find(source, 'secret');
    await rejects(async () => source.digest?.(secret, secret, signal), hasCode('item.unreadable'));
  });
});
