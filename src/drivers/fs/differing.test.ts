import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { nameFromBytes } from '../../lib/byte-names.ts';
import { currentDirectory, fileType, posix } from '../../lib/posix.ts';
import type { Finding } from '../../model/finding.ts';
import type { Item } from '../../model/item.ts';
import { compareListings, type Pair } from '../../store/compare-listings.ts';
import { overlay } from '../../store/overlay.ts';
import type { Source } from '../../store/store.ts';
import { listAll, openFolder, signal, tempFolder } from './fs-fixture.ts';

/** Names that sort oddly: `a/` is after `a-b` and `a.b`, `é` after all ASCII, 0xff is no UTF-8, one character is beyond
 *  the surrogates of UTF-16, and `-` and `.x` stand on either side of the root's own `./`. */
const names = ['-', '.x', 'a', 'a-b', 'a.b', 'a0', 'b', 'é', '\u{1f600}', '\uff5e', '.waybill-rold-1~'].map((name) =>
  Buffer.from(name),
);
names.push(Buffer.from([0x61, 0xff]), Buffer.from([0xff, 0xfe]));

const base = 1_700_000_000;
const isRoot = process.geteuid?.() === 0;

describe('two folders that are compared at once', () => {
  for (let seed = 1; seed <= 40; seed++) {
    it(`give what comparing their lists gives, without equal files (seed ${seed})`, async (t) => {
      const random = randomOf(seed);
      const [from, to] = twins(t, random);
      const count = Math.floor(random() * 25);
      for (let n = 0; n < count; n++) mutate(random() < 0.5 ? from : to, random);
      await sameAsLists(t, from, to, seed % 3 === 0 ? Date.now() - 10_000 : undefined);
    });
  }

  it('only count files that are equal', async (t) => {
    const [from, to] = twins(t, randomOf(7));
    const { source, target } = await open(t, from, to);
    const { pairs, equal } = await quick(source, target, undefined);
    const files = (await listAll(source)).filter(({ kind }) => kind === 'file');
    assert.equal(equal.files, files.filter(({ key }) => !key.split('/').some((name) => name.startsWith('.'))).length);
    assert.ok(equal.files > 10 && equal.bytes > 0);
    assert.ok(pairs.some((pair) => pair.source?.key === './'));
  });

  it('hand out an equal file that changed since the last run', async (t) => {
    const [from, to] = twins(t, randomOf(7));
    const { source, target } = await open(t, from, to);
    const none = await quick(source, target, Date.now() - 60_000);
    assert.equal(none.equal.files, 0);
    const all = await quick(source, target, Date.now() + 60_000);
    assert.ok(all.equal.files > 10);
    const file = (await listAll(source)).find(({ kind, key }) => kind === 'file' && !key.includes('.'));
    assert.ok(file?.entry?.ctime);
    const exact = Number(BigInt(file.entry.ctime) / 1_000_000n);
    assert.ok((await quick(source, target, exact)).pairs.some((pair) => pair.source?.key === file.key));
    assert.ok(!(await quick(source, target, exact + 1)).pairs.some((pair) => pair.source?.key === file.key));
  });

  it('are known behind what wraps them, and only for what they are', async (t) => {
    const [from, to] = twins(t, randomOf(3));
    const { source, target } = await open(t, from, to);
    assert.ok(source.differing?.(overlay(overlay(target, {}), {}), undefined, () => {}, signal));
    const other = await openFolder(t, to, { owners: !isRoot });
    assert.equal(
      source.differing?.(other.source, undefined, () => {}, signal),
      undefined,
    );
    assert.equal(
      source.differing?.({ offers: [] } as unknown as Source, undefined, () => {}, signal),
      undefined,
    );
  });

  it('leave files of several names to the lists, which know their first', async (t) => {
    const [from, to] = twins(t, randomOf(5));
    for (const tree of [from, to]) {
      put(join(tree, 'link 1'), 'x');
      linkSync(join(tree, 'link 1'), join(tree, 'link 2'));
    }
    await sameAsLists(t, from, to, undefined);
  });

  it('may be missing', async (t) => {
    const [from] = twins(t, randomOf(5));
    const folder = tempFolder(t);
    await sameAsLists(t, from, join(folder, 'none'), undefined);
    await sameAsLists(t, join(folder, 'none'), from, undefined);
  });

  it('may hold more names than one read of a directory gives, in any order', async (t) => {
    const folder = tempFolder(t);
    const [from, to] = [join(folder, 'from'), join(folder, 'to')];
    mkdirSync(from);
    mkdirSync(to);
    const long = Array.from({ length: 3000 }, (_, n) => `${'n'.repeat(100)}${n}`);
    for (const name of long) put(join(from, name), 'x');
    for (const name of long.toReversed()) put(join(to, name), 'x');
    put(join(to, 'one more'), 'x');
    const { source, target } = await open(t, from, to);
    const { pairs, equal } = await quick(source, target, undefined);
    assert.equal(equal.files, 3000);
    assert.deepEqual(
      pairs.map(({ source: a, target: b }) => [a?.key, b?.key]),
      [
        ['./', './'],
        [undefined, 'one more'],
      ],
    );
  });

  it('report a socket and a directory that cannot be read, as a list does', async (t) => {
    const [from, to] = twins(t, randomOf(5));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(from, 's'), resolve));
    t.after(() => server.close());
    mkdirSync(join(from, 'shut'), { mode: 0 });
    mkdirSync(join(to, 'shut'));
    put(join(to, 'shut', 'x'), 'x');
    await sameAsLists(t, from, to, undefined);
    chmodSync(join(from, 'shut'), 0o700);
  });
});

/** Compares the fast way with the slow one: every pair in order, but for equal files, which are counted. */
async function sameAsLists(t: TestContext, from: string, to: string, since: number | undefined): Promise<void> {
  const { source, target } = await open(t, from, to);
  const findings: Finding[] = [];
  const listed: Pair[] = [];
  for await (const page of compareListings(
    source.list((finding) => findings.push(finding), signal),
    target.list(() => {}, signal),
  ))
    listed.push(...page);
  const fast = await quick(source, target, since);
  assert.deepEqual(fast.findings, findings);
  // What the fast way hands out beyond what it must (a name with a dot, a hard link) is equal, and no harm.
  const given = new Set(fast.pairs.map(({ source: a, target: b }) => (a ?? b)?.key));
  const isEqual = ({ source: a, target: b }: Pair) =>
    a?.kind === 'file' && b?.kind === 'file' && a.fingerprint === b.fingerprint && !isRecent(a, since);
  const left = listed.filter((pair) => isEqual(pair) && !given.has(pair.source?.key));
  assert.deepEqual(
    fast.pairs,
    listed.filter((pair) => !left.includes(pair)),
  );
  assert.deepEqual(fast.equal, {
    files: left.length,
    bytes: left.reduce((sum, pair) => sum + (pair.source?.bytes ?? 0), 0),
  });
}

const isRecent = ({ entry }: Item, since: number | undefined): boolean =>
  since !== undefined && BigInt(entry?.ctime ?? 0) >= BigInt(since) * 1_000_000n;

async function open(t: TestContext, from: string, to: string): Promise<{ source: Source; target: Source }> {
  return { source: (await openFolder(t, from)).source, target: (await openFolder(t, to)).source };
}

async function quick(source: Source, target: Source, since: number | undefined) {
  const findings: Finding[] = [];
  const pairs: Pair[] = [];
  const equal = { files: 0, bytes: 0 };
  const pages = source.differing?.(target, since, (finding) => findings.push(finding), signal);
  assert.ok(pages);
  for await (const page of pages) {
    pairs.push(...page.pairs);
    equal.files += page.equal.files;
    equal.bytes += page.equal.bytes;
  }
  return { pairs, equal, findings };
}

type Random = () => number;

/** mulberry32. */
function randomOf(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

/** Two equal trees of files in directories of odd names. */
function twins(t: TestContext, random: Random): [from: string, to: string] {
  const folder = tempFolder(t);
  const trees: [string, string] = [join(folder, 'from'), join(folder, 'to')];
  for (const tree of trees) mkdirSync(tree);
  const directories = ['', 'b', 'a', 'a/a', 'a/é'].filter((_, at) => at < 2 || random() < 0.8);
  for (const tree of trees) for (const name of directories) mkdirSync(join(tree, name), { recursive: true });
  for (const directory of directories) {
    for (const name of names) {
      const [size, there] = [Math.floor(random() * 50), random() < 0.9];
      for (const tree of trees) {
        const path = Buffer.concat([Buffer.from(`${join(tree, directory)}/`), name]);
        if (there && !lstatSync(path, { throwIfNoEntry: false })) put(path, 'x'.repeat(size));
      }
    }
  }
  for (const tree of trees) for (const name of directories.toReversed()) utimesSync(join(tree, name), base, base);
  return trees;
}

function put(path: string | Buffer, text: string): void {
  writeFileSync(path, text);
  utimesSync(path, base, base);
}

const mutations: readonly ((path: Buffer, random: Random, tree: string) => void)[] = [
  (path) => truncateSync(path, 77),
  (path) => utimesSync(path, base, base + 1),
  (path) => chmodSync(path, 0o600),
  (path) => isRoot && chownSync(path, 12, 34),
  (path) => rmSync(path, { recursive: true, force: true }),
  (path) => replace(path, () => mkdirSync(path)),
  (path) => replace(path, () => (symlinkSync('elsewhere', path), lutimesSync(path, base, base))),
  (path, random, tree) => replace(path, () => linkSync(anyFile(random, tree), path)),
  (path) => replace(path, () => posix().makeNode(currentDirectory, nameFromBytes(path), fileType.fifo | 0o600, 0)),
  (path) => put(path, 'new'),
];

function mutate(tree: string, random: Random): void {
  const directory = pick(random, ['', 'a/', 'b/', 'a/a/']);
  const path = Buffer.concat([Buffer.from(`${tree}/${directory}`), pick(random, names)]);
  try {
    pick(random, mutations)(path, random, tree);
  } catch (error) {
    // What the tree does not have cannot be changed.
    if (!(error instanceof Error)) throw error;
  }
}

function replace(path: Buffer, make: () => unknown): void {
  rmSync(path, { recursive: true, force: true });
  make();
}

const anyFile = (random: Random, tree: string): Buffer =>
  Buffer.concat([Buffer.from(`${tree}/b/`), pick(random, names)]);
