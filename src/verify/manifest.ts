import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createZstdCompress, createZstdDecompress } from 'node:zlib';
import { Blake3Hasher } from '@napi-rs/blake-hash';
import type { Difference } from '../model/difference.ts';
import type { BaseContent } from '../model/event.ts';
import type { ItemKind } from '../model/item.ts';
import type { ErrorRecord } from '../model/migration-error.ts';
import type { Reject } from '../model/receipt.ts';

/** One line of `<run>.manifest.jsonl.zst`; docs/bill-format.md says what each means. */
export type ManifestLine =
  | ItemLine
  /** Part of a file that travelled in several chunks; follows the item's line. */
  | {
      readonly type: 'chunk';
      readonly shipment: number;
      readonly key: string;
      readonly chunk: string;
      readonly bytes: number;
      readonly digest: string;
    }
  | { readonly type: 'removed'; readonly shipment: number; readonly kind: ItemKind; readonly key: string }
  | { readonly type: 'reject'; readonly shipment: number; readonly reject: Reject }
  | { readonly type: 'failure'; readonly shipment: number; readonly failure: Failure }
  /** Planned, and neither carried nor failed: the run ended before. */
  | { readonly type: 'unreached'; readonly shipment: number; readonly item: ItemName }
  | { readonly type: 'difference'; readonly shipment: number; readonly difference: Difference };

/** An item that is whole at the target. `digest` is absent when `chunk` lines follow. */
export interface ItemLine {
  readonly type: 'item';
  readonly shipment: number;
  readonly kind: ItemKind;
  readonly key: string;
  /** Its key at the target, where that is another one. */
  readonly as?: string;
  readonly bytes: number;
  readonly rows?: number;
  readonly digest?: string;
  /** What the target's table held before rows were appended. */
  readonly base?: BaseContent;
  /** Rows that a merge deleted at the target. */
  readonly removedRows?: number;
  /** Absent when it was not verified. */
  readonly equal?: boolean;
}

export interface ItemName {
  readonly action: 'copy' | 'remove';
  readonly kind: ItemKind;
  readonly key: string;
}

export interface Failure extends ItemName {
  readonly error: ErrorRecord;
}

/** What the bill says of the manifest, so that its signature covers it. */
export interface ManifestRecord {
  /** Name of the file, beside the bill. */
  readonly file: string;
  readonly lines: number;
  readonly bytes: number;
  /** BLAKE3 of the compressed file. */
  readonly digest: string;
}

const batchCharacters = 1 << 16;

/** Compresses the lines into the file. */
export async function writeManifest(
  lines: AsyncIterable<Iterable<ManifestLine>>,
  file: FileHandle,
): Promise<Omit<ManifestRecord, 'file'>> {
  const hasher = new Blake3Hasher();
  let count = 0;
  let bytes = 0;
  await pipeline(
    Readable.from(
      inBatches(lines, () => {
        count += 1;
      }),
    ),
    createZstdCompress(),
    async (parts: AsyncIterable<Buffer>) => {
      for await (const part of parts) {
        hasher.update(part);
        bytes += part.length;
        await file.appendFile(part);
      }
    },
  );
  return { lines: count, bytes, digest: `b3:${hasher.digest('hex')}` };
}

async function* inBatches(pieces: AsyncIterable<Iterable<ManifestLine>>, counted: () => void): AsyncGenerator<Buffer> {
  let batch = '';
  for await (const lines of pieces) {
    for (const line of lines) {
      batch += `${JSON.stringify(line)}\n`;
      counted();
      if (batch.length < batchCharacters) continue;
      yield Buffer.from(batch);
      batch = '';
    }
  }
  yield Buffer.from(batch);
}

/** Reads a manifest line by line and tells what it is, to be compared with the bill's record. */
export async function readManifest(
  path: string,
  add: (line: ManifestLine) => void,
): Promise<Omit<ManifestRecord, 'file'>> {
  const hasher = new Blake3Hasher();
  const decoder = new TextDecoder();
  let bytes = 0;
  let lines = 0;
  let rest = '';
  await pipeline(
    createReadStream(path),
    async function* (parts: AsyncIterable<Buffer>) {
      for await (const part of parts) {
        hasher.update(part);
        bytes += part.length;
        yield part;
      }
    },
    createZstdDecompress(),
    async (parts: AsyncIterable<Buffer>) => {
      for await (const part of parts) {
        const texts = (rest + decoder.decode(part, { stream: true })).split('\n');
        rest = texts.pop() ?? '';
        for (const text of texts) add(JSON.parse(text) as ManifestLine);
        lines += texts.length;
      }
    },
  );
  if (rest !== '') throw new Error('its last line is not whole');
  return { lines, bytes, digest: `b3:${hasher.digest('hex')}` };
}
