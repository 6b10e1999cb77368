// AssemblyScript, compiled by scripts/build-kernel.ts into text-kernel.gen.ts. Scans rows of CSV (RFC 4180 and its
// relatives) and of JSON lines, infers what their values are, and turns them into canonical rows (docs/row-format.md).
// The caller leaves 16 readable bytes behind input and output. What is out of the ordinary is asked of the caller.

@external("env", "isExactFloat")
declare function isExactFloat(at: usize, length: i32): bool;
@external("env", "readFloat")
declare function readFloat(at: usize, length: i32): f64;
/** Kind 8 date, 9 time, 10 and 11 timestamp; `noValue` for a text that is none. */
@external("env", "readTime")
declare function readTime(kind: i32, at: usize, length: i32): i64;
@external("env", "isJson")
declare function isJson(at: usize, length: i32): bool;

/** What the last call came to: bytes of input used up, end of the output, rows, lines, misfits noted. */
export let consumed: usize = 0;
export let written: usize = 0;
export let rows: i32 = 0;
export let lines: i32 = 0;
export let misfits: i32 = 0;
/** Of a key that JSON lines hold and the caller did not name. */
export let keyAt: usize = 0;
export let keyLength: i32 = 0;

/** How a call ended. */
const atEnd: i32 = 0;
const needsInput: i32 = 1;
const needsOutput: i32 = 2;
const noteFull: i32 = 3;
const newKey: i32 = 4;

/** Reasons of misfits, as the caller words them. */
const tooFew: i32 = 1;
const tooMany: i32 = 2;
const openQuote: i32 = 3;
const badQuote: i32 = 4;
const notText: i32 = 5;
const holdsNul: i32 = 6;
const noSuchValue: i32 = 7;
const isNull: i32 = 8;
const notObject: i32 = 9;
const keyTwice: i32 = 10;
const tooLong: i32 = 11;

const noValue: i64 = i64.MIN_VALUE + 1;

/** Flags of a field. */
const quoted: u32 = 1;
const escaped: u32 = 2;
const jsonNumber: u32 = 4;
const jsonWord: u32 = 8;
const jsonTree: u32 = 16;
const absent: u32 = 32;
const broken: u32 = 64;

const maxMisfits: i32 = 64;
const misfitBytes: usize = 16;
const columnBytes: usize = 32;
const sightBytes: usize = 64;
const spanBytes: usize = 12;
const keyBytes: usize = 12;

let delimiter: u32 = 44;
let quote: u32 = 34;
let classes: usize = 0;
let columns: usize = 0;
let columnCount: i32 = 0;
let fieldCount: i32 = 0;
let spans: usize = 0;
let notes: usize = 0;
let nullText: usize = 0;
let nullLength: i32 = 0;
let quotedNull: bool = false;
let keys: usize = 0;
let keyCount: i32 = 0;
let json: bool = false;

/** `classes` has a 1 for every byte that ends a plain field or must be looked at. `columns` holds a record per column
 *  of the output when encoding, per field of the input when inferring. */
export function layout(classesAt: usize, columnsAt: usize, count: i32, fields: i32, spansAt: usize, notesAt: usize): void {
  classes = classesAt;
  columns = columnsAt;
  columnCount = count;
  fieldCount = fields;
  spans = spansAt;
  notes = notesAt;
}

export function dialect(separator: u32, quoting: u32, nullAt: usize, length: i32, quotedToo: bool): void {
  delimiter = separator;
  quote = quoting;
  nullText = nullAt;
  nullLength = length;
  quotedNull = quotedToo;
  json = false;
}

/** Keys as they stand in the input: place, length, field (u32 each). */
export function jsonKeys(at: usize, count: i32): void {
  keys = at;
  keyCount = count;
  json = true;
}

@inline
function span(field: i32): usize {
  return spans + <usize>field * spanBytes;
}

@inline
function setSpan(field: i32, at: usize, length: usize, flags: u32): void {
  const place = span(field);
  store<u32>(place, <u32>at);
  store<u32>(place, <u32>length, 4);
  store<u32>(place, flags, 8);
}

function note(row: usize, line: i32, column: i32, reason: i32): void {
  const at = notes + <usize>misfits * misfitBytes;
  store<u32>(at, <u32>row);
  store<i32>(at, line, 4);
  store<i32>(at, column, 8);
  store<i32>(at, reason, 12);
  misfits++;
}

/** Where the row that `nextRow` found ends, the lines in it, its fields, and what is wrong with it. */
let rowEnd: usize = 0;
let rowLines: i32 = 0;
let rowFields: i32 = 0;
let rowWrong: i32 = 0;

/** Splits one row into spans. False when it is not whole in the input. */
function nextRow(at: usize, to: usize, final: bool): bool {
  let field = 0;
  rowLines = 0;
  rowWrong = 0;
  let more = true;
  while (more) {
    let start = at;
    let flags: u32 = 0;
    if (at < to && quote != 0 && load<u8>(at) == <u8>quote) {
      flags = quoted;
      at++;
      start = at;
      let open = true;
      while (open) {
        while (at < to && load<u8>(at) != <u8>quote) {
          if (load<u8>(at) == 10) rowLines++;
          at++;
        }
        if (at >= to) {
          if (!final) return false;
          rowWrong = openQuote;
          rowEnd = to;
          return true;
        }
        if (at + 1 >= to && !final) return false;
        open = at + 1 < to && load<u8>(at, 1) == <u8>quote;
        if (open) {
          flags |= escaped;
          at += 2;
        }
      }
      if (field < fieldCount) setSpan(field, start, at - start, flags);
      at++;
      while (at < to && load<u8>(classes + load<u8>(at)) != 1) {
        rowWrong = badQuote;
        at++;
      }
    } else {
      while (at < to && load<u8>(classes + load<u8>(at)) != 1) at++;
      if (field < fieldCount) setSpan(field, start, at - start, 0);
    }
    field++;
    if (at >= to) {
      if (!final) return false;
      rowEnd = to;
      more = false;
      continue;
    }
    const end = load<u8>(at);
    if (end == <u8>delimiter) {
      at++;
      continue;
    }
    if (end == 13) {
      if (at + 1 >= to && !final) return false;
      if (at + 1 < to && load<u8>(at, 1) == 10) at++;
    }
    rowLines++;
    rowEnd = at + 1;
    more = false;
  }
  rowFields = field;
  return true;
}

@inline
function isBlank(from: usize): bool {
  if (rowFields != 1 || fieldCount == 1) return false;
  const place = span(0);
  return fieldCount > 0 && load<u32>(place, 4) == 0 && load<u32>(place, 8) == 0 && rowEnd > from;
}

@inline
function isSpace(byte: u32): bool {
  return byte == 32 || byte == 9 || byte == 13;
}

/** Splits a line into the values of its keys. False when it is not whole in the input; `keyAt` is set (and true given)
 *  when a key is new. */
function nextObject(from: usize, to: usize, final: bool): bool {
  let end = from;
  while (end < to && load<u8>(end) != 10) end++;
  if (end >= to && !final) return false;
  rowEnd = end < to ? end + 1 : to;
  rowLines = 1;
  rowWrong = 0;
  rowFields = 0;
  keyAt = 0;
  let at = from;
  while (at < end && isSpace(load<u8>(at))) at++;
  if (at >= end) return true;
  rowFields = 1;
  for (let i = 0; i < fieldCount; i++) setSpan(i, 0, 0, absent);
  rowWrong = notObject;
  if (load<u8>(at) != 123) return true;
  at++;
  let expected = 0;
  let first = true;
  for (;;) {
    while (at < end && isSpace(load<u8>(at))) at++;
    if (at < end && load<u8>(at) == 125 && first) {
      at++;
      break;
    }
    first = false;
    if (at >= end || load<u8>(at) != 34) return true;
    const key = ++at;
    while (at < end && load<u8>(at) != 34) at += load<u8>(at) == 92 ? 2 : 1;
    if (at >= end) return true;
    const field = findKey(key, <i32>(at - key), expected);
    if (field < 0) {
      keyAt = key;
      keyLength = <i32>(at - key);
      return true;
    }
    expected = field + 1;
    at++;
    while (at < end && isSpace(load<u8>(at))) at++;
    if (at >= end || load<u8>(at) != 58) return true;
    at++;
    while (at < end && isSpace(load<u8>(at))) at++;
    const value = at;
    let flags: u32 = 0;
    if (at >= end) return true;
    const begin = load<u8>(at);
    if (begin == 34) {
      flags = quoted;
      at++;
      while (at < end && load<u8>(at) != 34) {
        const byte = load<u8>(at);
        if (byte < 32) return true;
        if (byte == 92) {
          flags |= escaped;
          at += 2;
        } else at++;
      }
      if (at >= end) return true;
      at++;
    } else if (begin == 123 || begin == 91) {
      flags = jsonTree;
      let depth = 0;
      let inside = false;
      while (at < end) {
        const byte = load<u8>(at);
        if (inside) {
          if (byte == 92) at++;
          else if (byte == 34) inside = false;
        } else if (byte == 34) inside = true;
        else if (byte == 123 || byte == 91) depth++;
        else if (byte == 125 || byte == 93) depth--;
        at++;
        if (depth == 0) break;
      }
      if (depth != 0 || at > end) return true;
    } else {
      while (at < end) {
        const byte = load<u8>(at);
        if (byte == 44 || byte == 125 || isSpace(byte)) break;
        at++;
      }
      flags = scanNumber(value, <i32>(at - value)) != 0 ? jsonNumber : jsonWord;
      if (flags == jsonWord && !isWord(value, <i32>(at - value))) return true;
    }
    if (load<u32>(span(field), 8) != absent) {
      rowWrong = keyTwice;
      return true;
    }
    setSpan(field, value, at - value, flags);
    while (at < end && isSpace(load<u8>(at))) at++;
    if (at >= end) return true;
    const next = load<u8>(at++);
    if (next == 125) break;
    if (next != 44) return true;
  }
  while (at < end && isSpace(load<u8>(at))) at++;
  if (at == end) rowWrong = 0;
  return true;
}

@inline
function isWord(at: usize, length: i32): bool {
  if (length == 4) return load<u32>(at) == 0x6c6c756e || load<u32>(at) == 0x65757274;
  return length == 5 && load<u32>(at) == 0x736c6166 && load<u8>(at, 4) == 101;
}

function findKey(at: usize, length: i32, expected: i32): i32 {
  for (let i = 0; i < keyCount; i++) {
    const place = keys + <usize>((expected + i) % keyCount) * keyBytes;
    if (load<i32>(place, 4) == length && memory.compare(load<u32>(place), at, length) == 0) return load<i32>(place, 8);
  }
  return -1;
}

@inline
function isNullField(at: usize, length: i32, flags: u32): bool {
  if (flags & (absent | jsonWord)) return flags & absent ? true : load<u8>(at) == 110;
  if (json) return false;
  if (flags & quoted && !quotedNull) return false;
  return length == nullLength && memory.compare(at, nullText, length) == 0;
}

// Numbers: -?(0|[1-9]digits)(.digits)?(e[+-]?digits)?

let whole: i32 = 0;
let decimals: i32 = 0;
let significant: i32 = 0;
let mantissa: u64 = 0;
let exponent: i32 = 0;

/** 0 none, 1 whole, 2 with decimals, 3 with an exponent. The parts are left behind. */
function scanNumber(at: usize, length: i32): i32 {
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

const asInteger: u32 = 1;
const asDecimal: u32 = 2;
const asFloat: u32 = 4;
const asBoolean: u32 = 8;
const asDate: u32 = 16;
const asTime: u32 = 32;
const asTimestamp: u32 = 64;
const asZoned: u32 = 128;
const asUuid: u32 = 256;

let kept: i32 = 0;
let keptDecimals: i32 = 0;
/** A number of more digits than every double carries was taken for a float. */
let doubtful: bool = false;
let strict: bool = false;

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

function candidates(at: usize, length: i32): u32 {
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
function isHex(byte: u32): bool {
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
function truth(at: usize, length: i32): i32 {
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

const noDay: i32 = i32.MIN_VALUE;

@inline
function two(at: usize): u32 {
  const a: u32 = <u32>load<u8>(at) - 48;
  const b: u32 = <u32>load<u8>(at, 1) - 48;
  return a <= 9 && b <= 9 ? a * 10 + b : 1000;
}

/** Days from 2000-01-01 of YYYY-MM-DD. */
function days(at: usize): i32 {
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

function timeOfDay(at: usize, length: i32): i64 {
  const micros = timeMicros(at, at + length);
  return micros == noValue || clockEnd != at + length ? noValue : micros;
}

let clockZone: bool = false;

/** Microseconds from 2000-01-01 of YYYY-MM-DD[T ]HH:MM:SS[.f][zone]; a zone only where `kind` is 11 or any is asked for. */
function clock(kind: i32, at: usize, length: i32): i64 {
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

// Texts.

const highs: u64 = 0x8080808080808080;
const ones: u64 = 0x0101010101010101;

/** 0 fine, or what is wrong with it as a text. */
function wrongText(at: usize, length: usize): i32 {
  const end = at + length;
  let seen: u64 = 0;
  let i = at;
  while (i + 8 <= end) {
    const word = load<u64>(i);
    if ((word - ones) & ~word & highs) return wrongSlowly(i, end);
    seen |= word;
    i += 8;
  }
  if (seen & highs) return wrongSlowly(at, end);
  return i < end ? wrongSlowly(i, end) : 0;
}

function wrongSlowly(at: usize, end: usize): i32 {
  while (at < end) {
    const byte: u32 = load<u8>(at);
    if (byte < 0x80) {
      if (byte == 0) return holdsNul;
      at++;
      continue;
    }
    const more: usize = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
    if (byte < 0xc2 || byte > 0xf4 || at + more >= end) return notText;
    const next: u32 = load<u8>(at, 1);
    if ((next & 0xc0) != 0x80) return notText;
    if ((byte == 0xe0 && next < 0xa0) || (byte == 0xed && next > 0x9f) || (byte == 0xf0 && next < 0x90) || (byte == 0xf4 && next > 0x8f)) return notText;
    for (let i: usize = 2; i <= more; i++) if ((load<u8>(at + i) & 0xc0) != 0x80) return notText;
    at += more + 1;
  }
  return 0;
}

/** Takes the escapes out of a field, in place. The new length; -1 when an escape is none. */
function unescape(at: usize, length: i32): i32 {
  const end = at + length;
  let to = at;
  let from = at;
  if (!json) {
    while (from < end) {
      const byte = load<u8>(from++);
      if (byte == <u8>quote) from++;
      store<u8>(to++, byte);
    }
    return <i32>(to - at);
  }
  while (from < end) {
    const byte = load<u8>(from++);
    if (byte != 92) {
      store<u8>(to++, byte);
      continue;
    }
    const what = load<u8>(from++);
    if (what == 117) {
      let code = hex4(from, end);
      if (code < 0) return -1;
      from += 4;
      if (code >= 0xd800 && code < 0xe000) {
        const low = load<u8>(from) == 92 && load<u8>(from, 1) == 117 ? hex4(from + 2, end) : -1;
        if (code >= 0xdc00 || low < 0xdc00 || low > 0xdfff) return -1;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        from += 6;
      }
      to = putCode(to, <u32>code);
    } else {
      const plain = what == 110 ? 10 : what == 116 ? 9 : what == 114 ? 13 : what == 98 ? 8 : what == 102 ? 12 : what;
      if (plain == what && what != 34 && what != 92 && what != 47) return -1;
      store<u8>(to++, <u8>plain);
    }
  }
  return <i32>(to - at);
}

function hex4(at: usize, end: usize): i32 {
  if (at + 4 > end) return -1;
  let value = 0;
  for (let i: usize = 0; i < 4; i++) {
    const byte: u32 = load<u8>(at + i);
    if (!isHex(byte | (byte >= 65 ? 32 : 0))) return -1;
    value = (value << 4) | <i32>(byte <= 57 ? byte - 48 : (byte | 32) - 87);
  }
  return value;
}

function putCode(to: usize, code: u32): usize {
  if (code < 0x80) {
    store<u8>(to, <u8>code);
    return to + 1;
  }
  if (code < 0x800) {
    store<u8>(to, <u8>(0xc0 | (code >> 6)));
    store<u8>(to, <u8>(0x80 | (code & 63)), 1);
    return to + 2;
  }
  if (code < 0x10000) {
    store<u8>(to, <u8>(0xe0 | (code >> 12)));
    store<u8>(to, <u8>(0x80 | ((code >> 6) & 63)), 1);
    store<u8>(to, <u8>(0x80 | (code & 63)), 2);
    return to + 3;
  }
  store<u8>(to, <u8>(0xf0 | (code >> 18)));
  store<u8>(to, <u8>(0x80 | ((code >> 12) & 63)), 1);
  store<u8>(to, <u8>(0x80 | ((code >> 6) & 63)), 2);
  store<u8>(to, <u8>(0x80 | (code & 63)), 3);
  return to + 4;
}

// Fields. `out` moves on; 0 is fine, else the reason.

let out: usize = 0;

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
function putField(column: usize): i32 {
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

/** Encodes whole rows of [from, to) into [into, room). */
export function encode(from: usize, to: usize, final: bool, into: usize, room: usize): i32 {
  out = into;
  rows = 0;
  lines = 0;
  misfits = 0;
  const start = from;
  let end = atEnd;
  while (from < to) {
    if (!(json ? nextObject(from, to, final) : nextRow(from, to, final))) {
      end = needsInput;
      break;
    }
    if (json ? rowFields == 0 : rowWrong == 0 && isBlank(from)) {
      from = rowEnd;
      lines += rowLines;
      continue;
    }
    if (misfits == maxMisfits) {
      end = noteFull;
      break;
    }
    if (json && keyAt != 0) {
      end = newKey;
      break;
    }
    let wrong = rowWrong;
    let column = -1;
    if (!json && wrong == 0 && rowFields != fieldCount) wrong = rowFields < fieldCount ? tooFew : tooMany;
    if (wrong == 0) {
      if (out + 2 + <usize>columnCount * 32 + (rowEnd - from) > room) {
        end = needsOutput;
        break;
      }
      const row = out;
      store<u16>(out, bswap<u16>(<u16>columnCount));
      out += 2;
      for (let i = 0; i < columnCount; i++) {
        wrong = putField(columns + <usize>i * columnBytes);
        if (wrong != 0) {
          column = i;
          break;
        }
      }
      if (wrong != 0) out = row;
      else rows++;
    }
    if (wrong != 0) note(from - start, lines, column, wrong);
    from = rowEnd;
    lines += rowLines;
  }
  consumed = from - start;
  written = out;
  return end;
}

/** Looks at whole rows of [from, to). Of each field (a record in `columns`): what all values may be (u32), kinds of JSON
 *  seen (u32), digits before and behind the point, longest value, whether long
 *  numbers were taken for floats (u32 each), then values and NULLs (f64). */
export function infer(from: usize, to: usize, final: bool, most: i32): i32 {
  rows = 0;
  lines = 0;
  misfits = 0;
  const start = from;
  let end = atEnd;
  while (from < to) {
    if (rows >= most) {
      end = needsOutput;
      break;
    }
    if (!(json ? nextObject(from, to, final) : nextRow(from, to, final))) {
      end = needsInput;
      break;
    }
    if (json && keyAt != 0) {
      end = newKey;
      break;
    }
    if (json ? rowFields == 0 : rowWrong == 0 && isBlank(from)) {
      from = rowEnd;
      lines += rowLines;
      continue;
    }
    if (misfits == maxMisfits) {
      end = noteFull;
      break;
    }
    let wrong = rowWrong;
    let column = -1;
    if (!json && wrong == 0 && rowFields != fieldCount) wrong = rowFields < fieldCount ? tooFew : tooMany;
    if (wrong == 0) {
      wrong = wrongText(from, rowEnd - from);
      for (let i = 0; i < fieldCount && wrong == 0; i++) see(i);
      rows++;
    }
    if (wrong != 0) note(from - start, lines, column, wrong);
    from = rowEnd;
    lines += rowLines;
  }
  consumed = from - start;
  return end;
}

function see(field: i32): void {
  const sight = columns + <usize>field * sightBytes;
  const place = span(field);
  let at: usize = load<u32>(place);
  let length = load<i32>(place, 4);
  const flags = load<u32>(place, 8);
  if (isNullField(at, length, flags)) {
    store<f64>(sight, load<f64>(sight, 32) + 1, 32);
    return;
  }
  store<f64>(sight, load<f64>(sight, 24) + 1, 24);
  if (length > load<i32>(sight, 16)) store<i32>(sight, length, 16);
  if (json) store<u32>(sight, load<u32>(sight, 4) | (flags & ~escaped), 4);
  const mask = load<u32>(sight);
  if (mask == 0) return;
  let seen: u32 = 0;
  if (json && flags & quoted) {
    at++;
    length -= 2;
  }
  if (!(flags & (escaped | jsonTree))) {
    kept = 0;
    keptDecimals = 0;
    doubtful = false;
    seen = mask & candidates(at, length);
    if (doubtful) store<u32>(sight, 1, 20);
    if (kept > load<i32>(sight, 8)) store<i32>(sight, kept, 8);
    if (keptDecimals > load<i32>(sight, 12)) store<i32>(sight, keptDecimals, 12);
    // A string of JSON is never a number or a truth value.
    if (json && flags & quoted) seen &= ~(asInteger | asDecimal | asFloat | asBoolean);
  }
  store<u32>(sight, seen);
}

/** How many fields the first row of [from, to) has; spans of as many as are laid out. -1: it is not whole. */
export function firstRow(from: usize, to: usize, final: bool): i32 {
  if (!nextRow(from, to, final)) return -1;
  consumed = rowEnd - from;
  lines = rowLines;
  misfits = rowWrong;
  return rowFields;
}

/** Memory from here on is the caller's. */
export function base(): usize {
  return __heap_base;
}
