import { write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { blockBytes, type Posix } from '../../lib/posix.ts';
import type { FilePart } from '../../store/store.ts';
import type { BufferPool } from './buffer-pool.ts';
import { systemCode } from './fs-error.ts';

const writeLater = promisify(write);
const writebackBytes = 8 * 1024 * 1024;
const zeros = new Uint8Array(1024 * 1024);

/** Writes the parts of one range of a file, in ascending order, and makes holes of what lies between them. */
export interface RangeWriter {
  write(part: FilePart): Promise<void>;
  /** The rest of the range is a hole. Resolves when the system has everything; a sync makes it durable. */
  finish(): Promise<void>;
  /** Waits for what is under way, whatever becomes of it: only then may the file be closed. */
  end(): Promise<void>;
}

/** Through the page cache. The disk begins to write while the next parts are read, so that the sync at the end has
 *  little left to wait for. */
export function cachedWriter(posix: Posix, file: number, from: number, to: number): RangeWriter {
  let at = from;
  let started = from;
  return {
    async write({ offset, bytes }) {
      if (offset > at) makeHole(posix, file, at, offset);
      writeFully(file, bytes, offset);
      at = offset + bytes.length;
      if (at - started < writebackBytes) return;
      posix.startWriteback(file, started, at - started);
      started = at;
    },
    async finish() {
      if (at < to) makeHole(posix, file, at, to);
    },
    async end() {
      // Every write has ended when it returns.
    },
  };
}

/** Past the page cache, through the same file opened as `direct`. Parts are gathered into aligned blocks; one block is
 *  on its way to the disk while the next is filled. */
export function directWriter(
  posix: Posix,
  buffers: BufferPool,
  file: number,
  direct: number,
  from: number,
  to: number,
): RangeWriter {
  let filling = buffers.borrow();
  let resting = buffers.borrow();
  let filled = 0;
  let at = from;
  let underWay: Promise<void> = Promise.resolve();

  return {
    async write({ offset, bytes }) {
      if (offset > at + filled) {
        await send();
        makeHole(posix, file, at, offset);
        at = offset;
      }
      for (let taken = 0; taken < bytes.length;) {
        const length = Math.min(filling.length - filled, bytes.length - taken);
        filling.set(bytes.subarray(taken, taken + length), filled);
        filled += length;
        taken += length;
        if (filled === filling.length) await send();
      }
    },
    async finish() {
      await send();
      await underWay;
      if (at < to) makeHole(posix, file, at, to);
    },
    async end() {
      await underWay.catch(() => {});
      buffers.giveBack(filling);
      buffers.giveBack(resting);
    },
  };

  async function send(): Promise<void> {
    await underWay;
    const block = filling.subarray(0, filled);
    underWay = writeBlock(block, at);
    // Whoever waits for it next hears of its failure; until then it is no unhandled one.
    underWay.catch(() => {});
    at += filled;
    filled = 0;
    [filling, resting] = [resting, filling];
  }

  async function writeBlock(block: Uint8Array, offset: number): Promise<void> {
    const whole = offset % blockBytes === 0 ? block.length - (block.length % blockBytes) : 0;
    let done = 0;
    try {
      while (done < whole) done += (await writeLater(direct, block, done, whole - done, offset + done)).bytesWritten;
    } catch (error) {
      // EINVAL: the file system wants another alignment. The page cache takes the rest.
      if (systemCode(error) !== 'EINVAL') throw error;
    }
    writeFully(file, block.subarray(done), offset + done);
  }
}

/** Makes a hole, whatever an earlier attempt may have written there. */
function makeHole(posix: Posix, file: number, from: number, to: number): void {
  if (posix.punchHole(file, from, to)) return;
  for (let at = from; at < to; at += zeros.length) {
    writeFully(file, zeros.subarray(0, Math.min(zeros.length, to - at)), at);
  }
}

function writeFully(file: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(file, bytes, done, bytes.length - done, offset + done);
  }
}
