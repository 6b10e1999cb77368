// AssemblyScript, compiled by scripts/build-kernel.ts into load-kernel.gen.ts. Turns canonical rows (docs/row-format.md)
// into the text that LOAD DATA reads: fields end with a tab, rows with a line feed; tab, line feed, backslash and NUL
// are escaped; NULL is \N.

import { dtoa_buffered } from 'util/number';

/** Where the next byte is written, and the end of that room. */
export let out: usize = 0;
export let outEnd: usize = 0;
/** Where write stopped: the first row that is not written. */
export let next: usize = 0;
export let rows: i32 = 0;
/** Of a row with a value that MySQL does not have. */
export let badColumn: i32 = 0;

/** Kind of each column, u8 each. */
let kindsAt: usize = 0;
/** Room for the characters of a number, u16 each. */
let scratchAt: usize = 0;

/** The first byte that is not the module's own. */
export function heapStart(): usize {
  return __heap_base;
}

export function layout(kinds: usize, scratch: usize, outAt: usize, end: usize): void {
  kindsAt = kinds;
  scratchAt = scratch;
  out = outAt;
  outEnd = end;
}

export function rewind(to: usize): void {
  out = to;
}

const done: i32 = 0;
const full: i32 = 1;
const unfit: i32 = 2;
const malformed: i32 = 3;

/** The most that a field takes beside twice its bytes. */
const growth: usize = 256;

/** Writes the rows in [from, to). */
export function write(from: usize, to: usize, columns: i32): i32 {
  next = from;
  while (next < to) {
    const length = rowLength(next, to, columns);
    if (length == 0) return malformed;
    if (outEnd - out < length * 2 + <usize>columns * growth) return full;
    let at = next + 2;
    for (let i = 0; i < columns; i++) {
      const size = <i32>bswap<u32>(load<u32>(at));
      at += 4;
      if (i > 0) store<u8>(out++, 9);
      if (size < 0) {
        store<u16>(out, 0x4e5c);
        out += 2;
      } else {
        if (!field(load<u8>(kindsAt + i), at, <usize>size)) {
          badColumn = i;
          return unfit;
        }
        at += size;
      }
    }
    store<u8>(out++, 10);
    next += length;
    rows++;
  }
  return done;
}

/** Zero when the row is not whole. */
function rowLength(from: usize, to: usize, columns: i32): usize {
  let at = from + 2;
  if (at > to || bswap<u16>(load<u16>(from)) != <u16>columns) return 0;
  for (let i = 0; i < columns; i++) {
    if (at + 4 > to) return 0;
    const size = <i32>bswap<u32>(load<u32>(at));
    at += 4;
    if (size > 0) at += size;
    if (size < -1 || at > to) return 0;
  }
  return at - from;
}

// Kinds, as load-encoder.ts writes them.
function field(kind: u32, at: usize, size: usize): bool {
  switch (kind) {
    case 1:
      putInteger(<i64>(<i16>bswap<u16>(load<u16>(at))));
      return true;
    case 2:
      putInteger(<i64>(<i32>bswap<u32>(load<u32>(at))));
      return true;
    case 3:
      putInteger(<i64>bswap<u64>(load<u64>(at)));
      return true;
    case 4:
      return putFloat(reinterpret<f64>(bswap<u64>(load<u64>(at))));
    case 5:
      return putFloat(<f64>reinterpret<f32>(bswap<u32>(load<u32>(at))));
    case 6:
      return putDecimal(at);
    case 7:
      putEscaped(at, size);
      return true;
    case 9:
      store<u8>(out++, 48 + load<u8>(at));
      return true;
    case 10:
      return putDate(<i64>(<i32>bswap<u32>(load<u32>(at))));
    case 11:
      return putTimestamp(<i64>bswap<u64>(load<u64>(at)));
    case 12:
      putTime(<i64>bswap<u64>(load<u64>(at)));
      return true;
    case 14:
      // jsonb's version stands before its text.
      putEscaped(at + 1, size - 1);
      return true;
    case 15:
      putUuid(at);
      return true;
    case 17:
      putBits(at, size);
      return true;
    default:
      return false;
  }
}

@inline
function digit(value: u64): void {
  store<u8>(out++, <u8>(48 + value));
}

@inline
function two(value: u64): void {
  digit(value / 10);
  digit(value % 10);
}

function putUnsigned(value: u64): void {
  let size: usize = 1;
  for (let rest = value / 10; rest > 0; rest /= 10) size++;
  let at = out + size;
  out = at;
  do {
    store<u8>(--at, <u8>(48 + (value % 10)));
    value /= 10;
  } while (value > 0);
}

function putInteger(value: i64): void {
  if (value < 0) {
    store<u8>(out++, 45);
    putUnsigned(0 - <u64>value);
  } else putUnsigned(<u64>value);
}

/** MySQL has neither infinities nor NaN. */
function putFloat(value: f64): bool {
  if (isNaN(value) || !isFinite(value)) return false;
  const characters = dtoa_buffered(scratchAt, value);
  for (let i: u32 = 0; i < characters; i++) store<u8>(out++, load<u8>(scratchAt + (<usize>i << 1)));
  return true;
}

function putDecimal(at: usize): bool {
  const count = <i32>bswap<u16>(load<u16>(at));
  const weight = <i32>(<i16>bswap<u16>(load<u16>(at, 2)));
  const sign = bswap<u16>(load<u16>(at, 4));
  const scale = <i32>bswap<u16>(load<u16>(at, 6));
  if (sign != 0 && sign != 0x4000) return false;
  if (scale > 60 || weight > 20) return false;
  if (sign == 0x4000) store<u8>(out++, 45);
  if (weight < 0) digit(0);
  for (let i = 0; i <= weight; i++) {
    const group = i < count ? <u64>bswap<u16>(load<u16>(at + 8 + (<usize>i << 1))) : 0;
    if (i == 0) putUnsigned(group);
    else {
      two(group / 100);
      two(group % 100);
    }
  }
  if (scale == 0) return true;
  store<u8>(out++, 46);
  const end = out + <usize>scale;
  for (let i = weight + 1; out < end; i++) {
    // Groups before the first one of a small number are zeros that are not stored.
    const group = i >= 0 && i < count ? <u64>bswap<u16>(load<u16>(at + 8 + (<usize>i << 1))) : 0;
    two(group / 100);
    two(group % 100);
  }
  out = end;
  return true;
}

@inline
function isPlain(byte: u32): bool {
  return byte != 9 && byte != 10 && byte != 92 && byte != 0;
}

function putEscaped(at: usize, size: usize): void {
  const end = at + size;
  while (at < end) {
    const byte = <u32>load<u8>(at++);
    if (isPlain(byte)) {
      store<u8>(out++, <u8>byte);
      continue;
    }
    store<u8>(out++, 92);
    store<u8>(out++, byte == 9 ? 116 : byte == 10 ? 110 : byte == 0 ? 48 : 92);
  }
}

/** False outside of the years 1 to 9999, and for infinities. */
function putDate(days: i64): bool {
  // 0001-01-01 to 9999-12-31
  if (days < -730119 || days > 2921939) return false;
  const shifted = days + 730425;
  const era = shifted / 146097;
  const dayOfEra = shifted - era * 146097;
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  const shiftedMonth = (5 * dayOfYear + 2) / 153;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  two(<u64>(year / 100));
  two(<u64>(year % 100));
  store<u8>(out++, 45);
  two(<u64>month);
  store<u8>(out++, 45);
  two(<u64>day);
  return true;
}

function putTime(micros: i64): void {
  const seconds = <u64>(micros / 1000000);
  two(seconds / 3600);
  store<u8>(out++, 58);
  two((seconds / 60) % 60);
  store<u8>(out++, 58);
  two(seconds % 60);
  let fraction = <u64>(micros % 1000000);
  if (fraction == 0) return;
  store<u8>(out++, 46);
  two(fraction / 10000);
  two((fraction / 100) % 100);
  two(fraction % 100);
}

function putTimestamp(micros: i64): bool {
  const day: i64 = 86400000000;
  let days = micros / day;
  let rest = micros - days * day;
  if (rest < 0) {
    rest += day;
    days--;
  }
  if (!putDate(days)) return false;
  store<u8>(out++, 32);
  putTime(rest);
  return true;
}

@inline
function hex(value: u32): void {
  store<u8>(out++, <u8>(value < 10 ? 48 + value : 87 + value));
}

function putUuid(at: usize): void {
  for (let i: usize = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) store<u8>(out++, 45);
    const byte = <u32>load<u8>(at + i);
    hex(byte >> 4);
    hex(byte & 15);
  }
}

/** As a number: LOAD DATA takes a text for BIT as its bytes. */
function putBits(at: usize, size: usize): void {
  const count = <u64>bswap<u32>(load<u32>(at));
  const bytes = <u64>(size - 4);
  let number: u64 = 0;
  for (let i: usize = 4; i < size; i++) number = (number << 8) | <u64>load<u8>(at + i);
  putUnsigned(number >> (bytes * 8 - count));
}
