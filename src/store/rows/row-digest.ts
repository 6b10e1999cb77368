import { MigrationError } from '../../model/migration-error.ts';
import type { BucketDigests } from '../store.ts';
import { kernelBase64 } from './kernel.gen.ts';

/** Rows counted and hashed part by part (docs/row-format.md); `sum` is what `rowsDigest` takes. */
export interface RowDigest {
  /** Every part holds whole rows. Throws `chunk.corrupt` when it does not; the part then counts for nothing. */
  update(part: Uint8Array): void;
  readonly rows: number;
  readonly sum: bigint;
}

export interface BucketDigest {
  /** As `RowDigest.update`. */
  update(part: Uint8Array): void;
  /** The digests so far; later updates do not change it. */
  result(): BucketDigests;
}

export interface RowMarker {
  /** Hashes of each row of a part, in its order. Throws `chunk.corrupt`. */
  mark(part: Uint8Array): RowMarks;
}

export interface RowMarks {
  readonly rows: number;
  hash(row: number): bigint;
  keyHash(row: number): bigint;
  /** The row's bucket among `buckets`, a power of two up to 2^32. */
  bucket(row: number, buckets: number): number;
  /** Where the row begins in its part. */
  offset(row: number): number;
}

/** Neither TypeScript's esnext library nor Node's types declare this global. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly sum: { value: bigint };
  digest(from: number, to: number, columns: number): number;
  mark(from: number, to: number, columns: number, keys: number, keyCount: number, hashes: number, out: number): number;
  distribute(marks: number, rows: number, mask: bigint, counts: number, sums: number): void;
}

const pageBytes = 65_536;
const markBytes = 24;
/** The kernel reads whole words at the end of a field. */
const slackBytes = 16;
/** A kernel that had to take a larger part is dropped, so that one huge row does not stay in memory. */
const keptBytes = 32 * 1024 * 1024;

const kernelModule = new WebAssembly.Module(Buffer.from(kernelBase64, 'base64'));
const startKernel = (): Kernel =>
  new WebAssembly.Instance(kernelModule, { env: { abort: unreachable } }).exports as Kernel;

function unreachable(): never {
  throw new Error('the row kernel was aborted');
}

let shared: Kernel | undefined;

/** Calls are synchronous and leave nothing in memory, so one kernel serves every digest of a thread. */
function withSharedKernel<T>(use: (kernel: Kernel) => T): T {
  const kernel = (shared ??= startKernel());
  const result = use(kernel);
  if (kernel.memory.buffer.byteLength > keptBytes) shared = undefined;
  return result;
}

function reserve(kernel: Kernel, bytes: number): Uint8Array {
  const missing = bytes - kernel.memory.buffer.byteLength;
  if (missing > 0) kernel.memory.grow(Math.ceil(missing / pageBytes));
  return new Uint8Array(kernel.memory.buffer);
}

const corrupt = (): MigrationError =>
  new MigrationError('chunk.corrupt', 'The rows of a chunk are malformed: they do not follow the row format.');

export function createRowDigest(columnCount: number): RowDigest {
  let rows = 0;
  let sum = 0n;
  return {
    update(part) {
      withSharedKernel((kernel) => {
        reserve(kernel, part.length + slackBytes).set(part);
        kernel.sum.value = 0n;
        const found = kernel.digest(0, part.length, columnCount);
        if (found < 0) throw corrupt();
        rows += found;
        sum = BigInt.asUintN(64, sum + kernel.sum.value);
      });
    },
    get rows() {
      return rows;
    },
    get sum() {
      return sum;
    },
  };
}

/** `keyColumns` are positions among the carried columns, in key order; empty where there is no key. */
export function createBucketDigest(columnCount: number, keyColumns: readonly number[], buckets: number): BucketDigest {
  if (buckets < 1 || (buckets & (buckets - 1)) !== 0) throw new RangeError(`${buckets} is not a power of two`);
  const kernel = startKernel();
  const counts = 0;
  const sums = counts + buckets * 8;
  const scratch = sums + buckets * 8;
  return {
    update(part) {
      const marked = markPart(kernel, scratch, part, columnCount, keyColumns);
      kernel.distribute(marked.at, marked.rows, BigInt(buckets - 1), counts, sums);
    },
    result() {
      reserve(kernel, scratch);
      const { buffer } = kernel.memory;
      return {
        rows: new Float64Array(buffer, counts, buckets).slice(),
        sums: new BigUint64Array(buffer, sums, buckets).slice(),
      };
    },
  };
}

/** `keyColumns` as for `createBucketDigest`. */
export function createRowMarker(columnCount: number, keyColumns: readonly number[]): RowMarker {
  return {
    mark: (part) =>
      withSharedKernel((kernel) => {
        const { at, rows } = markPart(kernel, 0, part, columnCount, keyColumns);
        const marks = kernel.memory.buffer.slice(at, at + rows * markBytes);
        const words = new Uint32Array(marks);
        const hashes = new BigUint64Array(marks);
        return {
          rows,
          hash: (row) => hashes[row * 3] ?? 0n,
          keyHash: (row) => hashes[row * 3 + 1] ?? 0n,
          bucket: (row, buckets) => ((words[row * 6 + 2] ?? 0) & (buckets - 1)) >>> 0,
          offset: (row) => words[row * 6 + 4] ?? 0,
        };
      }),
  };
}

/** Lays out, from `base` on: column hashes, key columns, marks, the part. */
function markPart(kernel: Kernel, base: number, part: Uint8Array, columnCount: number, keyColumns: readonly number[]) {
  const hashes = base;
  const keys = hashes + columnCount * 8;
  const at = keys + Math.ceil(keyColumns.length / 2) * 8;
  const mostRows = Math.floor(part.length / (2 + 4 * columnCount));
  const from = at + mostRows * markBytes;
  const memory = reserve(kernel, from + part.length + slackBytes);
  new Uint32Array(memory.buffer, keys, keyColumns.length).set(keyColumns);
  memory.set(part, from);
  const rows = kernel.mark(from, from + part.length, columnCount, keys, keyColumns.length, hashes, at);
  if (rows < 0) throw corrupt();
  return { at, rows };
}
