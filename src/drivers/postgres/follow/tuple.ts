import type { ByteWriter } from './byte-writer.ts';

const nullMark = 0x6e;
const unchangedMark = 0x75;

export const isNull = -1;
/** A large value that the change did not touch and does not tell. */
export const isUnchanged = -2;

/** Where the values of a row lie in a message. One of these serves many rows. */
export class Tuple {
  buffer: Buffer = Buffer.alloc(0);
  readonly starts: Int32Array;
  /** Bytes of each value; or isNull, isUnchanged. */
  readonly lengths: Int32Array;
  count = 0;
  unchanged = 0;

  constructor(columns: number) {
    this.starts = new Int32Array(columns);
    this.lengths = new Int32Array(columns);
  }

  /** Reads pgoutput's TupleData; gives the offset behind it. */
  read(buffer: Buffer, at: number): number {
    const { starts, lengths } = this;
    this.buffer = buffer;
    const count = (byteAt(buffer, at) << 8) | byteAt(buffer, at + 1);
    this.count = count;
    this.unchanged = 0;
    let offset = at + 2;
    for (let i = 0; i < count; i++) {
      const kind = buffer[offset++];
      if (kind === nullMark) lengths[i] = isNull;
      else if (kind === unchangedMark) {
        lengths[i] = isUnchanged;
        this.unchanged++;
      } else {
        const length =
          (byteAt(buffer, offset) << 24) |
          (byteAt(buffer, offset + 1) << 16) |
          (byteAt(buffer, offset + 2) << 8) |
          byteAt(buffer, offset + 3);
        starts[i] = offset + 4;
        lengths[i] = length;
        offset += 4 + length;
      }
    }
    return offset;
  }

  length(column: number): number {
    return this.lengths[column] ?? isNull;
  }

  start(column: number): number {
    return this.starts[column] ?? 0;
  }

  text(column: number): string | null {
    const length = this.length(column);
    return length < 0 ? null : this.buffer.toString('utf8', this.start(column), this.start(column) + length);
  }

  /** Equal values give equal texts; not for people. */
  keyText(columns: readonly number[]): string {
    let text = '';
    for (const column of columns) {
      const length = this.length(column);
      const start = this.start(column);
      const value = length < 0 ? '' : this.buffer.toString('latin1', start, start + length);
      text = columns.length === 1 ? value : `${text}${length}:${value}`;
    }
    return text;
  }
}

const byteAt = (buffer: Buffer, at: number): number => buffer[at] ?? 0;

/** Writes `newer` as TupleData, with the values of `older` where it does not tell its own; only those of `columns`
 *  where `older` has no others. */
export function mergeTuples(out: ByteWriter, newer: Tuple, older: Tuple, columns?: readonly number[]): void {
  out.int16(newer.count);
  for (let i = 0; i < newer.count; i++) {
    const from = newer.length(i) === isUnchanged && (columns?.includes(i) ?? true) ? older : newer;
    const length = from.length(i);
    if (length === isNull) out.byte(nullMark);
    else if (length === isUnchanged) out.byte(unchangedMark);
    else {
      out.byte(0x74);
      out.int32(length);
      out.copy(from.buffer, from.start(i), from.start(i) + length);
    }
  }
}

const backslash = 0x5c;
const quote = 0x22;
/** Longer values are copied as a whole where nothing has to be escaped. */
const long = 64;

/** The row as COPY's text form has it. */
export function writeCopyRow(out: ByteWriter, tuple: Tuple, columns: readonly number[]): void {
  const { buffer } = tuple;
  for (let i = 0; i < columns.length; i++) {
    const column = columns[i] ?? 0;
    const length = tuple.length(column);
    out.reserve(2 * Math.max(length, 0) + 4);
    const to = out.buffer;
    let at = out.length;
    if (i > 0) to[at++] = 0x09;
    if (length < 0) {
      to[at++] = backslash;
      to[at++] = 0x4e;
    } else {
      const start = tuple.start(column);
      const end = start + length;
      if (length > long && !needsEscape(buffer, start, end)) {
        at += buffer.copy(to, at, start, end);
      } else {
        for (let from = start; from < end; from++) {
          const byte = buffer[from] ?? 0;
          if (byte === backslash) {
            to[at++] = backslash;
            to[at++] = backslash;
          } else if (byte < 14 && byte > 8 && byte !== 11 && byte !== 12) {
            to[at++] = backslash;
            to[at++] = byte === 9 ? 0x74 : byte === 10 ? 0x6e : 0x72;
          } else to[at++] = byte;
        }
      }
    }
    out.length = at;
  }
  out.byte(0x0a);
}

function needsEscape(buffer: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = buffer[at] ?? 0;
    if (byte === backslash || (byte < 14 && byte > 8)) return true;
  }
  return false;
}

/** An element of an array in PostgreSQL's text form. */
export function writeElement(out: ByteWriter, tuple: Tuple, column: number, plain: boolean): void {
  const length = tuple.length(column);
  if (length < 0) {
    out.reserve(4);
    out.length += out.buffer.write('NULL', out.length, 'latin1');
    return;
  }
  const start = tuple.start(column);
  if (plain) return out.copy(tuple.buffer, start, start + length);
  out.reserve(2 * length + 2);
  const { buffer } = tuple;
  const to = out.buffer;
  let at = out.length;
  to[at++] = quote;
  for (let from = start; from < start + length; from++) {
    const byte = buffer[from] ?? 0;
    if (byte === backslash || byte === quote) to[at++] = backslash;
    to[at++] = byte;
  }
  to[at++] = quote;
  out.length = at;
}
