// AssemblyScript, compiled by scripts/build-kernel.ts into row-kernel.gen.ts. Turns row packets of the binary protocol
// (COM_STMT_EXECUTE) into canonical rows (docs/row-format.md). A row with a value that has no canonical form in its
// column's type is not written: the caller is told its place, the column and the reason. The caller leaves 16 readable
// bytes behind input and output.

import {
  dayNumber,
  decimal,
  hasNulEscape,
  isNull,
  isPlainJson,
  malformed,
  no,
  noBoolean,
  noCalendarDate,
  noDay,
  noTimeOfDay,
  nulEscape,
  out,
  oddJson,
  outOfRange,
  put32,
  put64,
  putHead,
  putNull,
  rewind,
  unknownEnum,
  wholeDecimal,
  writeText,
  writeUuid,
} from './row-values.as';

/** Where the next row is written, and why the last one was refused. */
export { out, reason, rewind } from './row-values.as';
/** The end of the room for rows. */
export let outEnd: usize = 0;
/** Where transcode stopped: the first byte that is not consumed. */
export let next: usize = 0;
/** Of a refused row: its payload, the column and why. */
export let rowAt: usize = 0;
export let rowEnd: usize = 0;
export let badColumn: i32 = 0;

/** One of 16 bytes per selected column: wire u8, kind u8, nullable u8, flags u8, limit u32, limit2 u32. */
let opsAt: usize = 0;
/** Room for a place per column, to find a refused row's key. */
let placesAt: usize = 0;
let columns: i32 = 0;

export function layout(ops: usize, places: usize, count: i32): void {
  opsAt = ops;
  placesAt = places;
  columns = count;
}

const opBytes: usize = 16;

// What transcode returns.
const needMore: i32 = 0;
const full: i32 = 1;
const refused: i32 = 2;
const ended: i32 = 3;
const large: i32 = 4;

// Wire types.
const tiny: u32 = 1;
const short: u32 = 2;
const long: u32 = 3;
const longLong: u32 = 4;
const float: u32 = 5;
const double: u32 = 6;
const dateTime: u32 = 7;
const time: u32 = 8;
const text: u32 = 9;

// Flags.
const unsigned: u32 = 1;
const nullDates: u32 = 2;
const refuseEmpty: u32 = 4;
const nullEmpty: u32 = 8;

/** Rows of the packets in [from, to). */
export function transcode(from: usize, to: usize): i32 {
  next = from;
  while (to - next >= 4) {
    const head = load<u32>(next);
    const length = <usize>(head & 0xffffff);
    if (length == 0xffffff) return large;
    if (to - next < length + 4) return needMore;
    const at = next + 4;
    const first = <u32>load<u8>(at);
    if (first != 0) return ended;
    if (outEnd - out < length + <usize>columns * 32 + 64) return full;
    next = at + length;
    if (!row(at, next)) return refused;
  }
  return needMore;
}

/** One row's payload. False when it is refused. */
export function row(from: usize, to: usize): bool {
  const begin = out;
  rowAt = from;
  rowEnd = to;
  const bitmap = from + 1;
  cursor = bitmap + ((<usize>columns + 9) >> 3);
  store<u16>(out, bswap<u16>(<u16>columns));
  rewind(out + 2);
  let op = opsAt;
  for (let i = 0; i < columns; i++, op += opBytes) {
    const bit = i + 2;
    if (((<u32>load<u8>(bitmap + (<usize>bit >> 3)) >> (bit & 7)) & 1) != 0) {
      if (load<u8>(op, 2) == 0) {
        badColumn = i;
        rewind(begin);
        return no(isNull);
      }
      putNull();
      continue;
    }
    if (!value(op, to)) {
      badColumn = i;
      rewind(begin);
      return false;
    }
  }
  return true;
}

/** Writes the given columns (u32 each) of a refused row as a row, if they have a canonical form; `out` stays where it is.
 *  Returns the end of what was written, or 0. */
export function writeKey(from: usize, to: usize, keys: usize, count: i32): usize {
  const begin = out;
  const bitmap = from + 1;
  cursor = bitmap + ((<usize>columns + 9) >> 3);
  for (let i = 0; i < columns; i++) {
    const bit = i + 2;
    if (((<u32>load<u8>(bitmap + (<usize>bit >> 3)) >> (bit & 7)) & 1) != 0) {
      store<u32>(placesAt + (<usize>i << 2), 0);
      continue;
    }
    store<u32>(placesAt + (<usize>i << 2), <u32>cursor);
    skip(<u32>load<u8>(opsAt + <usize>i * opBytes));
    if (cursor > to) return 0;
  }
  store<u16>(out, bswap<u16>(<u16>count));
  rewind(out + 2);
  let found = true;
  for (let i = 0; i < count && found; i++) {
    const column = load<u32>(keys + (<usize>i << 2));
    const place = <usize>load<u32>(placesAt + (<usize>column << 2));
    if (place == 0) putNull();
    else {
      cursor = place;
      found = value(opsAt + <usize>column * opBytes, to);
    }
  }
  const end = out;
  rewind(begin);
  return found ? end : 0;
}

let cursor: usize = 0;

function skip(wire: u32): void {
  if (wire <= double) cursor += wire == tiny ? 1 : wire == short ? 2 : wire == long || wire == float ? 4 : 8;
  else if (wire == text) {
    const length = <usize>lengthOf();
    cursor += length;
  } else cursor += 1 + <usize>load<u8>(cursor);
}

/** A length-encoded integer. */
@inline
function lengthOf(): u64 {
  const first = <u32>load<u8>(cursor);
  if (first < 0xfb) {
    cursor++;
    return first;
  }
  if (first == 0xfc) {
    cursor += 3;
    return load<u16>(cursor - 2);
  }
  if (first == 0xfd) {
    cursor += 4;
    return load<u32>(cursor - 4) >> 8;
  }
  cursor += 9;
  return load<u64>(cursor - 8);
}

function value(op: usize, to: usize): bool {
  const wire = <u32>load<u8>(op);
  if (wire <= longLong) {
    const isUnsigned = (<u32>load<u8>(op, 3) & unsigned) != 0;
    let number: i64;
    if (wire == tiny) {
      number = isUnsigned ? <i64>load<u8>(cursor) : <i64>load<i8>(cursor);
      cursor += 1;
    } else if (wire == short) {
      number = isUnsigned ? <i64>load<u16>(cursor) : <i64>load<i16>(cursor);
      cursor += 2;
    } else if (wire == long) {
      number = isUnsigned ? <i64>load<u32>(cursor) : <i64>load<i32>(cursor);
      cursor += 4;
    } else {
      number = load<i64>(cursor);
      cursor += 8;
    }
    if (cursor > to) return no(malformed);
    return integer(op, number, isUnsigned && wire == longLong);
  }
  if (wire == text) {
    const length = lengthOf();
    if (length > <u64>(to - cursor)) return no(malformed);
    const at = cursor;
    cursor += <usize>length;
    return textual(op, at, <u32>length);
  }
  if (wire == float) {
    const bits = load<u32>(cursor);
    cursor += 4;
    if (load<u8>(op, 1) == 5) {
      put32(<i32>bits);
      return true;
    }
    put64(<i64>reinterpret<u64>(<f64>reinterpret<f32>(bits)));
    return true;
  }
  if (wire == double) {
    const bits = load<u64>(cursor);
    cursor += 8;
    put64(<i64>bits);
    return true;
  }
  const length = <usize>load<u8>(cursor);
  const at = cursor + 1;
  cursor = at + length;
  if (cursor > to) return no(malformed);
  return wire == dateTime ? moment(op, at, length) : clock(op, at, length);
}

function integer(op: usize, number: i64, isHuge: bool): bool {
  // Above the largest signed number.
  const beyond = isHuge && number < 0;
  switch (load<u8>(op, 1)) {
    case 1:
      if (beyond || number != <i64>(<i16>number)) return no(outOfRange);
      putHead(2);
      store<u16>(out, bswap<u16>(<u16>number));
      rewind(out + 2);
      return true;
    case 2:
      if (beyond || number != <i64>(<i32>number)) return no(outOfRange);
      put32(<i32>number);
      return true;
    case 3:
      if (beyond) return no(outOfRange);
      put64(number);
      return true;
    case 6:
      return wholeDecimal(op, beyond || number >= 0 ? <u64>number : <u64>(-number), !beyond && number < 0);
    case 9:
      if (number != 0 && number != 1) return no(noBoolean);
      putHead(1);
      store<u8>(out, <u8>number);
      rewind(out + 1);
      return true;
    default:
      return no(malformed);
  }
}

function moment(op: usize, at: usize, length: usize): bool {
  const day = length >= 4 ? dayNumber(<i32>load<u16>(at), <i32>load<u8>(at, 2), <i32>load<u8>(at, 3)) : noDay;
  if (day == noDay) {
    if ((<u32>load<u8>(op, 3) & nullDates) == 0) return no(noCalendarDate);
    putNull();
    return true;
  }
  const kind = load<u8>(op, 1);
  if (kind == 10) {
    put32(day);
    return true;
  }
  if (kind != 11) return no(malformed);
  let micros: i64 = 0;
  if (length >= 7) micros = ((<i64>load<u8>(at, 4) * 60 + <i64>load<u8>(at, 5)) * 60 + <i64>load<u8>(at, 6)) * 1000000;
  if (length >= 11) micros += <i64>load<u32>(at, 7);
  put64(<i64>day * 86400000000 + micros);
  return true;
}

function clock(op: usize, at: usize, length: usize): bool {
  let micros: i64 = 0;
  let negative = false;
  if (length >= 8) {
    negative = load<u8>(at) != 0;
    const hours = <i64>load<u32>(at, 1) * 24 + <i64>load<u8>(at, 5);
    micros = ((hours * 60 + <i64>load<u8>(at, 6)) * 60 + <i64>load<u8>(at, 7)) * 1000000;
  }
  if (length >= 12) micros += <i64>load<u32>(at, 8);
  if (load<u8>(op, 1) == 16) {
    putHead(16);
    store<u64>(out, bswap<u64>(<u64>(negative ? -micros : micros)));
    store<u64>(out, 0, 8);
    rewind(out + 16);
    return true;
  }
  if ((negative && micros != 0) || micros > 86400000000) return no(noTimeOfDay);
  put64(micros);
  return true;
}

function textual(op: usize, at: usize, length: u32): bool {
  const kind = load<u8>(op, 1);
  switch (kind) {
    case 6:
      return decimal(op, at, length);
    case 7: {
      if (length == 0) {
        const flags = <u32>load<u8>(op, 3);
        if ((flags & refuseEmpty) != 0) return no(unknownEnum);
        if ((flags & nullEmpty) != 0) {
          putNull();
          return true;
        }
      }
      return writeText(at, length, load<u32>(op, 4));
    }
    case 8:
      putHead(length);
      memory.copy(out, at, length);
      rewind(out + length);
      return true;
    case 13:
      if (!isPlainJson(at, length)) return no(oddJson);
      return writeText(at, length, 0);
    case 14: {
      if (hasNulEscape(at, length)) return no(nulEscape);
      if (!isPlainJson(at, length)) return no(oddJson);
      const head = out;
      // The text is written behind a byte for jsonb's version: a head of 4, then the byte, then the text.
      rewind(out + 1);
      if (!writeText(at, length, 0)) {
        rewind(head);
        return false;
      }
      store<u32>(head, bswap<u32>(length + 1));
      store<u8>(head, 1, 4);
      return true;
    }
    case 15:
      return writeUuid(at, length);
    case 9: {
      // BIT(1)
      const flag = <u32>load<u8>(at + length - 1);
      if (flag > 1 || length == 0) return no(noBoolean);
      putHead(1);
      store<u8>(out, <u8>flag);
      rewind(out + 1);
      return true;
    }
    case 17: {
      const bits = load<u32>(op, 4);
      const bytes = (bits + 7) >> 3;
      let number: u64 = 0;
      for (let i: u32 = 0; i < length; i++) number = (number << 8) | <u64>load<u8>(at + i);
      number <<= <u64>((bytes << 3) - bits);
      putHead(4 + bytes);
      store<u32>(out, bswap<u32>(bits));
      rewind(out + 4);
      for (let i: u32 = 0; i < bytes; i++) store<u8>(out + i, <u8>(number >> <u64>((bytes - 1 - i) << 3)));
      rewind(out + bytes);
      return true;
    }
    default:
      return no(malformed);
  }
}

