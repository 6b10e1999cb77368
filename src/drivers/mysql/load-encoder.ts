import { MigrationError } from '../../model/migration-error.ts';
import { carriedColumns, type LogicalType, type TableShape } from '../../model/shape.ts';
import { kernelBase64 } from './load-kernel.gen.ts';

/** Neither TypeScript's esnext library nor Node's types declare this global. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly out: { readonly value: number };
  readonly next: { readonly value: number };
  readonly rows: { readonly value: number };
  readonly badColumn: { readonly value: number };
  heapStart(): number;
  layout(kinds: number, scratch: number, out: number, end: number): void;
  rewind(to: number): void;
  write(from: number, to: number, columns: number): number;
}

const kernelModule = new WebAssembly.Module(Buffer.from(kernelBase64, 'base64'));
const memoryPage = 65_536;
const scratchBytes = 128;
const slackBytes = 64;
/** The most that a field takes beside twice its bytes, as in the kernel. */
const growth = 256;
const outputBytes = 512 * 1024;
const states = ['done', 'full', 'unfit', 'malformed'] as const;

/** Neutral rows as the text that LOAD DATA reads (load-kernel.as.ts). */
export class LoadEncoder {
  readonly #shape: TableShape;
  readonly #kinds: Uint8Array;
  readonly #kernel: Kernel;

  constructor(shape: TableShape) {
    this.#shape = shape;
    this.#kinds = Uint8Array.from(carriedColumns(shape), ({ type }) => kindOf(type));
    this.#kernel = new WebAssembly.Instance(kernelModule, { env: {} }).exports as Kernel;
  }

  get rows(): number {
    return this.#kernel.rows.value;
  }

  /** The text of a part's rows, in pieces. Throws `value.unfit` for a value that MySQL does not have. */
  *encode(part: Uint8Array): Generator<Buffer, void, undefined> {
    const kernel = this.#kernel;
    const columns = this.#kinds.length;
    const kindsAt = (kernel.heapStart() + 15) & ~15;
    const scratchAt = (kindsAt + columns + 15) & ~15;
    const inputAt = scratchAt + scratchBytes;
    let outputAt = (inputAt + part.length + slackBytes + 15) & ~15;
    let room = Math.max(outputBytes, columns * growth * 2);
    this.#reserve(outputAt + room + slackBytes);
    const memory = new Uint8Array(kernel.memory.buffer);
    memory.set(this.#kinds, kindsAt);
    memory.set(part, inputAt);
    kernel.layout(kindsAt, scratchAt, outputAt, outputAt + room);
    const end = inputAt + part.length;
    for (let from = inputAt; ;) {
      const state = states[kernel.write(from, end, columns)] ?? 'malformed';
      from = kernel.next.value;
      const written = kernel.out.value - outputAt;
      if (written > 0) yield Buffer.from(kernel.memory.buffer.slice(outputAt, kernel.out.value));
      kernel.rewind(outputAt);
      if (state === 'done') return;
      if (state === 'unfit') throw this.#unfit();
      if (state === 'malformed') {
        throw new MigrationError(
          'chunk.corrupt',
          'The rows of a chunk are malformed: they do not follow the row format.',
        );
      }
      if (written > 0) continue;
      // One row that needs more than there is.
      room = (end - from) * 2 + columns * growth + slackBytes;
      outputAt = (inputAt + part.length + slackBytes + 15) & ~15;
      this.#reserve(outputAt + room + slackBytes);
      kernel.layout(kindsAt, scratchAt, outputAt, outputAt + room);
    }
  }

  #reserve(bytes: number): void {
    const missing = bytes - this.#kernel.memory.buffer.byteLength;
    if (missing > 0) this.#kernel.memory.grow(Math.ceil(missing / memoryPage));
  }

  #unfit(): MigrationError {
    const shape = this.#shape;
    const column = carriedColumns(shape)[this.#kernel.badColumn.value];
    const where = `${shape.name}.${column?.name}`;
    return new MigrationError(
      'value.unfit',
      `${where} holds a value that MySQL does not have in ${column?.declared ?? 'this type'}: infinity, NaN, or a date outside of the years 1 to 9999.`,
      { hint: 'Replace it by NULL at the source.', where },
    );
  }
}

function kindOf(type: LogicalType): number {
  switch (type.kind) {
    case 'integer':
      return { 16: 1, 32: 2, 64: 3 }[type.bits];
    case 'float':
      return type.bits === 64 ? 4 : 5;
    case 'decimal':
      return 6;
    case 'text':
    case 'bytes':
      return 7;
    case 'boolean':
      return 9;
    case 'date':
      return 10;
    case 'timestamp':
      return 11;
    case 'time':
      return 12;
    case 'json':
      return type.binary ? 14 : 7;
    case 'uuid':
      return 15;
    case 'bits':
      return 17;
    case 'interval':
      throw new TypeError('an interval is carried to MySQL as text');
  }
}
