// AssemblyScript, compiled by scripts/build-kernel.ts into page-kernel.gen.ts. Turns the rows of leaf pages of SQLite's
// table b-trees (sqlite.org/fileformat2.html) into canonical rows (docs/row-format.md). What is not plain is refused by
// row number: the caller reads those rows through SQLite. The caller leaves 16 readable bytes behind pages and output.

/** Where the next row is written. */
export let out: usize = 0;
/** Row numbers (i64) refused since the caller last reset it. */
export let refused: i32 = 0;

/** One per column of the target, as the caller wrote them: kind u8, nullable u8, place in the record u16 (0xffff: the
 *  row number), limit u32 (text: code points or 0; decimal: scale), bound f64 (decimal: first magnitude, scaled, that
 *  does not fit). */
let opsAt: usize = 0;
/** Room for serial type and place (u32 each) of every value of a record. */
let valuesAt: usize = 0;
let refusedAt: usize = 0;

export function layout(ops: usize, values: usize, refusals: usize): void {
  opsAt = ops;
  valuesAt = values;
  refusedAt = refusals;
}

const malformed: i32 = -1;
const opBytes: usize = 16;
const rowNumber: u32 = 0xffff;

let cursor: usize = 0;

function varint(): u64 {
  let value: u64 = load<u8>(cursor++);
  if (value < 0x80) return value;
  value &= 0x7f;
  for (let i = 0; i < 7; i++) {
    const byte: u64 = load<u8>(cursor++);
    value = (value << 7) | (byte & 0x7f);
    if (byte < 0x80) return value;
  }
  return (value << 8) | load<u8>(cursor++);
}

@inline
function sizeOf(type: u32): u32 {
  if (type >= 12) return (type - 12) >> 1;
  if (type < 5) return type;
  if (type == 5) return 6;
  return type < 8 ? 8 : 0;
}

@inline
function putHead(length: u32): void {
  store<u32>(out, bswap<u32>(length));
  out += 4;
}

@inline
function put64(value: i64): void {
  putHead(8);
  store<u64>(out, bswap<u64>(<u64>value));
  out += 8;
}

@inline
function isInteger(type: u32): bool {
  return (type >= 1 && type <= 6) || type == 8 || type == 9;
}

function readInteger(type: u32, at: usize): i64 {
  switch (type) {
    case 1:
      return load<i8>(at);
    case 2:
      return <i16>bswap<u16>(load<u16>(at));
    case 3:
      return (<i64>load<i8>(at) << 16) | bswap<u16>(load<u16>(at, 1));
    case 4:
      return <i32>bswap<u32>(load<u32>(at));
    case 5:
      return (<i64>(<i16>bswap<u16>(load<u16>(at))) << 32) | bswap<u32>(load<u32>(at, 2));
    case 6:
      return <i64>bswap<u64>(load<u64>(at));
    default:
      return type == 9 ? 1 : 0;
  }
}

/** Rows of the leaf `page` with numbers in [low, high], written from `out` on. Returns their number without the refused
 *  ones, or -1 for a page that is no leaf of a table. `usable` is the page's size without its reserved end. */
export function transcode(page: usize, usable: u32, columns: i32, recorded: i32, low: i64, high: i64): i32 {
  if (load<u8>(page) != 13) return malformed;
  const cells = <u32>bswap<u16>(load<u16>(page, 3));
  const firstCell: u32 = 8 + 2 * cells;
  if (firstCell > usable) return malformed;
  let rows = 0;
  for (let cell: u32 = 0; cell < cells; cell++) {
    const offset = <u32>bswap<u16>(load<u16>(page + 8 + 2 * cell));
    if (offset < firstCell || offset >= usable) return malformed;
    cursor = page + offset;
    const payload = varint();
    const rowid = <i64>varint();
    if (rowid < low || rowid > high) continue;
    // A longer payload goes on in overflow pages.
    if (payload > usable - 35) {
      refuse(rowid);
      continue;
    }
    const end = cursor + <usize>payload;
    if (end > page + usable) return malformed;
    const found = readHeader(end, recorded);
    if (found < 0) return malformed;
    if (writeRow(columns, <u32>found, rowid)) rows++;
    else refuse(rowid);
  }
  return rows;
}

function refuse(rowid: i64): void {
  store<i64>(refusedAt + (<usize>refused << 3), rowid);
  refused++;
}

/** Notes type and place of the record's values. Returns their number: fewer than the table's columns where columns were
 *  added after the row. */
function readHeader(end: usize, recorded: i32): i32 {
  const start = cursor;
  const length = varint();
  if (length > <u64>(end - start)) return malformed;
  const headerEnd = start + <usize>length;
  let place = headerEnd;
  let found = 0;
  while (cursor < headerEnd && found < recorded) {
    const type = varint();
    if (type > 0xffffffff || type == 10 || type == 11) return malformed;
    const at = valuesAt + (<usize>found << 3);
    store<u32>(at, <u32>type);
    store<u32>(at, <u32>place, 4);
    const size = <usize>sizeOf(<u32>type);
    if (size > end - place) return malformed;
    place += size;
    found++;
  }
  return found;
}

function writeRow(columns: i32, found: u32, rowid: i64): bool {
  const begin = out;
  store<u16>(out, bswap<u16>(<u16>columns));
  out += 2;
  for (let i = 0; i < columns; i++) {
    const op = opsAt + <usize>i * opBytes;
    const source = <u32>load<u16>(op, 2);
    if (source == rowNumber) {
      if (!writeInteger(load<u8>(op), rowid)) {
        out = begin;
        return false;
      }
      continue;
    }
    const value = valuesAt + (<usize>source << 3);
    if (source >= found || !writeValue(op, load<u32>(value), <usize>load<u32>(value, 4))) {
      out = begin;
      return false;
    }
  }
  return true;
}

function writeValue(op: usize, type: u32, at: usize): bool {
  if (type == 0) {
    store<u32>(out, 0xffffffff);
    out += 4;
    return load<u8>(op, 1) != 0;
  }
  const kind = load<u8>(op);
  switch (kind) {
    case 1:
    case 2:
    case 3:
      return isInteger(type) && writeInteger(kind, readInteger(type, at));
    case 4:
      return writeFloat(type, at);
    case 5:
      return writeDecimal(op, type, at);
    case 6:
      return type >= 13 && (type & 1) != 0 && writeText(at, (type - 13) >> 1, load<u32>(op, 4));
    case 7:
      if (type < 12 || (type & 1) != 0) return false;
      putHead((type - 12) >> 1);
      memory.copy(out, at, (type - 12) >> 1);
      out += (type - 12) >> 1;
      return true;
    case 8: {
      if (type > 9 || !isInteger(type)) return false;
      const flag = readInteger(type, at);
      if (flag != 0 && flag != 1) return false;
      putHead(1);
      store<u8>(out++, <u8>flag);
      return true;
    }
    case 9: {
      const day = type == 13 + 2 * 10 ? dayAt(at) : noDay;
      if (day == noDay) return false;
      putHead(4);
      store<u32>(out, bswap<u32>(<u32>day));
      out += 4;
      return true;
    }
    case 10:
      return type == 13 + 2 * 19 && writeTimestamp(at);
    case 11: {
      const micros = type == 13 + 2 * 8 ? clockAt(at) : -1;
      if (micros >= 0) put64(micros);
      return micros >= 0;
    }
    default:
      return false;
  }
}

/** Kind 1, 2, 3: 16, 32, 64 bits. */
function writeInteger(kind: u32, value: i64): bool {
  if (kind == 3) {
    put64(value);
    return true;
  }
  if (kind == 2) {
    if (value != <i64>(<i32>value)) return false;
    putHead(4);
    store<u32>(out, bswap<u32>(<u32>value));
    out += 4;
    return true;
  }
  if (value != <i64>(<i16>value)) return false;
  putHead(2);
  store<u16>(out, bswap<u16>(<u16>value));
  out += 2;
  return true;
}

/** SQLite stores whole numbers of REAL columns as integers. */
function writeFloat(type: u32, at: usize): bool {
  if (type == 7) {
    putHead(8);
    store<u64>(out, load<u64>(at));
    out += 8;
    return true;
  }
  if (!isInteger(type)) return false;
  const value = readInteger(type, at);
  if (value > 9007199254740992 || value < -9007199254740992) return false;
  put64(<i64>reinterpret<u64>(<f64>value));
  return true;
}

@inline
function power10(exponent: u32): u64 {
  let power: u64 = 1;
  for (let i: u32 = 0; i < exponent; i++) power *= 10;
  return power;
}

/** A number that has its decimals exactly; others are refused, noise of binary fractions included. */
function writeDecimal(op: usize, type: u32, at: usize): bool {
  const scale = load<u32>(op, 4);
  const power = power10(scale & 0xff);
  let magnitude: f64;
  let negative = false;
  if (type == 7) {
    // A decimal without a scale has the decimals that are written: only text tells them.
    if (scale > 0xff) return false;
    const value = reinterpret<f64>(bswap<u64>(load<u64>(at)));
    negative = value < 0;
    magnitude = abs<f64>(value);
  } else if (isInteger(type)) {
    const value = readInteger(type, at);
    if (value > 1000000000000000 || value < -1000000000000000) return false;
    negative = value < 0;
    magnitude = abs<f64>(<f64>value);
  } else return false;
  const scaled = floor<f64>(magnitude * <f64>power + 0.5);
  if (!(scaled < load<f64>(op, 8)) || scaled / <f64>power != magnitude) return false;
  const number = <u64>scaled;
  const whole = number / power;
  const wide: u32 = (scale & 0xff) > 4 ? 8 : 4;
  const fraction = (number % power) * power10(wide - (scale & 0xff));
  const head = out;
  out += 12;
  let count: u32 = 0;
  let weight: i32 = -1;
  let divisor: u64 = 1000000000000;
  for (let group: i32 = 3; group >= 0; group--) {
    const digit = (whole / divisor) % 10000;
    if (divisor > 1) divisor /= 10000;
    if (digit == 0 && count == 0) continue;
    if (count == 0) weight = group;
    putDigit(<u32>digit);
    count++;
  }
  const high = wide == 8 ? fraction / 10000 : fraction;
  if (count > 0 || high != 0) {
    putDigit(<u32>high);
    count++;
  }
  if (wide == 8) {
    const low = fraction % 10000;
    if (count == 0 && low != 0) weight = -2;
    if (count > 0 || low != 0) {
      putDigit(<u32>low);
      count++;
    }
  }
  while (count > 0 && load<u16>(out - 2) == 0) {
    out -= 2;
    count--;
  }
  store<u32>(head, bswap<u32>(8 + 2 * count));
  store<u16>(head, bswap<u16>(<u16>count), 4);
  store<u16>(head, bswap<u16>(<u16>(count == 0 ? 0 : weight)), 6);
  store<u16>(head, bswap<u16>(negative && count > 0 ? 0x4000 : 0), 8);
  store<u16>(head, bswap<u16>(<u16>(scale & 0xff)), 10);
  return true;
}

@inline
function putDigit(digit: u32): void {
  store<u16>(out, bswap<u16>(<u16>digit));
  out += 2;
}

const highBits: u64 = 0x8080808080808080;
const ones: u64 = 0x0101010101010101;

/** Copies the text as it checks it: eight ASCII characters at a time, none of them NUL. */
function writeText(at: usize, length: u32, limit: u32): bool {
  const begin = out + 4;
  let i: u32 = 0;
  for (; i + 8 <= length; i += 8) {
    const word = load<u64>(at + i);
    if (((word | ((word - ones) & ~word)) & highBits) != 0) break;
    store<u64>(begin + i, word);
  }
  if (i + 8 > length) {
    const rest = (length - i) << 3;
    // What lies behind the text is replaced by characters that pass.
    const kept = rest == 0 ? ones : (load<u64>(at + i) & ((<u64>1 << rest) - 1)) | (ones << rest);
    if (((kept | ((kept - ones) & ~kept)) & highBits) == 0) {
      if (limit != 0 && length > limit) return false;
      store<u64>(begin + i, kept);
      putHead(length);
      out += length;
      return true;
    }
  }
  const points = codePoints(at, length);
  if (points < 0 || (limit != 0 && <u32>points > limit)) return false;
  memory.copy(begin, at, length);
  putHead(length);
  out += length;
  return true;
}

/** Number of code points, or -1 for what is not UTF-8 or holds a NUL. */
function codePoints(at: usize, length: u32): i32 {
  const end = at + length;
  let points = 0;
  while (at < end) {
    const first = <u32>load<u8>(at);
    points++;
    if (first < 0x80) {
      if (first == 0) return -1;
      at++;
      continue;
    }
    const more: u32 = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || at + more >= end) return -1;
    const second = <u32>load<u8>(at, 1);
    if ((second & 0xc0) != 0x80) return -1;
    if (first == 0xe0 && second < 0xa0) return -1;
    if (first == 0xed && second > 0x9f) return -1;
    if (first == 0xf0 && second < 0x90) return -1;
    if (first == 0xf4 && second > 0x8f) return -1;
    if (more > 1 && (<u32>load<u8>(at, 2) & 0xc0) != 0x80) return -1;
    if (more > 2 && (<u32>load<u8>(at, 3) & 0xc0) != 0x80) return -1;
    at += 1 + more;
  }
  return points;
}

const noDay: i32 = i32.MIN_VALUE;
const notDigits: u32 = 0xffff;

@inline
function twoDigits(at: usize): u32 {
  const tens = <u32>load<u8>(at) - 48;
  const units = <u32>load<u8>(at, 1) - 48;
  return tens <= 9 && units <= 9 ? tens * 10 + units : notDigits;
}

/** Days since 2000-01-01 of YYYY-MM-DD, or noDay. */
function dayAt(at: usize): i32 {
  if (load<u8>(at, 4) != 45 || load<u8>(at, 7) != 45) return noDay;
  const century = twoDigits(at);
  const inCentury = twoDigits(at + 2);
  const month = twoDigits(at + 5);
  const day = twoDigits(at + 8);
  if (century > 99 || inCentury > 99 || month < 1 || month > 12 || day < 1 || day > 31) return noDay;
  const year = <i32>(century * 100 + inCentury);
  if (year == 0) return noDay;
  if (day > 28) {
    const isLeap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    const most: u32 = month == 2 ? (isLeap ? 29 : 28) : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
    if (day > most) return noDay;
  }
  const y = month > 2 ? year : year - 1;
  const era = y / 400;
  const yearOfEra = y - era * 400;
  const dayOfYear = <i32>((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1);
  return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 730425;
}

/** Microseconds of HH:MM:SS, or -1. */
function clockAt(at: usize): i64 {
  if (load<u8>(at, 2) != 58 || load<u8>(at, 5) != 58) return -1;
  const hour = twoDigits(at);
  const minute = twoDigits(at + 3);
  const second = twoDigits(at + 6);
  if (hour > 23 || minute > 59 || second > 59) return -1;
  return <i64>(hour * 3600 + minute * 60 + second) * 1000000;
}

function writeTimestamp(at: usize): bool {
  const separator = load<u8>(at, 10);
  if (separator != 32 && separator != 84) return false;
  const day = dayAt(at);
  const clock = clockAt(at + 11);
  if (day == noDay || clock < 0) return false;
  put64(<i64>day * 86400000000 + clock);
  return true;
}
