import { MigrationError } from '../../model/migration-error.ts';
import { carriedColumns, type ColumnShape, type TableShape } from '../../model/shape.ts';
import { decimalText } from '../../store/rows/decimal.ts';
import { ColumnBuffer, type ColumnFacts, type Extremes } from './column-buffer.ts';
import { startColumnKernel, type ColumnKernel } from './column-kernel.ts';
import { parquetType } from './parquet-type.ts';
import type { WriteQueue } from './write-queue.ts';

export interface GroupFacts {
  readonly rows: number;
  readonly columns: readonly ColumnFacts[];
}

/** A row group is closed at this many bytes of values, or rows. */
const groupBytes = 32 * 1024 * 1024;
const groupRows = 1_000_000;
const slackBytes = 64;
const pageBytes = 65_536;
/** The widest growth of a field: a decimal of no digits (8 bytes) that becomes 16, and its length. */
const growthBytes = 16;
/** A kernel that had to take a larger part is dropped, so that one huge row does not stay in memory. */
const keptBytes = 32 * 1024 * 1024;

/** Calls are synchronous and leave nothing in memory, so one kernel serves every writer of a thread. */
let shared: ColumnKernel | undefined;

/** Rows in, row groups of a Parquet file out, one behind the other from the file's first byte. */
export class RowGroupWriter {
  readonly #columns: readonly ColumnShape[];
  readonly #table: string;
  readonly #buffers: readonly ColumnBuffer[];
  readonly groups: GroupFacts[] = [];
  readonly #queue: WriteQueue;
  #filled = 0;
  #groupRows = 0;
  rows = 0;

  /** Writers of one file share its queue. */
  constructor(queue: WriteQueue, shape: TableShape) {
    this.#queue = queue;
    this.#table = shape.name;
    this.#columns = carriedColumns(shape);
    this.#buffers = this.#columns.map((column) => new ColumnBuffer(parquetType(column), column.nullable));
  }

  /** Bytes of values that wait to be written. */
  get filled(): number {
    return this.#filled;
  }

  async add(part: Uint8Array): Promise<void> {
    this.#split(part);
    if (this.#filled >= groupBytes || this.#groupRows >= groupRows) await this.close();
  }

  /** Ends the row group. It is compressed and written while the next one fills. */
  async close(): Promise<void> {
    const rows = this.#groupRows;
    if (rows === 0) return;
    await this.#queue.idle();
    const taken = this.#buffers.map((buffer) => buffer.take());
    this.#groupRows = 0;
    this.#filled = 0;
    this.#queue.run(async () => {
      const columns: ColumnFacts[] = [];
      for (const { pages, facts } of await Promise.all(taken)) {
        columns.push({ ...facts, offset: this.#queue.at });
        await this.#queue.write(pages);
      }
      this.groups.push({ rows, columns });
    });
  }

  async end(): Promise<void> {
    await this.close();
    await this.#queue.idle();
  }

  #split(part: Uint8Array): void {
    const count = this.#columns.length;
    if (count === 0) throw new MigrationError('store.unsupported', `Table ${this.#table} has no columns to carry.`);
    const mostRows = Math.floor(part.length / (2 + 4 * count));
    const cellsAt = Math.ceil((part.length + slackBytes) / 16) * 16;
    const levelsAt = cellsAt + mostRows * count * 4;
    const outAt = Math.ceil((levelsAt + mostRows + slackBytes) / 16) * 16;
    const kernel = (shared ??= startColumnKernel());
    const missing = outAt + part.length + mostRows * growthBytes + slackBytes - kernel.memory.buffer.byteLength;
    if (missing > 0) kernel.memory.grow(Math.ceil(missing / pageBytes));
    new Uint8Array(kernel.memory.buffer, 0, part.length).set(part);
    const rows = kernel.locate(0, part.length, count, cellsAt);
    if (rows < 0) throw new MigrationError('chunk.corrupt', 'The rows of a chunk do not follow the row format.');
    for (const [i, buffer] of this.#buffers.entries()) this.#emit(kernel, i, buffer, rows, cellsAt, levelsAt, outAt);
    this.rows += rows;
    this.#groupRows += rows;
    if (kernel.memory.buffer.byteLength > keptBytes) shared = undefined;
  }

  #emit(
    kernel: ColumnKernel,
    i: number,
    buffer: ColumnBuffer,
    rows: number,
    cellsAt: number,
    levelsAt: number,
    outAt: number,
  ): void {
    const { type } = buffer;
    const cells = cellsAt + i * 4;
    const stride = this.#columns.length;
    const wrong = kernel.emit(type.kind ?? 0, type.scale, cells, stride, rows, outAt, levelsAt);
    if (wrong >= 0) throw this.#unfit(i);
    const memory = kernel.memory.buffer;
    const nulls = kernel.nulls.value;
    if (nulls > 0 && !buffer.nullable) throw this.#unfit(i);
    const values =
      type.kind === undefined
        ? decimalTexts(new Uint8Array(memory), new Uint32Array(memory, cellsAt), i, stride, rows)
        : new Uint8Array(memory.slice(outAt, kernel.out.value));
    const levels = nulls > 0 ? new Uint8Array(memory.slice(levelsAt, levelsAt + rows)) : undefined;
    buffer.add({ rows, nulls, values, levels }, kernel.seen.value ? extremes(kernel, type.statistics) : undefined);
    this.#filled += values.length + (levels?.length ?? 0);
  }

  #unfit(i: number): MigrationError {
    const column = this.#columns[i];
    const where = `${this.#table}.${column?.name}`;
    return new MigrationError(
      'value.unfit',
      `A value of ${where} has no form in a Parquet file as ${column?.declared}.`,
      {
        hint: 'Infinite dates and times, NaN among decimals, and NULL in a column that takes none are such values.',
        where,
      },
    );
  }
}

function extremes(kernel: ColumnKernel, of: ReturnType<typeof parquetType>['statistics']): Extremes | undefined {
  const pair = (bytes: number, write: (buffer: Buffer, which: 'least' | 'greatest') => void): Extremes => {
    const [least, greatest] = [Buffer.alloc(bytes), Buffer.alloc(bytes)];
    write(least, 'least');
    write(greatest, 'greatest');
    return { least, greatest };
  };
  switch (of) {
    case 'int32':
      return pair(4, (buffer, which) => buffer.writeInt32LE(Number(kernel[which].value)));
    case 'int64':
      return pair(8, (buffer, which) => buffer.writeBigInt64LE(kernel[which].value));
    case 'boolean':
      return pair(1, (buffer, which) => buffer.writeUInt8(Number(kernel[which].value)));
    case 'float':
      return pair(4, (buffer, which) => buffer.writeFloatLE(kernel[`${which}Float`].value));
    case 'double':
      return pair(8, (buffer, which) => buffer.writeDoubleLE(kernel[`${which}Float`].value));
    case 'text': {
      const { leastAt, leastLength, greatestAt, greatestLength } = kernel;
      const copy = (at: number, length: number) => Buffer.from(kernel.memory.buffer.slice(at, at + length));
      return { least: copy(leastAt.value, leastLength.value), greatest: copy(greatestAt.value, greatestLength.value) };
    }
    case 'none':
      return undefined;
  }
}

/** Values of a column of decimals without limits: their texts, each behind its length. */
function decimalTexts(memory: Uint8Array, cells: Uint32Array, column: number, stride: number, rows: number): Buffer {
  const pieces: Buffer[] = [];
  for (let row = 0; row < rows; row++) {
    const at = cells[row * stride + column] ?? 0;
    const length = Buffer.from(memory.buffer, at, 4).readInt32BE();
    if (length < 0) continue;
    const text = Buffer.from(decimalText(memory.subarray(at + 4, at + 4 + length)));
    const head = Buffer.allocUnsafe(4);
    head.writeUInt32LE(text.length);
    pieces.push(head, text);
  }
  return Buffer.concat(pieces);
}
