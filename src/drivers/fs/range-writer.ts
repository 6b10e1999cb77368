import { writeSync } from 'node:fs';
import { blockBytes, type Posix } from '../../lib/posix.ts';
import type { FilePart } from '../../store/store.ts';
import { systemCode } from './fs-error.ts';

const writebackBytes = 8 * 1024 * 1024;
const zeros = new Uint8Array(1024 * 1024);

/** Writes the parts of one range of a file, in ascending order, and makes holes of what lies between them. */
export interface RangeWriter {
  write(part: FilePart): void;
  /** The rest of the range is a hole. */
  finish(): void;
}

/** `direct` is the same file opened past the page cache, if it can be: aligned parts go there. Parts that cannot are
 *  sent to the disk while the next are read, so that the sync at the end has little left to wait for. */
export function rangeWriter(
  posix: Posix,
  file: number,
  direct: number | undefined,
  from: number,
  to: number,
): RangeWriter {
  let past = direct;
  let at = from;
  let started = from;
  return {
    write({ offset, bytes }) {
      if (offset > at) clear(at, offset);
      const done = writeDirect(bytes, offset);
      writeFully(file, bytes, done, offset + done);
      at = offset + bytes.length;
      if (done === 0 && at - started >= writebackBytes) {
        posix.startWriteback(file, started, at - started);
        started = at;
      }
    },
    finish() {
      if (at < to) clear(at, to);
    },
  };

  /** How many of the bytes it took: whole blocks, or none. */
  function writeDirect(bytes: Uint8Array, offset: number): number {
    if (past === undefined || offset % blockBytes !== 0 || !posix.isAligned(bytes)) return 0;
    const whole = bytes.length - (bytes.length % blockBytes);
    try {
      writeFully(past, whole === bytes.length ? bytes : bytes.subarray(0, whole), 0, offset);
      return whole;
    } catch (error) {
      if (systemCode(error) !== 'EINVAL') throw error;
      // The file system wants another alignment: from here on through the page cache.
      past = undefined;
      return 0;
    }
  }

  /** Makes a hole, whatever an earlier attempt may have written there. */
  function clear(start: number, end: number): void {
    if (posix.punchHole(file, start, end)) return;
    for (let offset = start; offset < end; offset += zeros.length) {
      writeFully(file, zeros.subarray(0, Math.min(zeros.length, end - offset)), 0, offset);
    }
  }
}

/** Writes `bytes` from index `from` on, at `offset` of the file. */
function writeFully(file: number, bytes: Uint8Array, from: number, offset: number): void {
  for (let done = from; done < bytes.length;) {
    done += writeSync(file, bytes, done, bytes.length - done, offset + done - from);
  }
}
