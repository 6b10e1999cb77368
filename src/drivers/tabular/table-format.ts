import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder, writeAtomically } from '../../lib/write-atomically.ts';
import type { Json } from '../../model/model.ts';
import type { TableShape } from '../../model/shape.ts';
import type { TabularKind } from './options.ts';
import { parquetFooter, parquetMagic } from './parquet-footer.ts';
import { partitionColumns } from './partition.ts';
import { fileShape, PartitionedRowWriter, type PartFacts } from './partitioned-rows.ts';
import { RowGroupWriter, type GroupFacts } from './row-groups.ts';
import { csvDialect, csvHeader, TextRowWriter } from './text-rows.ts';
import { WriteQueue } from './write-queue.ts';

/** What a chunk's file holds, beside its bytes. */
export interface WrittenRows {
  readonly rows: number;
  readonly bytes: number;
  readonly facts: Json;
}

export interface ChunkFile {
  readonly path: string;
  readonly facts: Json;
}

/** Rows of a chunk into its file. */
export async function writeRows(
  file: FileHandle,
  kind: TabularKind,
  shape: TableShape,
  parts: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<WrittenRows> {
  const queue = new WriteQueue(file);
  const partition = partitionColumns(kind, shape);
  const writer =
    kind.format !== 'parquet'
      ? new TextRowWriter(queue, shape, kind)
      : partition.length > 0
        ? new PartitionedRowWriter(queue, shape, partition)
        : new RowGroupWriter(queue, shape);
  let bytes = 0;
  for await (const part of parts) {
    signal.throwIfAborted();
    await writer.add(part);
    bytes += part.length;
  }
  await writer.end();
  return { rows: writer.rows, bytes, facts: factsOf(writer) as unknown as Json };
}

function factsOf(writer: TextRowWriter | PartitionedRowWriter | RowGroupWriter): readonly PartFacts[] {
  if (writer instanceof PartitionedRowWriter) return writer.parts;
  return writer instanceof RowGroupWriter ? [{ groups: writer.groups }] : [];
}

/** Puts chunks' files together as a table's file, or as the folder of a partitioned table. True: it is a folder. */
export async function assembleTable(
  path: string,
  kind: TabularKind,
  shape: TableShape,
  chunks: readonly ChunkFile[],
): Promise<boolean> {
  const parts = chunks.flatMap((chunk) =>
    (chunk.facts as unknown as readonly PartFacts[]).map((part) => ({ ...part, path: chunk.path })),
  );
  const folders = Map.groupBy(parts, ({ folder }) => folder);
  folders.delete(undefined);
  if (kind.format !== 'parquet' || folders.size === 0) {
    await writeAtomically(path, 0o644, async (file) => {
      const queue = new WriteQueue(file);
      if (kind.format === 'parquet') await writeParquet(queue, shape, shape, parts);
      else {
        if (kind.format === 'csv') await queue.write([csvHeader(shape, csvDialect(kind))]);
        for (const chunk of chunks) await copyBytes(queue, chunk.path, 0, Infinity);
      }
    });
    return false;
  }
  const left = fileShape(shape, partitionColumns(kind, shape));
  for (const [folder = '', own] of folders) {
    const target = join(path, folder, 'part-0.parquet');
    await mkdir(dirname(target), { recursive: true });
    await writeAtomically(target, 0o644, (file) => writeParquet(new WriteQueue(file), left, shape, own));
  }
  await syncFolder(path);
  return true;
}

/** `shape` is that of the file, `whole` that of the table. */
async function writeParquet(
  queue: WriteQueue,
  shape: TableShape,
  whole: TableShape,
  parts: readonly (PartFacts & { readonly path: string })[],
): Promise<void> {
  await queue.write([parquetMagic]);
  const groups: GroupFacts[] = [];
  for (const part of parts) {
    for (const group of part.groups) {
      const from = group.columns[0]?.offset ?? 0;
      groups.push(shifted(group, queue.at - from));
      const length = group.columns.reduce((sum, { bytes }) => sum + bytes, 0);
      await copyBytes(queue, part.path, from, length);
    }
  }
  await queue.write([parquetFooter(shape, whole, groups)]);
}

const shifted = ({ rows, columns }: GroupFacts, by: number): GroupFacts => ({
  rows,
  columns: columns.map((column) => ({ ...column, offset: column.offset + by })),
});

const copiedAtOnce = 1024 * 1024;

async function copyBytes(queue: WriteQueue, path: string, from: number, length: number): Promise<void> {
  await using file = await open(path, 'r');
  const buffer = Buffer.allocUnsafeSlow(Math.min(copiedAtOnce, length));
  for (let copied = 0; copied < length;) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, length - copied), from + copied);
    if (bytesRead === 0) break;
    await queue.write([buffer.subarray(0, bytesRead)]);
    copied += bytesRead;
  }
}
