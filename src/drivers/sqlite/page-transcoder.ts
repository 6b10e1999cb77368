import { carriedColumns, type LogicalType, type TableShape } from '../../model/shape.ts';
import { kernelBase64 } from './page-kernel.gen.ts';

/** Turns leaf pages of a table into canonical rows (page-kernel.as.ts). */
export interface PageTranscoder extends Disposable {
  /** Where the caller puts pages, one behind the other. Not kept over other calls: the memory may move. */
  readonly pages: Uint8Array;
  /** Adds the rows of the page at this place in `pages` whose numbers are in [low, high]. False when it is no leaf. */
  add(place: number, low: bigint, high: bigint): boolean;
  /** Bytes of rows added and not taken. */
  readonly bytes: number;
  readonly rows: number;
  take(): Buffer;
  /** Numbers of the rows that are for SQLite itself to read: values or records out of the ordinary. */
  takeRefused(): BigInt64Array;
}

/** Neither TypeScript's esnext library nor Node's types declare this global. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly out: { value: number };
  readonly refused: { value: number };
  layout(ops: number, values: number, refusals: number): void;
  transcode(page: number, usable: number, columns: number, recorded: number, low: bigint, high: bigint): number;
}

/** Kernels that no transcoder uses: each holds some memory, and there may be thousands of chunks. */
const idle: Kernel[] = [];
const kernelModule = new WebAssembly.Module(Buffer.from(kernelBase64, 'base64'));

const kinds = {
  integer: { 16: 1, 32: 2, 64: 3 },
  float: 4,
  decimal: 5,
  text: 6,
  bytes: 7,
  boolean: 8,
  date: 9,
  timestamp: 10,
  time: 11,
};
const opBytes = 16;
const rowNumber = 0xffff;
/** The decimal's scale with this bit: only what is written has decimals. */
const noScale = 0x100;
const memoryPage = 65_536;
const slackBytes = 64;
/** A value takes a byte of a record at least, and of a canonical row no more than this beside its own bytes. */
const growth = 32;

interface Op {
  readonly kind: number;
  readonly nullable: boolean;
  readonly source: number;
  readonly limit: number;
  readonly bound: number;
}

/** Undefined when the table's columns or the target's types are out of the kernel's ordinary. */
export function createPageTranscoder(
  from: TableShape,
  as: TableShape,
  page: { readonly bytes: number; readonly reserved: number },
  batchPages: number,
  partBytes: number,
): PageTranscoder | undefined {
  const ops = planOps(from, as);
  if (!ops) return undefined;
  const recorded = from.columns.filter((column) => column.generated?.stored !== false).length;
  const kernel = idle.pop() ?? (new WebAssembly.Instance(kernelModule, { env: { abort: aborted } }).exports as Kernel);
  const opsAt = 16;
  const valuesAt = opsAt + ops.length * opBytes;
  const refusedAt = valuesAt + recorded * 8;
  // The smallest cell has 4 bytes; a page may be refused whole.
  const refusedRoom = batchPages * Math.ceil(page.bytes / 4) * 8;
  const pagesAt = refusedAt + refusedRoom;
  const outAt = pagesAt + batchPages * page.bytes + slackBytes;
  const outBytes = partBytes + page.bytes * (growth + 1) + slackBytes;
  const missing = outAt + outBytes - kernel.memory.buffer.byteLength;
  if (missing > 0) kernel.memory.grow(Math.ceil(missing / memoryPage));
  writeOps(new DataView(kernel.memory.buffer), opsAt, ops);
  kernel.layout(opsAt, valuesAt, refusedAt);
  kernel.out.value = outAt;
  kernel.refused.value = 0;
  let rows = 0;
  return {
    get pages() {
      return new Uint8Array(kernel.memory.buffer, pagesAt, batchPages * page.bytes);
    },
    add(place, low, high) {
      const usable = page.bytes - page.reserved;
      const added = kernel.transcode(pagesAt + place, usable, ops.length, recorded, low, high);
      if (added >= 0) rows += added;
      return added >= 0;
    },
    get bytes() {
      return kernel.out.value - outAt;
    },
    get rows() {
      return rows;
    },
    take() {
      const part = Buffer.from(kernel.memory.buffer.slice(outAt, kernel.out.value));
      kernel.out.value = outAt;
      rows = 0;
      return part;
    },
    takeRefused() {
      const list = new BigInt64Array(kernel.memory.buffer.slice(refusedAt, refusedAt + kernel.refused.value * 8));
      kernel.refused.value = 0;
      return list;
    },
    [Symbol.dispose]() {
      idle.push(kernel);
    },
  };
}

function aborted(): never {
  throw new Error('the page kernel was aborted');
}

function planOps(from: TableShape, as: TableShape): readonly Op[] | undefined {
  const stored = from.columns.filter((column) => column.generated?.stored !== false);
  const ops: Op[] = [];
  for (const column of carriedColumns(as)) {
    const own = from.columns[as.columns.indexOf(column)];
    const place = own ? stored.indexOf(own) : -1;
    const op = opOf(column.type);
    if (!own || place < 0 || !op) return undefined;
    if (own.identity && column.type.kind !== 'integer') return undefined;
    ops.push({ ...op, nullable: column.nullable, source: own.identity ? rowNumber : place });
  }
  return ops;
}

function opOf(type: LogicalType): Pick<Op, 'kind' | 'limit' | 'bound'> | undefined {
  switch (type.kind) {
    case 'integer':
      return { kind: kinds.integer[type.bits], limit: 0, bound: 0 };
    case 'float':
      return type.bits === 64 ? { kind: kinds.float, limit: 0, bound: 0 } : undefined;
    case 'decimal': {
      const { precision, scale } = type;
      if (precision !== undefined && scale !== undefined && scale > 8) return undefined;
      const bound = Math.min(1e15, 10 ** (precision ?? 15));
      return { kind: kinds.decimal, limit: scale ?? noScale, bound };
    }
    case 'text':
      return { kind: kinds.text, limit: type.length ?? 0, bound: 0 };
    case 'bytes':
    case 'boolean':
    case 'date':
    case 'time':
    case 'timestamp':
      return { kind: kinds[type.kind], limit: 0, bound: 0 };
    case 'interval':
    case 'bits':
    case 'uuid':
    case 'json':
      return undefined;
  }
}

function writeOps(view: DataView, at: number, ops: readonly Op[]): void {
  for (const [i, op] of ops.entries()) {
    const to = at + i * opBytes;
    view.setUint8(to, op.kind);
    view.setUint8(to + 1, op.nullable ? 1 : 0);
    view.setUint16(to + 2, op.source, true);
    view.setUint32(to + 4, op.limit, true);
    view.setFloat64(to + 8, op.bound, true);
  }
}
