import { MigrationError } from '../../model/migration-error.ts';
import type { LogicalType } from '../../model/shape.ts';
import { dateText, timestampText, timeText } from './civil-time.ts';
import { decimalText } from './decimal.ts';
import { floatText } from './float-text.ts';
import { bitsText, intervalText } from './interval.ts';

/** Walks the rows of a part (docs/row-format.md). One reader serves many parts of the same columns. */
export class RowReader {
  readonly columns: number;
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  #part: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(columns: number) {
    this.columns = columns;
    this.#starts = new Int32Array(columns);
    this.#ends = new Int32Array(columns);
  }

  /** Goes to the row at `offset`; `next` then reads it. */
  open(part: Uint8Array, offset = 0): this {
    this.#part = part;
    this.#at = offset;
    return this;
  }

  /** Steps to the next row, or returns false at the end of the part. Throws `chunk.corrupt`. */
  next(): boolean {
    const part = this.#part;
    let at = this.#at;
    if (at === part.length) return false;
    if (at + 2 > part.length || (((part[at] ?? 0) << 8) | (part[at + 1] ?? 0)) !== this.columns) throw corrupt();
    at += 2;
    for (let column = 0; column < this.columns; column++) {
      if (at + 4 > part.length) throw corrupt();
      const length = int32(part, at);
      at += 4;
      this.#starts[column] = at;
      this.#ends[column] = at + length;
      if (length < -1 || (length > 0 && at + length > part.length)) throw corrupt();
      if (length > 0) at += length;
    }
    this.#at = at;
    return true;
  }

  /** The field's bytes within the part (not a copy), or null. */
  field(column: number): Uint8Array | null {
    const start = this.#starts[column] ?? 0;
    const end = this.#ends[column] ?? 0;
    return end < start ? null : this.#part.subarray(start, end);
  }
}

const corrupt = (): MigrationError =>
  new MigrationError('chunk.corrupt', 'The rows of a chunk are malformed: they do not follow the row format.');

const int32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);

const buffer = (field: Uint8Array): Buffer => Buffer.from(field.buffer, field.byteOffset, field.byteLength);

/** The field as PostgreSQL prints it (DateStyle ISO, UTC, extra_float_digits 1, bytea_output hex). */
export function fieldText(type: LogicalType, field: Uint8Array): string {
  switch (type.kind) {
    case 'integer':
      return type.bits === 64 ? String(buffer(field).readBigInt64BE()) : String(fieldInteger(type.bits, field));
    case 'decimal':
      return decimalText(field);
    case 'float':
      return floatText(fieldFloat(type.bits, field), type.bits);
    case 'text':
      return buffer(field).toString('utf8');
    case 'bytes':
      return `\\x${buffer(field).toString('hex')}`;
    case 'boolean':
      return field[0] === 1 ? 't' : 'f';
    case 'date':
      return dateText(int32(field, 0));
    case 'time':
      return timeText(Number(buffer(field).readBigInt64BE()));
    case 'timestamp':
      return timestampText(buffer(field).readBigInt64BE(), type.zone);
    case 'interval':
      return intervalText(field);
    case 'bits':
      return bitsText(field);
    case 'uuid':
      return buffer(field)
        .toString('hex')
        .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    case 'json':
      return buffer(field).toString('utf8', type.binary ? 1 : 0);
  }
}

export const fieldInteger = (bits: 16 | 32, field: Uint8Array): number =>
  bits === 32 ? int32(field, 0) : (((field[0] ?? 0) << 24) >> 16) | (field[1] ?? 0);

export const fieldFloat = (bits: 32 | 64, field: Uint8Array): number =>
  bits === 64 ? buffer(field).readDoubleBE() : buffer(field).readFloatBE();
