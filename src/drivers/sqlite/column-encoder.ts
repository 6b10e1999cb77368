import type { ColumnShape, LogicalType } from '../../model/shape.ts';
import type { RowWriter } from '../../store/rows/row-writer.ts';
import type { DateMeaning } from './options.ts';

/** What node:sqlite gives for a value. */
export type SqliteValue = null | number | bigint | string | Uint8Array;

/** Why a value has no form in its column's type. Never holds the value. */
export interface Misfit {
  readonly code: 'value.unfit' | 'value.nul';
  readonly reason: string;
}

/** Writes one field, or says why it cannot; the caller then cancels the row. */
export type ColumnEncoder = (value: SqliteValue, to: RowWriter) => Misfit | undefined;

const unfit = (reason: string): Misfit => ({ code: 'value.unfit', reason });
const nulByte: Misfit = { code: 'value.nul', reason: 'the text holds a NUL byte' };
const isNull = unfit('the value is NULL in a column that does not allow it');
export const brokenText = unfit('the text is not valid UTF-8');
/** Not a misfit yet: node:sqlite puts U+FFFD for bytes that are not UTF-8, but the text may hold that character. */
export const doubtful = unfit('the text may not be valid UTF-8');

const kindOf = (value: SqliteValue): string =>
  typeof value === 'string' ? 'text' : value instanceof Uint8Array ? 'a blob' : 'a number';

/** `texts`: were they proven to be UTF-8, or may the encoder answer `doubtful`? */
export function createColumnEncoder(
  column: ColumnShape,
  dates: DateMeaning,
  texts: 'proven' | 'as read',
): ColumnEncoder {
  const encode = encoderFor(column.type, dates, texts);
  if (column.nullable) return (value, to) => (value === null ? void to.null() : encode(value, to));
  return (value, to) => (value === null ? isNull : encode(value, to));
}

type ValueEncoder = (value: Exclude<SqliteValue, null>, to: RowWriter) => Misfit | undefined;

function encoderFor(type: LogicalType, dates: DateMeaning, texts: 'proven' | 'as read'): ValueEncoder {
  switch (type.kind) {
    case 'integer':
      return integerEncoder(type.bits);
    case 'decimal': {
      const limits = { ...type };
      const noDecimal = unfit(`the value is no decimal number of ${describeDecimal(type)}`);
      return (value, to) => (!(value instanceof Uint8Array) && to.decimal(value, limits) ? undefined : noDecimal);
    }
    case 'float': {
      const noFloat = unfit('the value is no number');
      const inexact = unfit('the integer is too large to be a floating point number exactly');
      return (value, to) => {
        if (typeof value === 'number') return void to.float(value, type.bits);
        if (typeof value !== 'bigint') return noFloat;
        return BigInt(Number(value)) === value ? void to.float(Number(value), type.bits) : inexact;
      };
    }
    case 'text':
      return textEncoder(type.length, texts);
    case 'bytes': {
      const noBytes = unfit('the value is a number, not bytes');
      return (value, to) => {
        if (value instanceof Uint8Array) return void to.binary(value);
        if (typeof value !== 'string') return noBytes;
        if (texts === 'as read' && value.includes('\ufffd')) return doubtful;
        return void to.binary(Buffer.from(value));
      };
    }
    case 'boolean': {
      const noBoolean = unfit('the value is neither 0 nor 1');
      return (value, to) => {
        const known = booleans.get(typeof value === 'string' ? value.toLowerCase() : Number(value));
        return known === undefined ? noBoolean : void to.boolean(known);
      };
    }
    case 'date': {
      const noDate = unfit('the value is no date YYYY-MM-DD');
      return isoEncoder(dates, noDate, (text, to) => to.date(text));
    }
    case 'time': {
      const noTime = unfit('the value is no time HH:MM:SS');
      return isoEncoder(dates, noTime, (text, to) => to.time(text));
    }
    case 'timestamp': {
      const noTimestamp = unfit('the value is no timestamp YYYY-MM-DD HH:MM:SS');
      return isoEncoder(dates, noTimestamp, (text, to) => to.timestamp(text, type.zone));
    }
    case 'interval': {
      const noInterval = unfit('the value is no interval HH:MM:SS');
      return (value, to) => (typeof value === 'string' && to.interval(value) ? undefined : noInterval);
    }
    case 'bits': {
      const noBits = unfit(`the value is no text of ${type.length} zeros and ones`);
      return (value, to) => (typeof value === 'string' && to.bits(value, type.length) ? undefined : noBits);
    }
    case 'uuid': {
      const noUuid = unfit('the value is no UUID');
      return (value, to) => {
        if (typeof value === 'string') return to.uuid(value) ? undefined : noUuid;
        return value instanceof Uint8Array && value.length === 16 ? void to.binary(value) : noUuid;
      };
    }
    case 'json':
      return jsonEncoder(type.binary, texts);
  }
}

const booleans: ReadonlyMap<string | number, boolean> = new Map<string | number, boolean>([
  [0, false],
  [1, true],
  ['0', false],
  ['1', true],
  ['f', false],
  ['t', true],
  ['false', false],
  ['true', true],
]);

function integerEncoder(bits: 16 | 32 | 64): ValueEncoder {
  const noInteger = unfit('the value is no whole number');
  const outOfRange = unfit(`the number is out of the range of ${bits} bits`);
  return (value, to) => {
    if (typeof value !== 'number' && typeof value !== 'bigint') return noInteger;
    if (to.integer(value, bits)) return undefined;
    return typeof value === 'number' && !Number.isInteger(value) ? noInteger : outOfRange;
  };
}

function textEncoder(limit: number | undefined, texts: 'proven' | 'as read'): ValueEncoder {
  const doubt = texts === 'as read';
  const tooLong = unfit(`the text is longer than ${limit} characters`);
  return (value, to) => {
    if (value instanceof Uint8Array) return unfit('the value is a blob, not text');
    const text = typeof value === 'string' ? value : String(value);
    if (limit !== undefined && text.length > limit && codePoints(text) > limit) return tooLong;
    const before = to.bytes;
    if (!to.text(text)) return nulByte;
    // Text that is not ASCII took more bytes than characters: only such text can hold a replacement character.
    return doubt && to.bytes - before - 4 !== text.length && text.includes('\ufffd') ? doubtful : undefined;
  };
}

function codePoints(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0xdc00 || code > 0xdfff) count++;
  }
  return count;
}

function jsonEncoder(binary: boolean, texts: 'proven' | 'as read'): ValueEncoder {
  const doubt = texts === 'as read';
  const noJson = unfit('the value is no JSON');
  return (value, to) => {
    if (value instanceof Uint8Array) return noJson;
    const text = String(value);
    if (doubt && text.includes('\ufffd')) return doubtful;
    try {
      JSON.parse(text);
    } catch {
      return noJson;
    }
    return to.json(text, binary) ? undefined : nulByte;
  };
}

function isoEncoder(dates: DateMeaning, misfit: Misfit, write: (text: string, to: RowWriter) => boolean): ValueEncoder {
  const isNumber = unfit('the value is a number, and the option dates does not say what it means');
  return (value, to) => {
    if (typeof value === 'string') return write(value, to) ? undefined : misfit;
    if (value instanceof Uint8Array) return unfit(`the value is ${kindOf(value)}, not a date or time`);
    if (dates === 'iso') return isNumber;
    const text = isoFromNumber(Number(value), dates);
    return text !== undefined && write(text, to) ? undefined : misfit;
  };
}

const julianUnixEpoch = 2_440_587.5;

function isoFromNumber(value: number, dates: Exclude<DateMeaning, 'iso'>): string | undefined {
  const milliseconds =
    dates === 'unix' ? value * 1000 : dates === 'unix-ms' ? value : (value - julianUnixEpoch) * 86_400_000;
  const date = new Date(Math.round(milliseconds));
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

const describeDecimal = ({ precision, scale }: { readonly precision?: number; readonly scale?: number }): string =>
  precision === undefined ? 'any size' : `at most ${precision} digits with ${scale ?? 0} decimals`;
