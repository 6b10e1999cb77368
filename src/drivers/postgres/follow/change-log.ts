import { ByteWriter } from './byte-writer.ts';
import type { Relation } from './relation.ts';

/** What a batch between two PostgreSQL databases carries: change messages of pgoutput, one after another, each behind
 *  its length and the index of its relation (-1: a truncation, which names its relations itself). No object is made
 *  per change: 100 000 of them are one buffer. */
export interface ChangeLog {
  readonly buffer: Buffer;
  readonly relations: readonly Relation[];
}

/** Bytes before each message: length (4), relation (4). */
export const entryHead = 8;

export const insertMark = 0x49;
export const updateMark = 0x55;
export const deleteMark = 0x44;
export const truncateMark = 0x54;

export class ChangeLogWriter {
  #bytes = new ByteWriter();

  get length(): number {
    return this.#bytes.length;
  }

  append(message: Buffer, start: number, end: number, relation: number): void {
    const bytes = this.#bytes;
    bytes.reserve(entryHead + end - start);
    bytes.int32(end - start);
    bytes.int32(relation);
    bytes.copy(message, start, end);
  }

  /** Gives away the first `length` bytes and keeps the rest. */
  take(length: number): Buffer {
    const taken = this.#bytes;
    // What comes is likely to be as much as what came: growing would copy it again and again.
    this.#bytes = new ByteWriter(Math.max(64 * 1024, taken.length - length, length + length / 16));
    this.#bytes.copy(taken.buffer, length, taken.length);
    return taken.buffer.subarray(0, length);
  }
}
