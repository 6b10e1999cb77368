import { decimalBytes, parseDecimal, writeDecimal, writeDecimalNumber, type DecimalLimits } from './decimal.ts';
import { parseBits, parseInterval } from './interval.ts';
import { parseDate, parseTime, parseTimestamp } from './civil-time.ts';

const hexPattern = /^[0-9a-f]{32}$/i;
const minInt64 = -(2 ** 63);
const maxInt64 = 2 ** 63;

/** Writes rows in the canonical binary form (docs/row-format.md) into parts. The caller writes, for each row,
 *  `beginRow` and one field per column; a method that returns false wrote nothing, because the value has no form in
 *  that type. `cancelRow` takes back everything since `beginRow`. */
export class RowWriter {
  #buffer: Buffer;
  #at = 0;
  #rowAt = 0;
  #rows = 0;
  readonly #partBytes: number;

  /** `partBytes` is the size of a part for which memory is taken at first; a part grows beyond it when it must. */
  constructor(partBytes = 256 * 1024) {
    this.#partBytes = partBytes;
    this.#buffer = Buffer.allocUnsafeSlow(partBytes + (partBytes >> 3));
  }

  /** Bytes in the part so far. */
  get bytes(): number {
    return this.#at;
  }

  /** Rows begun in the part and not cancelled. */
  get rows(): number {
    return this.#rows;
  }

  get full(): boolean {
    return this.#at >= this.#partBytes;
  }

  beginRow(columns: number): void {
    this.#room(2);
    this.#rowAt = this.#at;
    this.#rows++;
    this.#buffer[this.#at++] = columns >> 8;
    this.#buffer[this.#at++] = columns;
  }

  /** Only before the next `beginRow`, once. */
  cancelRow(): void {
    this.#at = this.#rowAt;
    this.#rows--;
  }

  /** Takes back everything behind a point where `bytes` and `rows` were as given, if the part was not taken since. */
  rewind(bytes: number, rows: number): void {
    this.#at = bytes;
    this.#rowAt = bytes;
    this.#rows = rows;
  }

  /** The part so far; the writer goes on with an empty one. */
  take(): Buffer {
    const part = this.#buffer.subarray(0, this.#at);
    this.#buffer = Buffer.allocUnsafeSlow(this.#partBytes + (this.#partBytes >> 3));
    this.#at = 0;
    this.#rowAt = 0;
    this.#rows = 0;
    return part;
  }

  null(): true {
    this.#room(4);
    this.#int32(-1);
    return true;
  }

  integer(value: number | bigint, bits: 16 | 32 | 64): boolean {
    if (bits === 64) return typeof value === 'number' ? this.int64(value) : this.#bigint64(value);
    const number = Number(value);
    const limit = bits === 16 ? 32_768 : 2_147_483_648;
    if (!Number.isInteger(number) || number < -limit || number >= limit) return false;
    this.#room(8);
    this.#int32(bits / 8);
    if (bits === 32) this.#int32(number);
    else {
      this.#buffer[this.#at++] = number >> 8;
      this.#buffer[this.#at++] = number;
    }
    return true;
  }

  int64(value: number): boolean {
    if (!Number.isSafeInteger(value)) {
      return Number.isInteger(value) && value >= minInt64 && value < maxInt64 && this.#bigint64(BigInt(value));
    }
    this.#room(12);
    this.#int32(8);
    const low = value | 0;
    this.#int32(low === value ? low >> 31 : Math.floor(value / 4_294_967_296));
    this.#int32(low);
    return true;
  }

  #bigint64(value: bigint): boolean {
    if (BigInt.asIntN(64, value) !== value) return false;
    this.#room(12);
    this.#int32(8);
    this.#at = this.#buffer.writeBigInt64BE(value, this.#at);
    return true;
  }

  float(value: number, bits: 32 | 64): true {
    this.#room(12);
    this.#int32(bits / 8);
    if (Number.isNaN(value)) {
      this.#int32(bits === 64 ? 0x7ff80000 : 0x7fc00000);
      if (bits === 64) this.#int32(0);
    } else if (bits === 64) this.#at = this.#buffer.writeDoubleBE(value, this.#at);
    else this.#at = this.#buffer.writeFloatBE(value, this.#at);
    return true;
  }

  /** A number is taken by the 15 digits that a double carries; a text exactly. False also for more decimals or digits
   *  than the limits allow: nothing is rounded. */
  decimal(value: string | number | bigint, limits: DecimalLimits): boolean {
    this.#room(32);
    if (typeof value === 'number') {
      const written = writeDecimalNumber(this.#buffer, this.#at + 4, value, limits);
      if (written >= 0) return written > 0 && this.#close(written);
    }
    const plan = parseDecimal(String(value), limits);
    if (!plan) return false;
    this.#room(4 + decimalBytes(plan));
    return this.#close(writeDecimal(this.#buffer, this.#at + 4, plan));
  }

  /** False when the text holds a NUL character. Lone surrogates become U+FFFD, as UTF-8 demands. */
  text(value: string): boolean {
    const length = value.length;
    this.#room(4 + length * 3);
    const start = this.#at + 4;
    if (length < 24) {
      const buffer = this.#buffer;
      let i = 0;
      for (; i < length; i++) {
        const code = value.charCodeAt(i);
        if ((code - 1) >>> 0 >= 0x7f) break;
        buffer[start + i] = code;
      }
      if (i === length) return this.#close(length);
    }
    if (value.includes('\0')) return false;
    return this.#close(this.#buffer.write(value, start, 'utf8'));
  }

  binary(value: Uint8Array): true {
    this.#room(4 + value.length);
    this.#int32(value.length);
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
    return true;
  }

  boolean(value: boolean): true {
    this.#room(5);
    this.#int32(1);
    this.#buffer[this.#at++] = value ? 1 : 0;
    return true;
  }

  /** ISO text. */
  date(text: string): boolean {
    const days = parseDate(text);
    return days !== undefined && this.integer(days, 32);
  }

  /** ISO text. */
  time(text: string): boolean {
    const micros = parseTime(text);
    return micros !== undefined && this.int64(micros);
  }

  /** ISO text; see `parseTimestamp` for what `zone` means. */
  timestamp(text: string, zone: boolean): boolean {
    const micros = parseTimestamp(text, zone);
    return micros !== undefined && this.integer(micros, 64);
  }

  /** As PostgreSQL prints it. */
  interval(text: string): boolean {
    const bytes = parseInterval(text);
    return bytes !== undefined && this.binary(bytes);
  }

  /** So many zeros and ones. */
  bits(text: string, count: number): boolean {
    const bytes = parseBits(text, count);
    return bytes !== undefined && this.binary(bytes);
  }

  uuid(text: string): boolean {
    const hex = text.replace(/^\{(.*)\}$/, '$1').replaceAll('-', '');
    if (!hexPattern.test(hex)) return false;
    this.#room(20);
    this.#buffer.write(hex, this.#at + 4, 'hex');
    return this.#close(16);
  }

  /** False when the text holds a NUL character; whether it is JSON is for the caller to know. */
  json(text: string, binary: boolean): boolean {
    if (!binary) return this.text(text);
    if (text.includes('\0')) return false;
    const length = Buffer.byteLength(text);
    this.#room(5 + length);
    this.#int32(1 + length);
    this.#buffer[this.#at++] = 1;
    this.#at += this.#buffer.write(text, this.#at, 'utf8');
    return true;
  }

  /** Writes the length in front of a field of `length` bytes that stands behind it already. */
  #close(length: number): true {
    this.#int32(length);
    this.#at += length;
    return true;
  }

  #int32(value: number): void {
    const buffer = this.#buffer;
    const at = this.#at;
    buffer[at] = value >> 24;
    buffer[at + 1] = value >> 16;
    buffer[at + 2] = value >> 8;
    buffer[at + 3] = value;
    this.#at = at + 4;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}
