// AssemblyScript, part of the text kernel: splits input into rows and these into fields.
import { absent, badQuote, escaped, jsonNumber, jsonTree, jsonWord, keyTwice, notObject, openQuote, quoted } from './text-codes.as';
import { scanNumber } from './text-values.as';

/** Of a key that JSON lines hold and the caller did not name. */
export let keyAt: usize = 0;
export let keyLength: i32 = 0;

const spanBytes: usize = 12;
const keyBytes: usize = 12;

let delimiter: u32 = 44;
export let quote: u32 = 34;
let classes: usize = 0;
export let fieldCount: i32 = 0;
let spans: usize = 0;
let nullText: usize = 0;
let nullLength: i32 = 0;
let quotedNull: bool = false;
let keys: usize = 0;
let keyCount: i32 = 0;
export let json: bool = false;

/** `classesAt` has a 1 for every byte that ends a plain field. */
export function layFields(classesAt: usize, fields: i32, spansAt: usize): void {
  classes = classesAt;
  fieldCount = fields;
  spans = spansAt;
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
export function span(field: i32): usize {
  return spans + <usize>field * spanBytes;
}

@inline
function setSpan(field: i32, at: usize, length: usize, flags: u32): void {
  const place = span(field);
  store<u32>(place, <u32>at);
  store<u32>(place, <u32>length, 4);
  store<u32>(place, flags, 8);
}
/** Where the row that `nextRow` found ends, the lines in it, its fields, and what is wrong with it. */
export let rowEnd: usize = 0;
export let rowLines: i32 = 0;
export let rowFields: i32 = 0;
export let rowWrong: i32 = 0;

/** Splits one row into spans. False when it is not whole in the input. */
export function nextRow(at: usize, to: usize, final: bool): bool {
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
export function isBlank(from: usize): bool {
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
export function nextObject(from: usize, to: usize, final: bool): bool {
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
export function isNullField(at: usize, length: i32, flags: u32): bool {
  if (flags & (absent | jsonWord)) return flags & absent ? true : load<u8>(at) == 110;
  if (json) return false;
  if (flags & quoted && !quotedNull) return false;
  return length == nullLength && memory.compare(at, nullText, length) == 0;
}
