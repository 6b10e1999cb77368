/** For this driver's tests: a temporary folder, an opened store, and the shortest possible mover. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Finding } from '../../model/finding.ts';
import type { Chunk, Item } from '../../model/item.ts';
import type { Into } from '../../model/job.ts';
import type { Receipt } from '../../model/receipt.ts';
import { chunkHasher, hashBytes, noContent } from '../../store/content-digest.ts';
import type { Draft, DraftOptions, FilePart, Member, Payload, Sink, Source, Store } from '../../store/store.ts';
import { fsDriver } from './driver.ts';

export const signal: AbortSignal = new AbortController().signal;

export const draftOptions = (into: Into = 'empty', step = 0): DraftOptions => ({ into, run: 'rtest', step });

export function tempFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-fs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface OpenedFolder {
  readonly store: Store;
  readonly source: Source;
  readonly sink: Sink;
}

export async function openFolder(t: TestContext, path: string, options = {}): Promise<OpenedFolder> {
  const store = await fsDriver.open({ scheme: 'file', text: path, path, query: {} }, options, signal);
  t.after(() => store[Symbol.asyncDispose]());
  if (!store.source || !store.sink) throw new Error(`${path} is not a folder`);
  return { store, source: store.source, sink: store.sink };
}

export async function listAll(source: Source, findings: Finding[] = []): Promise<Item[]> {
  const items: Item[] = [];
  for await (const page of source.list((finding) => findings.push(finding), signal)) items.push(...page);
  return items;
}

export async function find(source: Source, key: string): Promise<Item> {
  const item = (await listAll(source)).find((one) => one.key === key);
  if (!item) throw new Error(`no item ${key}`);
  return item;
}

export async function chunksOf(source: Source, item: Item, targetBytes = 2 ** 26): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for await (const chunk of source.split(item, targetBytes, signal)) chunks.push(chunk);
  return chunks;
}

export const batchOf = (members: readonly Item[]): Item => ({
  key: 'batch',
  kind: 'batch',
  stage: members[0]?.stage ?? 'data',
  bytes: members.reduce((sum, item) => sum + item.bytes, 0),
  members,
});

export const batchChunk: Chunk = { id: 'batch', bytes: 0 };

/** Members read whole, as copies. */
export async function readBatch(
  source: Source,
  items: readonly Item[],
): Promise<{ members: Member[]; payload: Payload }> {
  const batch = batchOf(items);
  const payload = await source.read(batchChunk, batch, batch, 'members', signal);
  if (payload.format !== 'members') throw new Error('not members');
  const members: Member[] = [];
  for await (const part of payload.parts) {
    for (const member of part) members.push({ ...member, bytes: member.bytes.slice() });
  }
  return { members, payload };
}

export const membersPayload = (...members: readonly Member[]): Payload => ({
  format: 'members',
  parts: once([members]),
  rejects: [],
});

export const bytesPayload = (...parts: readonly FilePart[]): Payload => ({
  format: 'bytes',
  parts: once(parts),
  rejects: [],
});

async function* once<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}

/** Copies one chunk and returns its receipt. */
export async function copyChunk(source: Source, draft: Draft, chunk: Chunk, item: Item): Promise<Receipt> {
  const payload = await source.read(chunk, item, item, 'bytes', signal);
  if (payload.format !== 'bytes') throw new Error('not bytes');
  const [from = 0, to = 0] = (chunk.range ?? []).map(Number);
  const hasher = chunkHasher(from, to);
  const hashed = async function* (): AsyncGenerator<FilePart> {
    for await (const part of payload.parts) {
      hasher.update(part);
      yield part;
    }
  };
  const stored = await draft.write(chunk, { ...payload, parts: hashed() }, signal);
  return { chunk: chunk.id, ...stored, digest: hasher.digest() };
}

/** Moves the whole folder: small entries in one batch per stage, files over 100 000 bytes alone. */
export async function copyTree(from: OpenedFolder, to: OpenedFolder, into: Into = 'empty'): Promise<void> {
  const items = await listAll(from.source);
  let step = 0;
  const batch = async (members: readonly Item[]): Promise<void> => {
    if (members.length === 0) return;
    const item = batchOf(members);
    await using draft = await to.sink.draft(item, undefined, draftOptions(into, step++), signal);
    await draft.write(batchChunk, await from.source.read(batchChunk, item, item, 'members', signal), signal);
  };
  const alone = (item: Item): boolean => item.kind === 'file' && item.bytes > 100_000;
  await batch(items.filter((item) => item.stage === 'data' && !alone(item)));
  for (const item of items.filter(alone)) {
    await using draft = await to.sink.draft(item, undefined, draftOptions(into, step++), signal);
    const receipts: Receipt[] = [];
    for (const chunk of await chunksOf(from.source, item)) {
      receipts.push(await copyChunk(from.source, draft, chunk, item));
    }
    await draft.publish(receipts, signal);
  }
  await batch(items.filter((item) => item.stage === 'after'));
  await batch(items.filter((item) => item.stage === 'last').reverse());
}

/** Key, fingerprint and content of everything in a folder, for a comparison. */
export async function pictureOf(source: Source): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const item of await listAll(source)) {
    const digest = (await source.digest?.(item, item, signal))?.digest ?? noContent;
    lines.push(`${JSON.stringify(item.key)} ${item.fingerprint} ${digest}`);
  }
  return lines;
}

export const textMember = (key: string, text: string, mtime = '1000000000000000000'): Member => ({
  item: fileItem(key, text.length, mtime),
  bytes: Buffer.from(text),
});

export const fileItem = (key: string, bytes: number, mtime = '1000000000000000000'): Item => ({
  key,
  kind: 'file',
  stage: 'data',
  bytes,
  entry: { mode: 0o100644, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mtime },
});

export const digestOf = (text: string): string => hashBytes(Buffer.from(text));
