import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sqliteDriver } from '../drivers/sqlite/driver.ts';
import type { Finding } from '../model/finding.ts';
import type { Chunk, Item } from '../model/item.ts';
import type { Receipt, Reject } from '../model/receipt.ts';
import { parseAddress } from '../model/address.ts';
import type { Sink, Source, Store } from '../store/store.ts';

/** A temporary folder that is removed when disposed. */
export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'waybill-test-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Runs SQL on a database file, which is made where there is none. */
export function runSql(path: string, sql: string): void {
  const db = new DatabaseSync(path, { enableForeignKeyConstraints: false });
  try {
    db.exec(sql);
  } finally {
    db.close();
  }
}

export interface OpenEnds extends Store {
  readonly source: Source;
  readonly sink: Sink;
}

export async function openSqlite(path: string, options: Record<string, unknown> = {}): Promise<OpenEnds> {
  const store = await sqliteDriver.open(parseAddress(`sqlite:${path}`).address, options, never);
  const { source, sink } = store;
  if (!source || !sink) throw new Error('the SQLite driver has both ends');
  return { ...store, source, sink };
}

/** A signal that is never aborted. */
export const never: AbortSignal = new AbortController().signal;

export async function listItems(source: Source, report: (finding: Finding) => void = () => {}): Promise<Item[]> {
  const items: Item[] = [];
  for await (const page of source.list(report, never)) items.push(...page);
  return items;
}

export async function splitItem(source: Source, item: Item, targetBytes: number): Promise<Chunk[]> {
  return Array.fromAsync(source.split(item, targetBytes, never));
}

/** All rows of a chunk in one buffer, and what was left out. */
export async function readChunk(
  source: Source,
  chunk: Chunk,
  item: Item,
  as: Item = item,
): Promise<{ readonly bytes: Buffer; readonly rejects: readonly Reject[] }> {
  const payload = await source.read(chunk, item, as, 'rows', never);
  if (payload.format !== 'rows') throw new Error(`rows were asked for, ${payload.format} came`);
  const parts = await Array.fromAsync(payload.parts);
  return { bytes: Buffer.concat(parts), rejects: payload.rejects };
}

/** Copies items the way the mover does, in order of their stages. */
export async function copyItems(
  from: Source,
  to: Sink,
  items: readonly Item[],
  options: {
    readonly run: string;
    readonly into?: 'empty' | 'append' | 'replace' | 'merge';
    readonly targetBytes?: number;
  },
): Promise<void> {
  const order = ['before', 'data', 'after', 'last'];
  const sorted = items.toSorted((a, b) => order.indexOf(a.stage) - order.indexOf(b.stage));
  for (const [step, item] of sorted.entries()) {
    const as = to.adapt(item).item;
    const draft = await to.draft(as, undefined, { run: options.run, step, into: options.into ?? 'empty' }, never);
    const receipts: Receipt[] = [];
    for (const chunk of await splitItem(from, item, options.targetBytes ?? 1e9)) {
      const stored = await draft.write(chunk, await from.read(chunk, item, as, 'rows', never), never);
      receipts.push({ chunk: chunk.id, digest: '', ...stored });
    }
    await draft.publish(receipts, never);
  }
}
