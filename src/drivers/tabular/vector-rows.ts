import type { DuckDBDataChunk } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import type { LogicalType } from '../../model/shape.ts';
import { startVectorKernel } from './vector-kernel.ts';

/** A column of a result: the logical type it was cast to. */
export interface VectorColumn {
  readonly type: LogicalType;
  /** Place in the result of a column of truth values: true where this one's cast failed. */
  readonly misfits: number | undefined;
}

export interface Refusal {
  readonly row: number;
  readonly column: number;
}

const columnBytes = 32;
const textBytes = 16;
const inlineBytes = 12;
/** Between two addresses this near there are no pages that neither of them is in. */
const nearBytes = 4096;
const slackBytes = 64;
const pageBytes = 65_536;
/** A kernel that had to take a larger chunk is dropped, so that one huge row does not stay in memory. */
const keptBytes = 32 * 1024 * 1024;
const round = (at: number): number => Math.ceil(at / 16) * 16;

/** Canonical rows of DuckDB's result chunks. */
export class VectorRows {
  readonly #columns: readonly VectorColumn[];
  #kernel = startVectorKernel();
  #at = 0;

  constructor(columns: readonly VectorColumn[]) {
    this.#columns = columns;
  }

  encode(chunk: DuckDBDataChunk, refuse: (refusal: Refusal) => void): Buffer {
    const count = chunk.rowCount;
    const columnsAt = round(this.#kernel.base());
    const refusalsAt = round(columnsAt + this.#columns.length * columnBytes);
    this.#at = round(refusalsAt + count * 8);
    let texts = 0;
    const records = this.#columns.map((column, i) => {
      const vector = duckdb.data_chunk_get_vector(chunk.chunk, i);
      const [kind, scale, width] = vectorKind(column.type);
      const raw = duckdb.vector_get_data(vector, count * width);
      const valid = duckdb.vector_get_validity(vector, Math.ceil(count / 64) * 8);
      const data = this.#put(raw);
      const validity = valid ? this.#put(valid) : 0;
      const misfits =
        column.misfits === undefined
          ? 0
          : this.#put(duckdb.vector_get_data(duckdb.data_chunk_get_vector(chunk.chunk, column.misfits), count));
      if (width !== textBytes || !isText(column.type)) return [kind, scale, data, validity, 0, 0, misfits];
      const placed = this.#putTexts(raw, valid, data, count);
      texts += placed.bytes;
      return [kind, scale, data, validity, placed.places, placed.lengths, misfits];
    });
    const most = count * (2 + this.#columns.length * this.#kernel.mostBytes.value) + texts;
    const into = round(this.#at);
    this.#grow(into + most + slackBytes);
    const { buffer } = this.#kernel.memory;
    for (const [i, record] of records.entries()) new Uint32Array(buffer, columnsAt + i * columnBytes, 7).set(record);
    this.#kernel.rows(count, columnsAt, this.#columns.length, into, refusalsAt);
    const refusals = new Uint32Array(buffer, refusalsAt, this.#kernel.refused.value * 2);
    for (let i = 0; i < refusals.length; i += 2) refuse({ row: refusals[i] ?? 0, column: refusals[i + 1] ?? 0 });
    const rows = Buffer.from(buffer.slice(into, this.#kernel.out.value));
    if (buffer.byteLength > keptBytes) this.#kernel = startVectorKernel();
    return rows;
  }

  #put(bytes: Uint8Array): number {
    const at = round(this.#at);
    this.#at = at + bytes.length + slackBytes;
    this.#grow(this.#at);
    new Uint8Array(this.#kernel.memory.buffer, at, bytes.length).set(bytes);
    return at;
  }

  /** Short texts stand in the vector itself, long ones elsewhere: those that lie side by side are taken at once. */
  #putTexts(raw: Uint8Array, valid: Uint8Array | null, data: number, count: number) {
    const words = new Uint32Array(raw.buffer, raw.byteOffset, count * 4);
    const places = new Uint32Array(count);
    const lengths = new Uint32Array(count);
    let bytes = 0;
    let first = -1;
    let start = 0;
    let end = 0;
    let pending: number[] = [];
    const flush = (): void => {
      if (first < 0) return;
      const run = duckdb.get_data_from_pointer(
        raw.buffer as ArrayBuffer,
        raw.byteOffset + first * textBytes + 8,
        end - start,
      );
      const at = this.#put(run);
      for (const row of pending) places[row] = at + (addressOf(words, row) - start);
      pending = [];
      first = -1;
    };
    for (let row = 0; row < count; row++) {
      if (valid && ((valid[row >> 3] ?? 0) & (1 << (row & 7))) === 0) continue;
      const length = words[row * 4] ?? 0;
      lengths[row] = length;
      bytes += length;
      if (length <= inlineBytes) {
        places[row] = data + row * textBytes + 4;
        continue;
      }
      const address = addressOf(words, row);
      if (first < 0 || address < start || address > end + nearBytes) {
        flush();
        first = row;
        start = address;
        end = address + length;
      } else end = Math.max(end, address + length);
      pending.push(row);
    }
    flush();
    const asBytes = (words32: Uint32Array): Uint8Array => new Uint8Array(words32.buffer);
    return { places: this.#put(asBytes(places)), lengths: this.#put(asBytes(lengths)), bytes };
  }

  #grow(to: number): void {
    const missing = to - this.#kernel.memory.buffer.byteLength;
    if (missing > 0) this.#kernel.memory.grow(Math.ceil(missing / pageBytes));
  }
}

const addressOf = (words: Uint32Array, row: number): number =>
  (words[row * 4 + 2] ?? 0) + (words[row * 4 + 3] ?? 0) * 2 ** 32;

/** Decimals that DuckDB holds as such; others are texts. */
const isText = (type: LogicalType): boolean => type.kind === 'text' || type.kind === 'bytes' || type.kind === 'json';

/** Kind and scale as the kernel takes them, and the bytes of a value in the vector. */
function vectorKind(type: LogicalType): readonly [kind: number, scale: number, width: number] {
  switch (type.kind) {
    case 'text':
    case 'interval':
    case 'bits':
      return [0, 0, textBytes];
    case 'bytes':
      return [1, 0, textBytes];
    case 'json':
      return [type.binary ? 16 : 15, 0, textBytes];
    case 'integer':
      return [{ 16: 2, 32: 3, 64: 4 }[type.bits], 0, type.bits / 8];
    case 'float':
      return [type.bits === 32 ? 5 : 6, 0, type.bits / 8];
    case 'boolean':
      return [7, 0, 1];
    case 'date':
      return [8, 0, 4];
    case 'time':
      return [4, 0, 8];
    case 'timestamp':
      return [9, 0, 8];
    case 'uuid':
      return [10, 0, 16];
    case 'decimal': {
      const { precision = 38, scale = 0 } = type;
      if (precision <= 4) return [11, scale, 2];
      if (precision <= 9) return [12, scale, 4];
      return precision <= 18 ? [13, scale, 8] : [14, scale, 16];
    }
  }
}
