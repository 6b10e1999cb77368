import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseAddress } from '../../model/address.ts';
import type { Finding } from '../../model/finding.ts';
import type { Item } from '../../model/item.ts';
import type { Reject } from '../../model/receipt.ts';
import { carriedColumns } from '../../model/shape.ts';
import { fieldText, RowReader } from '../../store/rows/row-reader.ts';
import type { Driver, Source, Store } from '../../store/store.ts';
import { nameOfType } from './read-types.ts';
import { shapeOf } from './shape-of.ts';

const never = new AbortController().signal;

/** A folder of the given files, removed when disposed. */
export function folderOf(files: Readonly<Record<string, string | Uint8Array>>): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'waybill-tabular-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), content);
  }
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export async function openFiles(
  driver: Driver,
  path: string,
  options: Readonly<Record<string, unknown>> = {},
): Promise<Store & { readonly source: Source }> {
  const store = await driver.open(parseAddress(`${driver.scheme}:${path}`).address, options, never);
  if (!store.source) throw new TypeError('it cannot be read');
  return { ...store, source: store.source };
}

export interface SeenTable {
  readonly name: string;
  readonly types: Readonly<Record<string, string>>;
  /** Texts as PostgreSQL prints them; null for NULL. */
  readonly rows: readonly (readonly (string | null)[])[];
  readonly rejects: readonly Reject[];
}

export interface Seen {
  readonly tables: readonly SeenTable[];
  readonly findings: readonly Finding[];
}

/** Everything that a store gives, in chunks of `targetBytes`. */
export async function readAll(
  driver: Driver,
  path: string,
  options: Readonly<Record<string, unknown>> = {},
  targetBytes = 1e9,
): Promise<Seen> {
  await using store = await openFiles(driver, path, options);
  const findings: Finding[] = [];
  const items = (await Array.fromAsync(store.source.list((finding) => findings.push(finding), never))).flat();
  const tables: SeenTable[] = [];
  for (const item of items) tables.push(await readTable(store.source, item, targetBytes));
  return { tables, findings };
}

async function readTable(source: Source, item: Item, targetBytes: number): Promise<SeenTable> {
  const columns = carriedColumns(shapeOf(item));
  const rows: (string | null)[][] = [];
  const rejects: Reject[] = [];
  for await (const chunk of source.split(item, targetBytes, never)) {
    const payload = await source.read(chunk, item, item, 'rows', never);
    if (payload.format !== 'rows') continue;
    for await (const part of payload.parts) {
      const reader = new RowReader(columns.length).open(part);
      while (reader.next()) {
        rows.push(
          columns.map(({ type }, i) => {
            const field = reader.field(i);
            return field === null ? null : fieldText(type, field);
          }),
        );
      }
    }
    rejects.push(...payload.rejects);
  }
  const types = Object.fromEntries(columns.map(({ name, type }) => [name, nameOfType(type)]));
  return { name: item.key, types, rows, rejects };
}
