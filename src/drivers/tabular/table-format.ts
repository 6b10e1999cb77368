import { open, type FileHandle } from 'node:fs/promises';
import type { Json } from '../../model/model.ts';
import type { TableShape } from '../../model/shape.ts';
import type { TabularKind } from './options.ts';
import { parquetFooter, parquetMagic } from './parquet-footer.ts';
import { RowGroupWriter, type GroupFacts } from './row-groups.ts';
import { csvDialect, csvHeader, TextRowWriter } from './text-rows.ts';

/** What a chunk's file holds, beside its bytes. */
export interface WrittenRows {
  readonly rows: number;
  readonly facts: Json;
}

export interface ChunkFile {
  readonly path: string;
  readonly facts: Json;
}

/** Writes rows into a chunk's file, and puts chunks' files together as a table's file. */
export interface TableFormat {
  write(
    file: FileHandle,
    shape: TableShape,
    parts: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<WrittenRows & { readonly bytes: number }>;
  assemble(file: FileHandle, shape: TableShape, chunks: readonly ChunkFile[]): Promise<void>;
}

const copyBytes = 1024 * 1024;

export function tableFormat(kind: TabularKind): TableFormat {
  return {
    async write(file, shape, parts, signal) {
      const writer = kind.format === 'parquet' ? new RowGroupWriter(file, shape) : new TextRowWriter(file, shape, kind);
      let bytes = 0;
      for await (const part of parts) {
        signal.throwIfAborted();
        await writer.add(part);
        bytes += part.length;
      }
      await writer.end();
      const facts = writer instanceof RowGroupWriter ? (writer.groups as unknown as Json) : null;
      return { rows: writer.rows, bytes, facts };
    },
    async assemble(file, shape, chunks) {
      const head =
        kind.format === 'parquet'
          ? parquetMagic
          : kind.format === 'csv'
            ? csvHeader(shape, csvDialect(kind))
            : Buffer.alloc(0);
      await file.writev([head], 0);
      let at = head.length;
      const groups: GroupFacts[] = [];
      for (const { path, facts } of chunks) {
        if (kind.format === 'parquet') groups.push(...shifted(facts as unknown as readonly GroupFacts[], at));
        at += await copyInto(file, at, path);
      }
      if (kind.format === 'parquet') await file.writev([parquetFooter(shape, groups)], at);
    },
  };
}

const shifted = (groups: readonly GroupFacts[], by: number): readonly GroupFacts[] =>
  groups.map(({ rows, columns }) => ({
    rows,
    columns: columns.map((column) => ({ ...column, offset: column.offset + by })),
  }));

async function copyInto(file: FileHandle, at: number, path: string): Promise<number> {
  await using from = await open(path, 'r');
  const buffer = Buffer.allocUnsafeSlow(copyBytes);
  let copied = 0;
  for (;;) {
    const { bytesRead } = await from.read(buffer, 0, copyBytes, copied);
    if (bytesRead === 0) return copied;
    for (let done = 0; done < bytesRead;) {
      done += (await file.write(buffer, done, bytesRead - done, at + copied + done)).bytesWritten;
    }
    copied += bytesRead;
  }
}
