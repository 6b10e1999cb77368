import { strictEqual, deepStrictEqual, throws, ok } from 'node:assert/strict';
import {
  mkdtempSync,
  openSync,
  closeSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import koffi from 'koffi';
import { blockBytes, currentDirectory, openFlags, posix, PosixError } from './posix.ts';

function scratch(t: TestContext): { readonly path: string; readonly directory: number } {
  const path = mkdtempSync(join(tmpdir(), 'waybill-posix-'));
  const directory = posix().openAt(currentDirectory, path, openFlags.root);
  t.after(() => {
    posix().close(directory);
    rmSync(path, { recursive: true });
  });
  return { path, directory };
}

const isCode = (code: string) => (error: unknown) => error instanceof PosixError && error.code === code;

test('a stat has what Node says of the same file, to the nanosecond', (t) => {
  const { path, directory } = scratch(t);
  writeFileSync(join(path, 'a'), 'hello');
  const mine = posix().statAt(directory, 'a');
  const nodes = statSync(join(path, 'a'), { bigint: true });
  deepStrictEqual(
    [
      mine.mode,
      mine.links,
      mine.uid,
      mine.gid,
      mine.size,
      mine.stored,
      mine.inode,
      mine.mtime,
      mine.ctime,
      mine.fileSystem,
    ],
    [
      Number(nodes.mode),
      Number(nodes.nlink),
      Number(nodes.uid),
      Number(nodes.gid),
      Number(nodes.size),
      Number(nodes.blocks) * 512,
      String(nodes.ino),
      String(nodes.mtimeNs),
      String(nodes.ctimeNs),
      Number(nodes.dev),
    ],
  );
});

for (const mtime of [
  '0',
  '1',
  '999999999',
  '1000000000',
  '1700000000123456789',
  '-1',
  '-999999999',
  '-1000000001',
  '-315619199876543211',
]) {
  test(`modification time ${mtime} ns is kept exactly`, (t) => {
    const { path, directory } = scratch(t);
    writeFileSync(join(path, 'a'), '');
    posix().setModifiedAt(directory, 'a', mtime);
    strictEqual(posix().statAt(directory, 'a').mtime, mtime);
    strictEqual(String(statSync(join(path, 'a'), { bigint: true }).mtimeNs), mtime);
    const file = posix().openAt(directory, 'a', openFlags.write);
    posix().setModified(file, '5');
    posix().setModified(file, mtime);
    strictEqual(posix().stat(file).mtime, mtime);
    posix().close(file);
  });
}

test('names come back as the bytes they are, also when they are not UTF-8', (t) => {
  const { path, directory } = scratch(t);
  const names = [Buffer.from([0xff, 0xfe, 0x61]), Buffer.from('ünï\ncode 🚚'), Buffer.from(' .x')];
  for (const name of names) writeFileSync(Buffer.concat([Buffer.from(`${path}/`), name]), name);
  const listed = posix().readDirectory(directory);
  strictEqual(listed.length, 3);
  for (const { name } of listed) {
    const file = posix().openAt(directory, name, openFlags.read);
    const content = readFileSync(file);
    posix().close(file);
    ok(names.some((one) => one.equals(content)));
    strictEqual(posix().lookAt(directory, name)?.size, content.length);
  }
});

test('a directory of more names than one read gives is listed whole, and again', (t) => {
  const { path, directory } = scratch(t);
  const wanted = Array.from({ length: 3000 }, (_, i) => `${'x'.repeat(100)}${i}`);
  for (const name of wanted) closeSync(openSync(join(path, name), 'w'));
  for (let pass = 0; pass < 2; pass++) {
    deepStrictEqual(
      posix()
        .readDirectory(directory)
        .map((entry) => entry.name)
        .sort(),
      wanted.toSorted(),
    );
  }
});

test('open does not follow a symbolic link, and the error says so', (t) => {
  const { path, directory } = scratch(t);
  symlinkSync('/etc', join(path, 'link'));
  throws(() => posix().openAt(directory, 'link', openFlags.directory), isCode('ENOTDIR'));
  throws(() => posix().openAt(directory, 'link', openFlags.read), isCode('ELOOP'));
  strictEqual(posix().readLink(directory, 'link'), '/etc');
});

test('a name with NUL, or longer than a path may be, is refused instead of cut', (t) => {
  const { path, directory } = scratch(t);
  writeFileSync(join(path, 'a'), '');
  throws(() => posix().statAt(directory, 'a\0b'), isCode('EINVAL'));
  throws(() => posix().statAt(directory, 'a'.repeat(5000)), isCode('ENAMETOOLONG'));
  throws(() => posix().statAt(directory, 'a'.repeat(256)), isCode('ENAMETOOLONG'));
});

test('rename keeps, replaces or exchanges what is there', (t) => {
  const { path, directory } = scratch(t);
  const text = (name: string): string => readFileSync(join(path, name), 'utf8');
  writeFileSync(join(path, 'a'), 'A');
  writeFileSync(join(path, 'b'), 'B');
  throws(() => posix().rename(directory, 'a', 'b', 'keep'), isCode('EEXIST'));
  posix().rename(directory, 'a', 'b', 'exchange');
  deepStrictEqual([text('a'), text('b')], ['B', 'A']);
  posix().rename(directory, 'a', 'b', 'replace');
  strictEqual(text('b'), 'B');
  strictEqual(posix().lookAt(directory, 'a'), undefined);
});

test('holes are found, made, and end where the data begins', (t) => {
  const { path, directory } = scratch(t);
  const file = posix().openAt(directory, 'sparse', openFlags.create, 0o600);
  posix().truncate(file, 3 * 2 ** 20);
  strictEqual(posix().nextData(file, 0), undefined);
  writeSync(file, Buffer.alloc(4096, 1), 0, 4096, 2 ** 20);
  deepStrictEqual(posix().nextData(file, 0), [2 ** 20, 2 ** 20 + 4096]);
  strictEqual(posix().punchHole(file, 2 ** 20, 2 ** 20 + 4096), true);
  strictEqual(posix().nextData(file, 0), undefined);
  posix().close(file);
  strictEqual(statSync(join(path, 'sparse')).size, 3 * 2 ** 20);
});

test('aligned memory is aligned, and a sync of the file system resolves', async (t) => {
  const { directory } = scratch(t);
  strictEqual(koffi.address(posix().alignedBuffer(5000)) % BigInt(blockBytes), 0n);
  await posix().syncFileSystem(directory);
});

test('a lock that another opening of the same directory holds is waited for', async (t) => {
  const { path, directory } = scratch(t);
  const lock = new Int32Array(new SharedArrayBuffer(4));
  const code = `
    const { workerData } = require('node:worker_threads');
    import(workerData.module).then(({ posix, openFlags, currentDirectory }) => {
      const directory = posix().openAt(currentDirectory, workerData.path, openFlags.root);
      posix().locked(directory, () => {
        Atomics.store(workerData.lock, 0, 1); Atomics.notify(workerData.lock, 0);
        Atomics.wait(workerData.lock, 0, 1, 200);
        Atomics.store(workerData.lock, 0, 2);
      });
    });`;
  const worker = new Worker(code, {
    eval: true,
    workerData: { module: import.meta.resolve('./posix.ts'), path, lock },
  });
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  Atomics.wait(lock, 0, 0, 10_000);
  strictEqual(
    posix().locked(directory, () => Atomics.load(lock, 0)),
    2,
  );
  await ended;
});
