import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { type ParquetType } from './parquet-type.ts';
import { ThriftWriter } from './thrift-writer.ts';

/** Values of one part of rows. */
interface Piece {
  readonly rows: number;
  readonly nulls: number;
  readonly values: Uint8Array;
  /** A byte per row, 0 for NULL; undefined where none is. */
  readonly levels: Uint8Array | undefined;
}

/** Least and greatest, in the bytes of the column's type. */
export interface Extremes {
  readonly least: Uint8Array;
  readonly greatest: Uint8Array;
}

/** A column of a row group as it stands in a file. Offsets count from the chunk's first byte. */
export interface ColumnFacts {
  readonly offset: number;
  readonly bytes: number;
  readonly rawBytes: number;
  readonly values: number;
  readonly nulls: number;
  readonly least?: string;
  readonly greatest?: string;
}

const pageBytes = 1024 * 1024;
/** Longer texts are no help to a reader who skips row groups. */
const longestExtreme = 64;
const zstd = promisify(zstdCompress);
const compression = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
const codecPlain = 0;
const encodingRle = 3;

/** One column of the row group that is being filled. */
export class ColumnBuffer {
  readonly type: ParquetType;
  readonly nullable: boolean;
  #pieces: Piece[] = [];
  #extremes: Extremes | undefined;

  constructor(type: ParquetType, nullable: boolean) {
    this.type = type;
    this.nullable = nullable;
  }

  add(piece: Piece, extremes: Extremes | undefined): void {
    this.#pieces.push(piece);
    if (!extremes) return;
    const known = this.#extremes;
    this.#extremes = known
      ? {
          least: this.#isLess(extremes.least, known.least) ? extremes.least : known.least,
          greatest: this.#isLess(known.greatest, extremes.greatest) ? extremes.greatest : known.greatest,
        }
      : extremes;
  }

  /** The pages of what was added, and what the footer says of them; empty afterwards. */
  async take(): Promise<{ readonly pages: readonly Uint8Array[]; readonly facts: Omit<ColumnFacts, 'offset'> }> {
    const pieces = this.#pieces;
    const extremes = this.#usable();
    this.#pieces = [];
    this.#extremes = undefined;
    const groups: Piece[][] = [];
    let filled = Infinity;
    for (const piece of pieces) {
      if (filled >= pageBytes) {
        groups.push([]);
        filled = 0;
      }
      groups.at(-1)?.push(piece);
      filled += piece.values.length;
    }
    const made = await Promise.all(groups.map((group) => this.#page(group)));
    const sum = (of: (piece: Piece) => number): number => pieces.reduce((total, piece) => total + of(piece), 0);
    const pages = made.flatMap(({ head, body }) => [head, body]);
    return {
      pages,
      facts: {
        bytes: pages.reduce((total, page) => total + page.length, 0),
        rawBytes: made.reduce((total, { head, raw }) => total + head.length + raw, 0),
        values: sum(({ rows }) => rows),
        nulls: sum(({ nulls }) => nulls),
        ...(extremes && {
          least: Buffer.from(extremes.least).toString('base64'),
          greatest: Buffer.from(extremes.greatest).toString('base64'),
        }),
      },
    };
  }

  async #page(pieces: readonly Piece[]) {
    const rows = pieces.reduce((sum, piece) => sum + piece.rows, 0);
    const values = pieces.map((piece) => piece.values);
    const body = this.type.physical === 0 ? [packBits(Buffer.concat(values))] : values;
    const raw = Buffer.concat(this.nullable ? [packLevels(pieces, rows), ...body] : body);
    // Room for all of it at once: otherwise it comes in pieces of 16 KiB.
    const packed = await zstd(raw, { ...compression, chunkSize: raw.length + 1024 });
    const head = new ThriftWriter()
      .i32(1, 0)
      .i32(2, raw.length)
      .i32(3, packed.length)
      .struct(5, (page) => page.i32(1, rows).i32(2, codecPlain).i32(3, encodingRle).i32(4, encodingRle))
      .stop()
      .bytes();
    return { head, body: packed, raw: raw.length };
  }

  #usable(): Extremes | undefined {
    const known = this.#extremes;
    if (!known || Math.max(known.least.length, known.greatest.length) > longestExtreme) return undefined;
    const { statistics } = this.type;
    if (statistics !== 'float' && statistics !== 'double') return known;
    // Readers may not tell -0 from 0: the wider of both stands.
    const wide = (bytes: Uint8Array, zero: number): Uint8Array => {
      const buffer = Buffer.from(bytes);
      if (statistics === 'double' ? buffer.readDoubleLE() === 0 : buffer.readFloatLE() === 0) {
        if (statistics === 'double') buffer.writeDoubleLE(zero);
        else buffer.writeFloatLE(zero);
      }
      return buffer;
    };
    return { least: wide(known.least, -0), greatest: wide(known.greatest, 0) };
  }

  #isLess(a: Uint8Array, b: Uint8Array): boolean {
    const [x, y] = [Buffer.from(a), Buffer.from(b)];
    switch (this.type.statistics) {
      case 'int32':
        return x.readInt32LE() < y.readInt32LE();
      case 'int64':
        return x.readBigInt64LE() < y.readBigInt64LE();
      case 'float':
        return x.readFloatLE() < y.readFloatLE();
      case 'double':
        return x.readDoubleLE() < y.readDoubleLE();
      case 'boolean':
        return (x[0] ?? 0) < (y[0] ?? 0);
      case 'text':
        return Buffer.compare(x, y) < 0;
      case 'none':
        return false;
    }
  }
}

function packBits(bytes: Uint8Array): Uint8Array {
  const packed = new Uint8Array(Math.ceil(bytes.length / 8));
  for (let i = 0; i < bytes.length; i++) if (bytes[i]) packed[i >> 3] = (packed[i >> 3] ?? 0) | (1 << (i & 7));
  return packed;
}

/** Definition levels of one bit in the hybrid of runs and packed bits, behind their length. */
function packLevels(pieces: readonly Piece[], rows: number): Uint8Array {
  const none = pieces.every(({ nulls }) => nulls === 0);
  if (none) return withLength(Buffer.concat([varint(rows << 1), Uint8Array.of(1)]));
  const groups = Math.ceil(rows / 8);
  const levels = new Uint8Array(groups * 8);
  let at = 0;
  for (const piece of pieces) {
    if (piece.levels) levels.set(piece.levels, at);
    else levels.fill(1, at, at + piece.rows);
    at += piece.rows;
  }
  return withLength(Buffer.concat([varint((groups << 1) | 1), packBits(levels)]));
}

function withLength(bytes: Uint8Array): Uint8Array {
  const all = Buffer.allocUnsafe(bytes.length + 4);
  all.writeUInt32LE(bytes.length);
  all.set(bytes, 4);
  return all;
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let left = value;
  for (; left > 127; left >>>= 7) bytes.push((left & 127) | 128);
  bytes.push(left);
  return Uint8Array.from(bytes);
}
