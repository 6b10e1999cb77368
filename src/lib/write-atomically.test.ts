import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeAtomically } from './write-atomically.ts';

test('a file that cannot be written to its end leaves the one before, and nothing beside it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-atomic-'));
  const path = join(folder, 'file');
  assert.equal(await writeAtomically(path, 0o600, async (file) => (await file.write('first')).bytesWritten), 5);
  const failing = writeAtomically(path, 0o600, async (file) => {
    await file.write('sec');
    throw new Error('no room');
  });
  await assert.rejects(failing, /no room/);
  assert.equal(await readFile(path, 'utf8'), 'first');
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(folder), ['file']);
  await rm(folder, { recursive: true });
});
