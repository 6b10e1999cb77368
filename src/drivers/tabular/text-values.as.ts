// AssemblyScript, part of the text kernel: what a value may be (a number, a date, a truth value), and its exact parts.
import { noValue } from './text-codes.as';

@external("env", "isExactFloat")
declare function isExactFloat(at: usize, length: i32): bool;

// Numbers: -?(0|[1-9]digits)(.digits)?(e[+-]?digits)?

let whole: i32 = 0;
export let decimals: i32 = 0;
export let significant: i32 = 0;
export let mantissa: u64 = 0;
export let exponent: i32 = 0;

/** 0 none, 1 whole, 2 with decimals, 3 with an exponent. The parts are left behind. */
export function scanNumber(at: usize, length: i32): i32 {
  const end = at + length;
  if (at < end && load<u8>(at) == 45) at++;
  if (at >= end) return 0;
  const first = at;
  mantissa = 0;
  let digits = 0;
  significant = 0;
  let byte: u32 = load<u8>(at);
  if (byte < 48 || byte > 57) return 0;
  if (byte == 48) at++;
  else
    while (at < end) {
      byte = load<u8>(at) - 48;
      if (byte > 9) break;
      if (significant < 19) mantissa = mantissa * 10 + byte;
      significant++;
      at++;
    }
  whole = <i32>(at - first);
  decimals = 0;
  exponent = 0;
  if (at == end) return 1;
  let kind = 1;
  if (load<u8>(at) == 46) {
    at++;
    const point = at;
    while (at < end) {
      byte = load<u8>(at) - 48;
      if (byte > 9) break;
      if (significant < 19) mantissa = mantissa * 10 + byte;
      if (significant > 0 || byte != 0) significant++;
      at++;
    }
    decimals = <i32>(at - point);
    if (decimals == 0) return 0;
    if (at == end) return 2;
    kind = 2;
  }
  if ((load<u8>(at) | 32) != 101) return 0;
  at++;
  let minus = false;
  if (at < end && (load<u8>(at) == 45 || load<u8>(at) == 43)) {
    minus = load<u8>(at) == 45;
    at++;
  }
  if (at >= end) return 0;
  while (at < end) {
    byte = load<u8>(at) - 48;
    if (byte > 9) return 0;
    if (exponent < 100000) exponent = exponent * 10 + <i32>byte;
    at++;
  }
  if (minus) exponent = -exponent;
  return 3;
}

// Inference. A value is tried for what its column may still be.

export const asInteger: u32 = 1;
export const asDecimal: u32 = 2;
export const asFloat: u32 = 4;
export const asBoolean: u32 = 8;
const asDate: u32 = 16;
const asTime: u32 = 32;
const asTimestamp: u32 = 64;
const asZoned: u32 = 128;
const asUuid: u32 = 256;

export let kept: i32 = 0;
export let keptDecimals: i32 = 0;
/** A number of more digits than every double carries was taken for a float. */
export let doubtful: bool = false;
let strict: bool = false;

export function startLook(): void {
  doubtful = false;
  kept = 0;
  keptDecimals = 0;
}

/** Whether long numbers are asked of the caller: dear, and needed only where a column turns out to be floats. */
export function beStrict(yes: bool): void {
  strict = yes;
}

function isFloat(at: usize, length: i32, exact: bool): bool {
  if (exact) return true;
  if (strict) return isExactFloat(at, length);
  doubtful = true;
  return true;
}

export function candidates(at: usize, length: i32): u32 {
  if (length == 0 || length > 400) return 0;
  const kind = scanNumber(at, length);
  if (kind != 0) {
    kept = whole;
    keptDecimals = decimals;
    const minus = load<u8>(at) == 45;
    const exact = significant <= 15;
    if (kind == 1) {
      if (minus && length == 2 && load<u8>(at, 1) == 48) return asFloat;
      const fits = significant < 19 || (significant == 19 && (mantissa <= <u64>i64.MAX_VALUE || (minus && mantissa == 0x8000000000000000)));
      return (fits ? asInteger : 0) | asDecimal | (isFloat(at, length, exact) ? asFloat : 0);
    }
    const negativeZero = minus && mantissa == 0;
    if (kind == 2) return (negativeZero ? 0 : asDecimal) | (isFloat(at, length, exact) ? asFloat : 0);
    return isFloat(at, length, exact && exponent > -200 && exponent < 200) ? asFloat : 0;
  }
  const first = load<u8>(at);
  if (first >= 48 && first <= 57) {
    if (length == 10 && days(at) != noDay) return asDate;
    if (length >= 19 && load<u8>(at, 4) == 45 && length <= 35) {
      if (clock(10, at, length) == noValue) return isUuid(at, length) ? asUuid : 0;
      return clockZone ? asZoned : asTimestamp;
    }
    if (length >= 8 && length <= 15 && load<u8>(at, 2) == 58) return timeOfDay(at, length) == noValue ? 0 : asTime;
  }
  if (length == 36) return isUuid(at, length) ? asUuid : 0;
  if (length == 4 || length == 5) return truth(at, length) < 0 || first == 49 ? 0 : asBoolean;
  if (length == 3 && load<u16>(at) == 0x614e && load<u8>(at, 2) == 78) return asFloat;
  if ((length == 8 && first == 73) || (length == 9 && first == 45 && load<u8>(at, 1) == 73)) return isExactFloat(at, length) ? asFloat : 0;
  return 0;
}

@inline
export function isHex(byte: u32): bool {
  return byte - 48 <= 9 || byte - 97 <= 5;
}

function isUuid(at: usize, length: i32): bool {
  if (length != 36) return false;
  for (let i: usize = 0; i < 36; i++) {
    const byte: u32 = load<u8>(at + i);
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (byte != 45) return false;
    } else if (!isHex(byte)) return false;
  }
  return true;
}

/** 1, 0, or -1 for what is neither. */
export function truth(at: usize, length: i32): i32 {
  const first: u32 = load<u8>(at) | 32;
  if (length == 1) return first == 116 || load<u8>(at) == 49 ? 1 : first == 102 || load<u8>(at) == 48 ? 0 : -1;
  const word = load<u32>(at) | 0x20202000;
  if (length == 4 && (word | 32) == 0x65757274) return sameCase(at, 4) ? 1 : -1;
  if (length == 5 && (word | 32) == 0x736c6166 && (load<u8>(at, 4) | 32) == 101) return sameCase(at, 5) ? 0 : -1;
  return -1;
}

/** true, True or TRUE. */
function sameCase(at: usize, length: usize): bool {
  const rest = load<u8>(at, 1) & 32;
  for (let i: usize = 2; i < length; i++) if ((load<u8>(at + i) & 32) != rest) return false;
  return rest != 0 || (load<u8>(at) & 32) == 0;
}

// Dates and times: what is written the plain way is read here, the rest by the caller.

export const noDay: i32 = i32.MIN_VALUE;

@inline
function two(at: usize): u32 {
  const a: u32 = <u32>load<u8>(at) - 48;
  const b: u32 = <u32>load<u8>(at, 1) - 48;
  return a <= 9 && b <= 9 ? a * 10 + b : 1000;
}

/** Days from 2000-01-01 of YYYY-MM-DD. */
export function days(at: usize): i32 {
  const high = two(at);
  const low = two(at + 2);
  const month = two(at + 5);
  const day = two(at + 8);
  if (high > 99 || low > 99 || month > 12 || month == 0 || day == 0 || day > 31 || load<u8>(at, 4) != 45 || load<u8>(at, 7) != 45) return noDay;
  const year = <i32>(high * 100 + low);
  if (year == 0) return noDay;
  const leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  if (month == 2 && day > (leap ? 29 : <u32>28)) return noDay;
  if (day == 31 && (month == 4 || month == 6 || month == 9 || month == 11)) return noDay;
  const y = month > 2 ? year : year - 1;
  const era = y / 400;
  const yearOfEra = y - era * 400;
  const dayOfYear = (153 * (month > 2 ? <i32>month - 3 : <i32>month + 9) + 2) / 5 + <i32>day - 1;
  return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 730425;
}

/** Microseconds of HH:MM:SS[.ffffff] up to `end`; `clockEnd` is where it stops. */
let clockEnd: usize = 0;
function timeMicros(at: usize, end: usize): i64 {
  if (end - at < 8) return noValue;
  const hour = two(at);
  const minute = two(at + 3);
  const second = two(at + 6);
  if (hour > 23 || minute > 59 || second > 59 || load<u8>(at, 2) != 58 || load<u8>(at, 5) != 58) return noValue;
  let micros = <i64>(hour * 3600 + minute * 60 + second) * 1000000;
  at += 8;
  if (at < end && load<u8>(at) == 46) {
    at++;
    let unit: i64 = 100000;
    const first = at;
    while (at < end) {
      const digit = <u32>load<u8>(at) - 48;
      if (digit > 9) break;
      if (unit == 0 && digit != 0) return noValue;
      micros += <i64>digit * unit;
      unit /= 10;
      at++;
    }
    if (at == first) return noValue;
  }
  clockEnd = at;
  return micros;
}

export function timeOfDay(at: usize, length: i32): i64 {
  const micros = timeMicros(at, at + length);
  return micros == noValue || clockEnd != at + length ? noValue : micros;
}

export let clockZone: bool = false;

/** Microseconds from 2000-01-01 of YYYY-MM-DD[T ]HH:MM:SS[.f][zone]; a zone only where `kind` is 11 or any is asked for. */
export function clock(kind: i32, at: usize, length: i32): i64 {
  clockZone = false;
  if (length < 19) return noValue;
  const day = days(at);
  const between = load<u8>(at, 10);
  if (day == noDay || (between != 32 && between != 84)) return noValue;
  const end = at + length;
  const micros = timeMicros(at + 11, end);
  if (micros == noValue) return noValue;
  const total = <i64>day * 86400000000 + micros;
  at = clockEnd;
  if (at == end) return total;
  clockZone = true;
  const sign = load<u8>(at);
  if (sign == 90 && at + 1 == end) return total;
  if (sign != 43 && sign != 45) return noValue;
  const hours = end - at >= 3 ? two(at + 1) : 1000;
  at += 3;
  let minutes: u32 = 0;
  if (at < end) {
    if (load<u8>(at) == 58) at++;
    minutes = end - at == 2 ? two(at) : 1000;
  }
  if (hours > 15 || minutes > 59) return noValue;
  const offset = <i64>(hours * 60 + minutes) * 60000000;
  return sign == 45 ? total + offset : total - offset;
}
