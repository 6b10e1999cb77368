import { MigrationError } from '../../model/migration-error.ts';
import { kernelBase64 } from './frame-kernel.gen.ts';

/** Neither TypeScript's esnext library nor Node's types declare this global. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly read: { readonly value: number };
  readonly written: { readonly value: number };
  readonly rows: { value: number };
  readonly sum: { value: bigint };
  readonly header: { value: number };
  unframe(from: number, to: number, out: number, end: number, columns: number, text: number): number;
  add(row: number, next: number, columns: number, text: number): number;
}

const reasons = { moreInput: 0, otherMessage: 1, noRoom: 2 };
const memoryPage = 65_536;
/** The kernel reads whole words at the end of a field. */
const slackBytes = 16;
const frameBytes = 5;
const headerBytes = 19;
/** Rows gather at the front of the memory, what comes from the socket lies behind them. */
const partBytes = 256 * 1024;
const inputAt = partBytes;
/** A kernel that had to take a huge row is dropped, so that its memory is not kept. */
const keptBytes = 8 * 1024 * 1024;

const kernelModule = new WebAssembly.Module(Buffer.from(kernelBase64, 'base64'));
const idle: Kernel[] = [];

/** Memory of parts that are done with: to make it anew each time costs more than the rows in it. */
const spare: Buffer[] = [];
const spareParts = 8;

/** Takes the messages of a COPY TO STDOUT apart: rows into parts, the rest to whom it concerns. */
export class FrameReader implements Disposable {
  readonly #kernel: Kernel;
  readonly #columns: number;
  readonly #text: boolean;
  readonly #onPart: (part: Buffer) => void;
  #memory: Uint8Array;
  /** Bytes in the part that is being filled. */
  #filled = 0;
  /** Bytes of a message that has not come whole. */
  #held = 0;

  /** A part holds whole rows and belongs to the caller, who may return it with `reuse`. */
  constructor(columns: number, text: boolean, onPart: (part: Buffer) => void) {
    this.#kernel =
      idle.pop() ?? (new WebAssembly.Instance(kernelModule, { env: { abort: aborted } }).exports as Kernel);
    this.#kernel.rows.value = 0;
    this.#kernel.sum.value = 0n;
    this.#kernel.header.value = text ? 0 : 1;
    this.#columns = columns;
    this.#text = text;
    this.#onPart = onPart;
    this.#memory = this.#reserve(0);
  }

  get rows(): number {
    return this.#kernel.rows.value;
  }

  get sum(): bigint {
    return BigInt.asUintN(64, this.#kernel.sum.value);
  }

  /** Takes what the socket gave. Whole messages that are no rows go to `onOther`, which may keep them; those behind a
   *  ReadyForQuery do as well. Throws `chunk.corrupt`. */
  push(data: Uint8Array, onOther: (message: Buffer) => void): void {
    this.#memory = this.#reserve(this.#held + data.length);
    this.#memory.set(data, inputAt + this.#held);
    const end = inputAt + this.#held + data.length;
    let from = inputAt;
    for (;;) {
      const reason = this.#kernel.unframe(from, end, this.#filled, partBytes, this.#columns, this.#text ? 1 : 0);
      from = this.#kernel.read.value;
      this.#filled = this.#kernel.written.value;
      if (reason === reasons.moreInput) break;
      if (reason === reasons.noRoom) {
        if (this.#filled > 0) this.flush();
        else from = this.#takeHuge(from);
        continue;
      }
      if (reason !== reasons.otherMessage) throw corrupt();
      const length = this.#lengthAt(from);
      if (from + length > end) break;
      onOther(Buffer.from(this.#memory.subarray(from, from + length)));
      from += length;
    }
    this.#held = end - from;
    if (from > inputAt) this.#memory.copyWithin(inputAt, from, end);
    // Room for a huge message is made once, not doubled.
    if (this.#held >= frameBytes) this.#memory = this.#reserve(this.#lengthAt(inputAt));
  }

  /** Gives out the rows that have come. */
  flush(): void {
    if (this.#filled > 0) {
      const part = spare.pop() ?? Buffer.allocUnsafeSlow(partBytes);
      part.set(this.#memory.subarray(0, this.#filled));
      this.#onPart(part.subarray(0, this.#filled));
    }
    this.#filled = 0;
  }

  /** Takes a part's memory back. */
  reuse({ buffer }: Buffer): void {
    if (buffer.byteLength === partBytes && spare.length < spareParts) spare.push(Buffer.from(buffer));
  }

  [Symbol.dispose](): void {
    if (this.#memory.length <= keptBytes) idle.push(this.#kernel);
  }

  /** A row that is larger than a part becomes one of its own. */
  #takeHuge(from: number): number {
    const next = from + this.#lengthAt(from);
    const row = from + frameBytes + (this.#kernel.header.value ? headerBytes : 0);
    this.#kernel.header.value = 0;
    this.#onPart(Buffer.from(this.#memory.subarray(row, next)));
    if (!this.#kernel.add(row, next, this.#columns, this.#text ? 1 : 0)) throw corrupt();
    return next;
  }

  #lengthAt(at: number): number {
    return new DataView(this.#memory.buffer).getUint32(at + 1) + 1;
  }

  /** So many bytes of input. */
  #reserve(bytes: number): Uint8Array {
    const { memory } = this.#kernel;
    const missing = inputAt + bytes + slackBytes - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / memoryPage));
    return new Uint8Array(memory.buffer);
  }
}

function aborted(): never {
  throw new Error('the frame kernel was aborted');
}

const corrupt = (): MigrationError =>
  new MigrationError('chunk.corrupt', 'The server sent rows that do not have the columns that were asked for.');
