import { readSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { MigrationError } from '../../model/migration-error.ts';
import { findDescriptor, isDescriptorOf } from './position.ts';

/** The pages of a database file, read without SQLite. Only for a file that cannot change: a read transaction is held,
 *  and nothing of the database stands in a write-ahead log. */
export interface TablePages {
  readonly page: { readonly bytes: number; readonly reserved: number };
  /** The leaf pages that may hold rows with numbers in [low, high], ascending by row number. */
  leaves(low: bigint, high: bigint): Generator<LeafPage>;
  /** Reads `count` pages that follow one another. */
  read(first: number, count: number, to: Uint8Array): void;
}

export interface LeafPage {
  readonly number: number;
  /** No row of the page has a higher number; undefined for the last page of a table. */
  readonly highest: bigint | undefined;
}

const leafType = 13;
const interiorType = 5;
const utf8 = 1;

/** Undefined where the file cannot be read this way: no descriptor, or text that is not UTF-8. */
export function openTablePages(db: DatabaseSync, path: string, table: string): TablePages | undefined {
  const descriptor = findDescriptor(path);
  if (descriptor === undefined) return undefined;
  const header = Buffer.alloc(100);
  if (readSync(descriptor, header, 0, 100, 0) !== 100) return undefined;
  if (header.readUInt32BE(56) !== utf8) return undefined;
  const bytes = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  const page = { bytes, reserved: header[20] ?? 0 };
  const root = Number(
    db.prepare("SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = ?").get(table)?.['rootpage'],
  );
  if (!(root > 1)) return undefined;

  function read(first: number, count: number, to: Uint8Array): void {
    const length = count * bytes;
    const got = readSync(descriptor ?? -1, to, 0, length, (first - 1) * bytes);
    if (got !== length || !isDescriptorOf(descriptor ?? -1, path)) throw damaged(path, first);
  }

  function* leaves(low: bigint, high: bigint): Generator<LeafPage> {
    const start = readPage(root);
    if (start[0] === leafType) yield { number: root, highest: undefined };
    else yield* under(start, root, depthOf(start), low, high);
  }

  /** Steps from an interior page down to the leaves: the same everywhere in a tree. */
  function depthOf(start: Buffer): number {
    let depth = 1;
    for (let at = readPage(firstChild(start)); at[0] === interiorType; at = readPage(firstChild(at))) depth++;
    return depth;
  }

  function* under(from: Buffer, number: number, depth: number, low: bigint, high: bigint): Generator<LeafPage> {
    if (from[0] !== interiorType) throw damaged(path, number);
    for (const { child, lowest, highest } of children(from)) {
      if (highest !== undefined && highest < low) continue;
      if (lowest !== undefined && lowest >= high) return;
      if (depth === 1) yield { number: child, highest };
      else yield* under(readPage(child), child, depth - 1, low, high);
    }
  }

  function readPage(number: number): Buffer {
    const content = Buffer.alloc(bytes);
    read(number, 1, content);
    return content;
  }

  return { page, leaves, read };
}

/** The children of an interior page in order; their row numbers are above `lowest` and up to `highest`. */
function* children(
  page: Buffer,
): Generator<{ readonly child: number; readonly lowest: bigint | undefined; readonly highest: bigint | undefined }> {
  const cells = page.readUInt16BE(3);
  let lowest: bigint | undefined;
  for (let i = 0; i < cells; i++) {
    const at = page.readUInt16BE(12 + 2 * i);
    const highest = readVarint(page, at + 4);
    yield { child: page.readUInt32BE(at), lowest, highest };
    lowest = highest;
  }
  yield { child: page.readUInt32BE(8), lowest, highest: undefined };
}

const firstChild = (page: Buffer): number =>
  page.readUInt16BE(3) > 0 ? page.readUInt32BE(page.readUInt16BE(12)) : page.readUInt32BE(8);

function readVarint(page: Buffer, at: number): bigint {
  let value = 0n;
  for (let i = 0; i < 8; i++) {
    const byte = page[at + i] ?? 0;
    value = (value << 7n) | BigInt(byte & 0x7f);
    if (byte < 0x80) return value;
  }
  return BigInt.asIntN(64, (value << 8n) | BigInt(page[at + 8] ?? 0));
}

export const damaged = (path: string, page: number): MigrationError =>
  new MigrationError('item.unreadable', `${path}: page ${page} of the file is damaged.`, {
    hint: 'sqlite3 FILE "PRAGMA integrity_check" names the damage; sqlite3 FILE .recover saves what can be read.',
    where: path,
  });
