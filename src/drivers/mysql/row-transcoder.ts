import { MigrationError } from '../../model/migration-error.ts';
import { kernelBase64 } from './row-kernel.gen.ts';

/** One selected column, as row-kernel.as.ts reads it. */
export interface ColumnOp {
  readonly wire: number;
  readonly kind: number;
  readonly nullable: boolean;
  readonly flags: number;
  readonly limit: number;
  readonly limit2: number;
}

/** A row that was left out. */
export interface RefusedRow {
  readonly column: number;
  readonly reason: number;
  /** The key columns' fields as one canonical row, where they have one. */
  readonly key: Buffer | undefined;
}

/** What happened to the bytes that were fed: more are needed; a part is full and must be taken; a row was refused; the
 *  packet that ends the rows came (`endPacket`). */
export type Progress = 'more' | 'full' | 'refused' | 'ended';

/** Neither TypeScript's esnext library nor Node's types declare this global. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

interface Global {
  value: number;
}

interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly out: Readonly<Global>;
  readonly outEnd: Global;
  readonly next: Global;
  readonly rowAt: Global;
  readonly rowEnd: Global;
  readonly badColumn: Global;
  readonly reason: Global;
  rewind(to: number): void;
  layout(ops: number, places: number, columns: number): void;
  transcode(from: number, to: number): number;
  row(from: number, to: number): number;
  writeKey(from: number, to: number, keys: number, count: number): number;
}

const kernelModule = new WebAssembly.Module(Buffer.from(kernelBase64, 'base64'));
/** Kernels that no transcoder uses: each holds some memory, and there may be thousands of chunks. */
const idle: Kernel[] = [];

const opBytes = 16;
const memoryPage = 65_536;
const slackBytes = 64;
/** Beside its own bytes a value takes no more than this in a canonical row. */
const growth = 32;
const longestFrame = 0xffffff;
const inputBytes = 256 * 1024;
const states = ['more', 'full', 'refused', 'ended', 'large'] as const;

/** Turns row packets into canonical rows. Feed it what the socket gives, then `step` until it wants more. */
export class RowTranscoder implements Disposable {
  readonly #ops: readonly ColumnOp[];
  readonly #keys: readonly number[];
  readonly #partBytes: number;
  #kernel: Kernel;
  /** Where the input area begins; it ends where the output begins. */
  #inputAt = 0;
  #outputAt = 0;
  /** The input that is not consumed. */
  #from = 0;
  #to = 0;
  /** A row that came in several frames: how much of its last frame is still to come, while it is put together. */
  #large: { missing: number; last: boolean } | undefined;
  #enlarged = false;

  /** `keys`: positions, among the columns, of those that name a row. */
  constructor(ops: readonly ColumnOp[], keys: readonly number[], partBytes: number) {
    this.#ops = ops;
    this.#keys = keys;
    this.#partBytes = partBytes;
    this.#kernel = idle.pop() ?? startKernel();
    this.#layOut(inputBytes, partBytes);
  }

  /** Bytes of rows that can be taken. */
  get bytes(): number {
    return this.#kernel.out.value - this.#outputAt;
  }

  /** The rows so far, copied. */
  take(): Buffer {
    const part = Buffer.from(this.#kernel.memory.buffer.slice(this.#outputAt, this.#kernel.out.value));
    this.#kernel.rewind(this.#outputAt);
    return part;
  }

  /** Only after `step` wanted more. */
  feed(chunk: Uint8Array): void {
    const kept = this.#to - this.#from;
    this.#reserveInput(kept + chunk.length);
    this.#memory().set(chunk, this.#to);
    this.#to += chunk.length;
  }

  step(): Progress {
    if (this.#large) return this.#stepLarge();
    const state = states[this.#kernel.transcode(this.#from, this.#to)] ?? 'ended';
    this.#from = this.#kernel.next.value;
    if (state === 'large') {
      this.#large = { missing: 0, last: false };
      return this.#stepLarge();
    }
    if (state === 'full' && this.bytes === 0) {
      this.#enlargeOutput(this.#frameLength() + growth * this.#ops.length + slackBytes);
      return this.step();
    }
    return state;
  }

  /** The row that `step` refused. */
  refused(): RefusedRow {
    const kernel = this.#kernel;
    const [from, to] = [kernel.rowAt.value, kernel.rowEnd.value];
    const [column, reason] = [kernel.badColumn.value, kernel.reason.value];
    const end = this.#keys.length > 0 ? kernel.writeKey(from, to, this.#keysAt(), this.#keys.length) : 0;
    const key = end > 0 ? Buffer.from(kernel.memory.buffer.slice(kernel.out.value, end)) : undefined;
    return { column, reason, key };
  }

  /** The payload of the packet that ended the rows. */
  endPacket(): Buffer {
    const length = this.#frameLength();
    return Buffer.from(this.#memory().slice(this.#from + 4, this.#from + 4 + length));
  }

  /** What was fed and not consumed; begins with a packet's head. Undefined amid a row of several frames. */
  rest(): Buffer | undefined {
    return this.#large ? undefined : Buffer.from(this.#memory().slice(this.#from, this.#to));
  }

  [Symbol.dispose](): void {
    if (!this.#enlarged) idle.push(this.#kernel);
  }

  /** Takes the heads of frames out of the input until the row lies there in one piece. The input begins with the row. */
  #stepLarge(): Progress {
    const large = this.#large;
    if (!large) return 'more';
    // What is put together stands from #from to #joined; behind it what is still to be looked at.
    const memory = this.#memory();
    let read = this.#joined ?? this.#from;
    let at = this.#unread ?? this.#from;
    for (;;) {
      const taken = Math.min(large.missing, this.#to - at);
      if (taken > 0) {
        memory.copyWithin(read, at, at + taken);
        read += taken;
        at += taken;
        large.missing -= taken;
      }
      if (large.missing > 0 || (!large.last && this.#to - at < 4)) {
        // Closes the gap that the heads left.
        memory.copyWithin(read, at, this.#to);
        this.#to -= at - read;
        this.#joined = read;
        this.#unread = read;
        return 'more';
      }
      if (large.last) break;
      const length = (memory[at] ?? 0) | ((memory[at + 1] ?? 0) << 8) | ((memory[at + 2] ?? 0) << 16);
      at += 4;
      large.missing = length;
      large.last = length < longestFrame;
    }
    const needed = read - this.#from + growth * this.#ops.length + slackBytes;
    if (this.#kernel.outEnd.value - this.#kernel.out.value < needed) {
      large.missing = 0;
      this.#joined = read;
      this.#unread = at;
      if (this.bytes > 0) return 'full';
      this.#enlargeOutput(needed);
      return this.#stepLarge();
    }
    const good = this.#kernel.row(this.#from, read) !== 0;
    this.#large = undefined;
    this.#joined = undefined;
    this.#unread = undefined;
    this.#from = at;
    return good ? 'full' : 'refused';
  }

  #joined: number | undefined;
  #unread: number | undefined;

  #memory(): Uint8Array {
    return new Uint8Array(this.#kernel.memory.buffer);
  }

  #frameLength(): number {
    const memory = this.#memory();
    const at = this.#from;
    return (memory[at] ?? 0) | ((memory[at + 1] ?? 0) << 8) | ((memory[at + 2] ?? 0) << 16);
  }

  #keysAt(): number {
    return 16 + this.#ops.length * (opBytes + 4);
  }

  #layOut(input: number, output: number): void {
    const kernel = this.#kernel;
    const opsAt = 16;
    this.#inputAt = (this.#keysAt() + this.#keys.length * 4 + 15) & ~15;
    this.#outputAt = this.#inputAt + input + slackBytes;
    const end = this.#outputAt + output + slackBytes;
    const missing = end + slackBytes - kernel.memory.buffer.byteLength;
    if (missing > 0) kernel.memory.grow(Math.ceil(missing / memoryPage));
    const view = new DataView(kernel.memory.buffer);
    for (const [i, op] of this.#ops.entries()) {
      const at = opsAt + i * opBytes;
      view.setUint8(at, op.wire);
      view.setUint8(at + 1, op.kind);
      view.setUint8(at + 2, op.nullable ? 1 : 0);
      view.setUint8(at + 3, op.flags);
      view.setUint32(at + 4, op.limit, true);
      view.setUint32(at + 8, op.limit2, true);
    }
    for (const [i, key] of this.#keys.entries()) view.setUint32(this.#keysAt() + i * 4, key, true);
    kernel.layout(opsAt, opsAt + this.#ops.length * opBytes, this.#ops.length);
    kernel.rewind(this.#outputAt);
    kernel.outEnd.value = this.#outputAt + output;
    this.#from = this.#inputAt;
    this.#to = this.#inputAt;
  }

  /** Makes room for so many bytes of input, what is there included, and moves that to the beginning. */
  #reserveInput(bytes: number): void {
    const room = this.#outputAt - slackBytes - this.#inputAt;
    if (bytes > room) {
      this.#relocate(Math.max(bytes, room * 2), Math.max(this.#partBytes, this.bytes));
      return;
    }
    if (this.#enlarged && !this.#large && bytes <= inputBytes && this.bytes === 0) {
      this.#relocate(inputBytes, this.#partBytes);
      return;
    }
    if (this.#from === this.#inputAt) return;
    this.#memory().copyWithin(this.#inputAt, this.#from, this.#to);
    this.#shift(this.#from - this.#inputAt);
  }

  #enlargeOutput(bytes: number): void {
    this.#relocate(this.#outputAt - slackBytes - this.#inputAt, bytes);
  }

  /** Another layout, with input and output as they are. What was large is given up when it is needed no more. */
  #relocate(input: number, output: number): void {
    const memory = this.#memory();
    const rest = memory.slice(this.#from, this.#to);
    const rows = memory.slice(this.#outputAt, this.#kernel.out.value);
    const [from, joined, unread] = [this.#from, this.#joined, this.#unread];
    const isSmall = input <= inputBytes && output <= this.#partBytes;
    if (isSmall) this.#kernel = idle.pop() ?? startKernel();
    this.#enlarged = !isSmall;
    this.#layOut(input, output);
    const now = this.#memory();
    now.set(rest, this.#from);
    this.#to = this.#from + rest.length;
    if (joined !== undefined) this.#joined = joined - from + this.#from;
    if (unread !== undefined) this.#unread = unread - from + this.#from;
    now.set(rows, this.#outputAt);
    this.#kernel.rewind(this.#outputAt + rows.length);
  }

  #shift(by: number): void {
    this.#from -= by;
    this.#to -= by;
    if (this.#joined !== undefined) this.#joined -= by;
    if (this.#unread !== undefined) this.#unread -= by;
  }
}

const startKernel = (): Kernel => new WebAssembly.Instance(kernelModule, { env: { abort: aborted } }).exports as Kernel;

function aborted(): never {
  throw new MigrationError('internal', 'the row kernel was aborted');
}
