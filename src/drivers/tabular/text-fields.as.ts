// AssemblyScript, part of the text kernel: writes fields in canonical form.
import { absent, escaped, holdsNul, isNull, jsonTree, noSuchValue, notText, noValue, quoted, tooLong } from './text-codes.as';
import { isNullField, json, quote, span } from './text-rows.as';
import { clock, clockZone, days, decimals, exponent, isHex, mantissa, noDay, scanNumber, significant, timeOfDay, truth } from './text-values.as';
import { unescape, wrongText } from './text-utf8.as';

@external("env", "readFloat")
declare function readFloat(at: usize, length: i32): f64;
/** Kind 8 date, 9 time, 10 and 11 timestamp; `noValue` for a text that is none. */
@external("env", "readTime")
declare function readTime(kind: i32, at: usize, length: i32): i64;
@external("env", "isJson")
declare function isJson(at: usize, length: i32): bool;

/** Where the next byte is written. */
export let out: usize = 0;

export function writeAt(at: usize): void {
  out = at;
}

@inline
function head(length: u32): void {
  store<u32>(out, bswap<u32>(length));
  out += 4;
}

@inline
function put64(value: i64): void {
  head(8);
  store<u64>(out, bswap<u64>(<u64>value));
  out += 8;
}

function putInteger(at: usize, length: i32, bits: i32): i32 {
  const end = at + length;
  let minus = false;
  if (at < end && (load<u8>(at) == 45 || load<u8>(at) == 43)) {
    minus = load<u8>(at) == 45;
    at++;
  }
  if (at >= end) return noSuchValue;
  while (at + 1 < end && load<u8>(at) == 48) at++;
  if (end - at > 19) return noSuchValue;
  let value: u64 = 0;
  while (at < end) {
    const digit = <u32>load<u8>(at) - 48;
    if (digit > 9) return noSuchValue;
    value = value * 10 + digit;
    at++;
  }
  const limit: u64 = <u64>1 << (bits - 1);
  if (value > limit || (value == limit && !minus)) return noSuchValue;
  const signed: i64 = minus ? -<i64>value : <i64>value;
  if (bits == 64) put64(signed);
  else if (bits == 32) {
    head(4);
    store<u32>(out, bswap<u32>(<u32>signed));
    out += 4;
  } else {
    head(2);
    store<u16>(out, bswap<u16>(<u16>signed));
    out += 2;
  }
  return 0;
}

const powers = memory.data<f64>([1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22]);

function putFloat(at: usize, length: i32, bits: i32): i32 {
  if (length == 0) return noSuchValue;
  const kind = scanNumber(at, length);
  let value: f64 = 0;
  const scale = exponent - decimals;
  if (kind != 0 && significant <= 15 && scale >= -22 && scale <= 22) {
    value = <f64>mantissa;
    if (scale < 0) value /= load<f64>(powers + (<usize>-scale << 3));
    else value *= load<f64>(powers + (<usize>scale << 3));
    if (load<u8>(at) == 45) value = -value;
  } else {
    value = readFloat(at, length);
    if (isNaN(value) && !(length == 3 && (load<u8>(at) | 32) == 110 && (load<u8>(at, 1) | 32) == 97 && (load<u8>(at, 2) | 32) == 110)) return noSuchValue;
  }
  if (bits == 64) {
    put64(isNaN(value) ? 0x7ff8000000000000 : reinterpret<i64>(value));
    return 0;
  }
  head(4);
  store<u32>(out, bswap<u32>(isNaN(value) ? <u32>0x7fc00000 : reinterpret<u32>(<f32>value)));
  out += 4;
  return 0;
}

function putDecimal(at: usize, length: i32, precision: i32, scale: i32): i32 {
  const end = at + length;
  let sign: u32 = 0;
  if (at < end && (load<u8>(at) == 45 || load<u8>(at) == 43)) {
    if (load<u8>(at) == 45) sign = 0x4000;
    at++;
  }
  if (at >= end) return noSuchValue;
  if (length == 3 && load<u16>(at) == 0x614e && load<u8>(at, 2) == 78) return special(0xc000, 0);
  if (precision < 0 && end - at == 8 && load<u64>(at) == 0x7974696e69666e49) return special(sign == 0 ? 0xd000 : 0xf000, 0x20);
  while (at < end && load<u8>(at) == 48) at++;
  const first = at;
  while (at < end && <u32>load<u8>(at) - 48 <= 9) at++;
  const integers = <i32>(at - first);
  let fraction = end;
  let fractions = 0;
  if (at < end) {
    if (load<u8>(at) != 46) return noSuchValue;
    fraction = ++at;
    while (at < end && <u32>load<u8>(at) - 48 <= 9) at++;
    if (at < end) return noSuchValue;
    fractions = <i32>(at - fraction);
    if (fractions == 0 && integers == 0 && load<u8>(first - 1) != 48) return noSuchValue;
  }
  const written = fractions;
  while (fractions > 0 && load<u8>(fraction + fractions - 1) == 48) fractions--;
  if (scale >= 0 && fractions > scale) return noSuchValue;
  if (precision >= 0 && integers > precision - (scale > 0 ? scale : 0)) return noSuchValue;
  if (integers > 131072 || written > 16383) return noSuchValue;
  const start = out;
  out += 12;
  const groups = out;
  let weight = -1;
  if (integers > 0) {
    weight = (integers + 3) / 4 - 1;
    let i = first;
    let left = ((integers - 1) & 3) + 1;
    while (i < first + integers) {
      let group: u32 = 0;
      for (; left > 0; left--) group = group * 10 + <u32>load<u8>(i++) - 48;
      left = 4;
      store<u16>(out, bswap<u16>(<u16>group));
      out += 2;
    }
  }
  for (let i = 0; i < fractions; ) {
    let group: u32 = 0;
    for (let place = 0; place < 4; place++, i++) group = group * 10 + (i < fractions ? <u32>load<u8>(fraction + i) - 48 : 0);
    if (group == 0 && out == groups) {
      weight--;
      continue;
    }
    store<u16>(out, bswap<u16>(<u16>group));
    out += 2;
  }
  while (out > groups && load<u16>(out - 2) == 0) out -= 2;
  const count = <u32>(out - groups) >> 1;
  store<u32>(start, bswap<u32>(<u32>(out - start) - 4));
  store<u16>(start, bswap<u16>(<u16>count), 4);
  store<u16>(start, bswap<u16>(count == 0 ? <u16>0 : <u16>weight), 6);
  store<u16>(start, bswap<u16>(count == 0 ? <u16>0 : <u16>sign), 8);
  store<u16>(start, bswap<u16>(<u16>(scale >= 0 ? scale : written)), 10);
  return 0;
}

function special(sign: u32, scale: u32): i32 {
  head(8);
  store<u32>(out, 0);
  store<u16>(out, bswap<u16>(<u16>sign), 4);
  store<u16>(out, bswap<u16>(<u16>scale), 6);
  out += 8;
  return 0;
}

function putText(at: usize, length: i32, limit: i32): i32 {
  const wrong = wrongText(at, length);
  if (wrong != 0) return wrong;
  if (limit >= 0 && length > limit) {
    let characters = 0;
    for (let i = 0; i < length; i++) if ((load<u8>(at + i) & 0xc0) != 0x80) characters++;
    if (characters > limit) return tooLong;
  }
  head(length);
  memory.copy(out, at, length);
  out += length;
  return 0;
}

function putUuid(at: usize, length: i32): i32 {
  if (length != 36) return noSuchValue;
  const start = out;
  head(16);
  for (let i: usize = 0; i < 36; ) {
    const byte: u32 = load<u8>(at + i);
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (byte != 45) {
        out = start;
        return noSuchValue;
      }
      i++;
      continue;
    }
    const high = nibble(byte);
    const low = nibble(load<u8>(at + i, 1));
    if (high > 15 || low > 15) {
      out = start;
      return noSuchValue;
    }
    store<u8>(out++, <u8>((high << 4) | low));
    i += 2;
  }
  return 0;
}

@inline
function nibble(byte: u32): u32 {
  if (byte - 48 <= 9) return byte - 48;
  const letter = (byte | 32) - 97;
  return letter <= 5 ? letter + 10 : 99;
}

function putHex(at: usize, length: i32): i32 {
  if (length < 2 || (length & 1) != 0 || load<u8>(at) != 92 || load<u8>(at, 1) != 120) return noSuchValue;
  const start = out;
  head((length - 2) >> 1);
  for (let i: i32 = 2; i < length; i += 2) {
    const high = nibble(load<u8>(at + i));
    const low = nibble(load<u8>(at + i, 1));
    if (high > 15 || low > 15) {
      out = start;
      return noSuchValue;
    }
    store<u8>(out++, <u8>((high << 4) | low));
  }
  return 0;
}

function putMoment(kind: i32, at: usize, length: i32): i32 {
  let value: i64 = noValue;
  if (kind == 8) {
    const day = length == 10 ? days(at) : noDay;
    if (day != noDay) value = day;
  } else if (kind == 9) value = timeOfDay(at, length);
  else {
    value = clock(kind, at, length);
    if (kind == 10 && clockZone) value = noValue;
  }
  if (value == noValue) value = readTime(kind, at, length);
  if (value == noValue) return noSuchValue;
  if (kind == 8) {
    head(4);
    store<u32>(out, bswap<u32>(<u32>value));
    out += 4;
  } else put64(value);
  return 0;
}

function putJson(at: usize, length: i32, binary: bool): i32 {
  const wrong = wrongText(at, length);
  if (wrong != 0) return wrong;
  if (!isJson(at, length)) return noSuchValue;
  head(length + (binary ? 1 : 0));
  if (binary) store<u8>(out++, 1);
  memory.copy(out, at, length);
  out += length;
  return 0;
}

/** Types: 0 text, 1 integer, 4 float, 6 decimal, 7 boolean, 8 to 11 as in readTime, 12 uuid, 13 bytes, 14 json,
 *  15 json binary. A record: type, field (-1 for none), first and second limit, may be NULL (u32 each). */
export function putField(column: usize): i32 {
  const field = load<i32>(column, 4);
  let at: usize = 0;
  let length = 0;
  let flags: u32 = absent;
  if (field >= 0) {
    const place = span(field);
    at = load<u32>(place);
    length = load<i32>(place, 4);
    flags = load<u32>(place, 8);
  }
  if (flags & absent || isNullField(at, length, flags)) {
    if (load<u32>(column, 16) == 0) return isNull;
    head(0xffffffff);
    return 0;
  }
  const type = load<i32>(column);
  if (json) {
    if (type >= 14) return putJson(at, length, type == 15);
    if (flags & quoted) {
      at++;
      length -= 2;
    } else if (flags & jsonTree) return noSuchValue;
  }
  if (flags & escaped) {
    length = unescape(at, length);
    if (length < 0) return notText;
  }
  const limit = load<i32>(column, 8);
  switch (type) {
    case 0:
      return putText(at, length, limit);
    case 1:
      return putInteger(at, length, limit);
    case 4:
      return putFloat(at, length, limit);
    case 6:
      return putDecimal(at, length, limit, load<i32>(column, 12));
    case 7: {
      const value = truth(at, length);
      if (value < 0) return noSuchValue;
      head(1);
      store<u8>(out++, <u8>value);
      return 0;
    }
    case 12:
      return putUuid(at, length);
    case 13:
      return putHex(at, length);
    case 14:
    case 15:
      return putJson(at, length, type == 15);
    default:
      return putMoment(type, at, length);
  }
}
