import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openFlags, posix, PosixError, type Posix } from '../../lib/posix.ts';
import type { Item } from '../../model/item.ts';
import type { Member } from '../../store/store.ts';
import { bufferPool } from './buffer-pool.ts';
import { batchChunk, batchOf, draftOptions, membersPayload, signal, tempFolder, textMember } from './fs-fixture.ts';
import { HeldDirectories } from './held-directories.ts';
import { NewFiles } from './new-files.ts';
import { fsSink } from './sink.ts';

const isRoot = process.geteuid?.() === 0;
const [enotsup, enoent] = [95, 2];

function sinkOf(t: TestContext, path: string, calls: Posix) {
  const held = new HeldDirectories(calls, path);
  t.after(() => held[Symbol.dispose]());
  const buffers = bufferPool(calls, 4096);
  return fsSink({ posix: calls, held, buffers, newFiles: new NewFiles(calls, isRoot), owners: isRoot, isRoot });
}

function withMode(member: Member, mode: number): Member {
  const { entry } = member.item;
  if (!entry) throw new Error('a member without attributes');
  const item: Item = {
    ...member.item,
    entry: { ...entry, mode: 0o100000 | mode, uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 },
  };
  return { ...member, item };
}

async function write(
  t: TestContext,
  path: string,
  calls: Posix,
  into: 'empty' | 'replace',
  members: readonly Member[],
) {
  const draft = await sinkOf(t, path, calls).draft(batchOf([]), undefined, draftOptions(into), signal);
  await draft.write(batchChunk, membersPayload(...members), signal);
}

test('mode and owner are right whatever umask and directory make of new files', async (t) => {
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  const path = tempFolder(t);
  mkdirSync(join(path, 'd'));
  if (isRoot) chownSync(join(path, 'd'), 0, 4242);
  chmodSync(join(path, 'd'), 0o2777);
  const modes = [0o644, 0o644, 0o600, 0o600, 0o4755, 0o640, 0o600];
  for (const directory of ['', 'd/']) {
    const members = modes.map((mode, i) => withMode(textMember(`${directory}f${i}`, 'text'), mode));
    await write(t, path, posix(), 'empty', members);
    modes.forEach((mode, i) => {
      const { mode: is, uid, gid } = statSync(join(path, `${directory}f${i}`));
      deepStrictEqual([is & 0o7777, uid, gid], [mode, process.geteuid?.(), process.getegid?.()]);
    });
  }
});

const withoutUnnamed: Readonly<Record<string, (calls: Posix) => Partial<Posix>>> = {
  'the file system knows none': (calls) => ({
    openAt(directory, name, flags, mode) {
      if (flags === openFlags.unnamed) throw new PosixError('openat', enotsup);
      return calls.openAt(directory, name, flags, mode);
    },
  }),
  'they cannot be linked': () => ({
    linkOpen() {
      throw new PosixError('linkat', enoent);
    },
  }),
};

for (const [why, change] of Object.entries({ ...withoutUnnamed, 'all is well': (_calls: Posix) => ({}) })) {
  test(`files arrive and replace others with and without unnamed files: ${why}`, async (t) => {
    const path = tempFolder(t);
    const calls: Posix = { ...posix(), ...change(posix()) };
    writeFileSync(join(path, 'a'), 'old');
    await write(t, path, calls, 'replace', [
      textMember('a', 'new'),
      textMember('b', 'two'),
      textMember('d/c', 'three'),
    ]);
    strictEqual(readFileSync(join(path, 'a'), 'utf8'), 'new');
    strictEqual(readFileSync(join(path, 'd/c'), 'utf8'), 'three');
    deepStrictEqual(readdirSync(path).sort(), ['a', 'b', 'd']);
    await write(t, path, calls, 'empty', [textMember('a', 'new')]);
    deepStrictEqual(readdirSync(path).sort(), ['a', 'b', 'd']);
  });
}
