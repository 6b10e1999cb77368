/** testing: what a driver, journal or worker must do, as suites of node:test that anybody can call. Promise: whoever
 *  passes them keeps the invariants of docs/invariants.md; a check that cannot be made says in a sentence why.
 *  Callers: the tests beside each driver, here and in other packages (`waybill/testing/store-contract`). This file
 *  holds what the suites share: opening memory stores, carrying an item, telling a store's state. */
import type { Chunk, Item } from '../model/item.ts';
import type { Into } from '../model/job.ts';
import type { Receipt } from '../model/receipt.ts';
import { rowsDigest } from '../model/digest.ts';
import { carriedColumns } from '../model/shape.ts';
import { measure } from '../move/measure.ts';
import { chunkHasher } from '../store/content-digest.ts';
import { createRowDigest } from '../store/rows/row-digest.ts';
import type { Draft, DraftOptions, Format, ItemDigest, Payload, Sink, Source, Store } from '../store/store.ts';
import { memoryDriver } from '../drivers/memory/driver.ts';
import { memorySpace, putInSpace } from '../drivers/memory/space.ts';
import type { Sample } from './fixtures.ts';

export const never: AbortSignal = new AbortController().signal;

export const formatOf = (item: Item): Format =>
  item.kind === 'batch' ? 'members' : item.kind === 'table' ? 'rows' : item.kind === 'file' ? 'bytes' : 'nothing';

let memoryStores = 0;

/** A memory store of its own, holding the samples. */
export async function memoryStore(samples: readonly Sample[]): Promise<Required<Store>> {
  const path = `testing-${++memoryStores}`;
  const space = memorySpace(path);
  for (const { item, ...content } of samples) putInSpace(space, item, content);
  const address = { scheme: 'memory', text: `memory:${path}`, path, query: {} };
  return both(await memoryDriver.open(address, {}, never));
}

/** The store, if it can be both ends. */
export function both(store: Store): Required<Store> {
  if (!store.source || !store.sink) throw new TypeError(`${store.address.text} is not both source and target`);
  return store as Required<Store>;
}

export async function listed(source: Source): Promise<Item[]> {
  return (await Array.fromAsync(source.list(() => {}, never))).flat().filter(({ key }) => key !== './');
}

export async function chunksOf(source: Source, item: Item, targetBytes: number): Promise<Chunk[]> {
  if (item.kind === 'batch') return [{ id: 'batch', bytes: item.bytes }];
  return Array.fromAsync(source.split(item, targetBytes, never));
}

export interface Carriage {
  readonly source: Source;
  readonly sink: Sink;
  readonly item: Item;
  readonly into?: Into;
  readonly run?: string;
  readonly step?: number;
  readonly removeKeys?: readonly string[];
  readonly targetBytes?: number;
}

/** An item on its way, stopped at each place a test wants to stop at. */
export async function begin(carriage: Carriage) {
  const { source, sink, item, into = 'replace', run = 'r1', step = 0, removeKeys, targetBytes = 4096 } = carriage;
  const as = sink.adapt(item).item;
  const options: DraftOptions = { into, run, step, ...(removeKeys && { removeKeys }) };
  const draft = await sink.draft(as, undefined, options, never);
  const chunks = await chunksOf(source, item, targetBytes);
  return { source, sink, item, as, options, draft, chunks };
}

type Begun = Awaited<ReturnType<typeof begin>>;

export async function writeChunk(
  { source, item, as }: Pick<Begun, 'source' | 'item' | 'as'>,
  draft: Draft,
  chunk: Chunk,
  { signal = never, alter = (payload: Payload): Payload => payload } = {},
): Promise<Receipt> {
  const payload = alter(await source.read(chunk, item, as, formatOf(item), never));
  const measured = measure(payload, chunk, item, as, 0);
  return measured.receipt(await draft.write(chunk, measured.payload, signal));
}

export async function writeAll(begun: Begun, draft = begun.draft): Promise<Receipt[]> {
  const receipts: Receipt[] = [];
  for (const chunk of begun.chunks) receipts.push(await writeChunk(begun, draft, chunk));
  return receipts;
}

/** Carries one item whole. */
export async function carry(carriage: Carriage): Promise<readonly Receipt[]> {
  const begun = await begin(carriage);
  await using draft = begun.draft;
  const receipts = await writeAll(begun);
  await draft.publish(receipts, never);
  return receipts;
}

/** Carries everything, in the order of stages. */
export async function carryAll(source: Source, sink: Sink, into: Into = 'replace'): Promise<void> {
  const items = await listed(source);
  let step = 0;
  for (const stage of ['before', 'data', 'after', 'last'] as const) {
    const here = items.filter((item) => item.stage === stage);
    if (stage === 'last') here.reverse();
    for (const item of here) await carry({ source, sink, item, into, step: step++ });
  }
}

/** An item's content as read, in the columns of `as`: equal text, equal content. */
export async function contentOf(source: Source, item: Item, as: Item = item): Promise<string> {
  const chunks = await chunksOf(source, item, 64 * 1024);
  if (item.kind === 'table' && as.shape) {
    const digest = createRowDigest(carriedColumns(as.shape).length);
    for (const chunk of chunks) {
      const payload = await source.read(chunk, item, as, 'rows', never);
      if (payload.format === 'rows') for await (const part of payload.parts) digest.update(part);
    }
    return `${digest.rows} rows ${rowsDigest(digest.sum)}`;
  }
  if (item.kind !== 'file') return 'no content';
  const hasher = chunkHasher(0, item.bytes);
  for (const chunk of chunks) {
    const payload = await source.read(chunk, item, as, 'bytes', never);
    if (payload.format === 'bytes') for await (const part of payload.parts) hasher.update(part);
  }
  return `${item.bytes} bytes ${hasher.digest()}`;
}

export async function digestOf(source: Source, item: Item): Promise<ItemDigest> {
  const digest = await source.digest?.(item, item, never);
  if (!digest) throw new TypeError('the store has no digests of its own');
  return digest;
}

/** What a store holds, by key: kind, content and the attributes that are carried. */
export async function stateOf(store: Store): Promise<Record<string, string>> {
  if (!store.source) throw new TypeError('a store that cannot be read has no state to tell');
  const state: Record<string, string> = {};
  for (const item of await listed(store.source)) state[item.key] = await describeItem(store.source, item);
  return state;
}

export async function describeItem(source: Source, item: Item): Promise<string> {
  const { entry, kind } = item;
  const content = await contentOf(source, item);
  if (!entry) return `${kind}, ${content}`;
  if (entry.linkTo !== undefined) return `${kind} of ${entry.linkTo}`;
  const mode = kind === 'symlink' ? '' : ` ${(entry.mode & 0o7777).toString(8)}`;
  return `${kind}${mode} at ${entry.mtime} ${entry.target ?? content}`;
}
