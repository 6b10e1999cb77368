import { open, type FileHandle } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { MigrationError } from '../../model/migration-error.ts';
import type { InputFile } from './find-files.ts';

export const blockBytes = 256 * 1024;

export const isCompressed = ({ path }: InputFile): boolean => /\.(gz|zst)$/i.test(path);

/** Files that a snapshot keeps open: what they hold stays readable when their names are gone. */
export type HeldFiles = ReadonlyMap<string, FileHandle>;

/** Bytes [from, to) of a file in blocks that begin at `from`, every one but the last of `blockBytes`; the whole of a
 *  compressed one, unpacked. A block is overwritten when the next but one is asked for. Throws `source.moved` when it is no longer the file that was listed. */
export async function* readBlocks(
  file: InputFile,
  from: number,
  to: number | undefined,
  held: HeldFiles,
): AsyncGenerator<Uint8Array> {
  const kept = held.get(file.path);
  const handle = kept ?? (await openInput(file));
  try {
    await refuseMoved(file, handle);
    if (isCompressed(file)) yield* unpacked(file, handle);
    else yield* plain(handle, from, to ?? file.bytes);
    await refuseMoved(file, handle);
  } finally {
    if (!kept) await handle.close();
  }
}

export async function openInput(file: InputFile): Promise<FileHandle> {
  try {
    return await open(file.path, 'r');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw moved(file);
    throw new MigrationError('store.denied', `${file.path} cannot be read: ${message}.`, {
      where: file.name,
      hint: 'Give the user who runs this the right to read it.',
      cause: error,
    });
  }
}

async function refuseMoved(file: InputFile, handle: FileHandle): Promise<void> {
  const { size, mtimeNs } = await handle.stat({ bigint: true });
  if (Number(size) !== file.bytes || String(mtimeNs) !== file.mtime) throw moved(file);
}

export const moved = (file: Pick<InputFile, 'path' | 'name'>): MigrationError =>
  new MigrationError('source.moved', `${file.path} was changed since it was listed.`, {
    where: file.name,
    hint: 'Stop what writes to it, then run again.',
  });

async function* plain(handle: FileHandle, from: number, to: number): AsyncGenerator<Uint8Array> {
  // One is worked on, one is being read, one may still be looked at.
  const buffers = Array.from({ length: Math.min(3, Math.ceil((to - from) / blockBytes)) }, () =>
    Buffer.allocUnsafeSlow(Math.min(blockBytes, to - from)),
  );
  let turn = 0;
  const read = async (at: number): Promise<Buffer> => {
    const wanted = Math.min(blockBytes, to - at);
    const block = buffers[turn++ % buffers.length] ?? Buffer.allocUnsafeSlow(wanted);
    let got = 0;
    while (got < wanted) {
      const { bytesRead } = await handle.read(block, got, wanted - got, at + got);
      if (bytesRead === 0) break;
      got += bytesRead;
    }
    return block.subarray(0, got);
  };
  // The next block is on its way while this one is worked on.
  let next = from < to ? read(from) : undefined;
  for (let at = from; next;) {
    const block = await next;
    at += block.length;
    next = at < to && block.length > 0 ? read(at) : undefined;
    next?.catch(() => {});
    if (block.length > 0) yield block;
  }
}

/** For who holds several at a time. */
async function* copied(blocks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const block of blocks) yield Buffer.from(block);
}

async function* unpacked(file: InputFile, handle: FileHandle): AsyncGenerator<Uint8Array> {
  const input = Readable.from(copied(plain(handle, 0, file.bytes)), { objectMode: false });
  const unpack = /\.gz$/i.test(file.path)
    ? createGunzip({ chunkSize: blockBytes })
    : createZstdDecompress({ chunkSize: blockBytes });
  pipeline(input, unpack, () => {});
  let block = Buffer.allocUnsafeSlow(blockBytes);
  let used = 0;
  try {
    for await (const piece of unpack as AsyncIterable<Buffer>) {
      for (let at = 0; at < piece.length;) {
        const taken = piece.copy(block, used, at);
        used += taken;
        at += taken;
        if (used < blockBytes) continue;
        yield block;
        block = Buffer.allocUnsafeSlow(blockBytes);
        used = 0;
      }
    }
  } catch (error) {
    throw new MigrationError('item.unreadable', `${file.path} cannot be unpacked: ${(error as Error).message}.`, {
      where: file.name,
      hint: 'The file is cut short or damaged: fetch it again.',
      cause: error,
    });
  } finally {
    input.destroy();
    unpack.destroy();
  }
  if (used > 0) yield block.subarray(0, used);
}
