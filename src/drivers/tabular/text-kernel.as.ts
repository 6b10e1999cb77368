// AssemblyScript, compiled by scripts/build-kernel.ts into text-kernel.gen.ts. Scans rows of CSV (RFC 4180 and its
// relatives) and of JSON lines, infers what their values are, and turns them into canonical rows (docs/row-format.md).
// The caller leaves 16 readable bytes behind input and output. What is out of the ordinary is asked of the caller.
import { escaped, jsonTree, quoted, tooFew, tooMany } from './text-codes.as';
import { out, putField, writeAt } from './text-fields.as';
import { fieldCount, isBlank, isNullField, json, keyAt, layFields, nextObject, nextRow, rowEnd, rowFields, rowLines, rowWrong, span } from './text-rows.as';
import { asBoolean, asDecimal, asFloat, asInteger, candidates, doubtful, kept, keptDecimals, startLook } from './text-values.as';
import { wrongText } from './text-utf8.as';

export { dialect, jsonKeys, keyAt, keyLength } from './text-rows.as';
export { beStrict } from './text-values.as';

/** What the last call came to: bytes of input used up, end of the output, rows, lines, misfits noted. */
export let consumed: usize = 0;
export let written: usize = 0;
export let rows: i32 = 0;
export let lines: i32 = 0;
export let misfits: i32 = 0;

/** How a call ended. */
const atEnd: i32 = 0;
const needsInput: i32 = 1;
const needsOutput: i32 = 2;
const noteFull: i32 = 3;
const newKey: i32 = 4;
const maxMisfits: i32 = 64;
const misfitBytes: usize = 16;
const columnBytes: usize = 32;
const sightBytes: usize = 64;
let columns: usize = 0;
let columnCount: i32 = 0;
let notes: usize = 0;

/** `classesAt` has a 1 for every byte that ends a plain field. `columnsAt` holds a record per column of the output when
 *  encoding, per field of the input when inferring. */
export function layout(classesAt: usize, columnsAt: usize, count: i32, fieldsCount: i32, spansAt: usize, notesAt: usize): void {
  columns = columnsAt;
  columnCount = count;
  notes = notesAt;
  layFields(classesAt, fieldsCount, spansAt);
}

function note(row: usize, line: i32, column: i32, reason: i32): void {
  const at = notes + <usize>misfits * misfitBytes;
  store<u32>(at, <u32>row);
  store<i32>(at, line, 4);
  store<i32>(at, column, 8);
  store<i32>(at, reason, 12);
  misfits++;
}

/** Encodes whole rows of [from, to) into [into, room). */
export function encode(from: usize, to: usize, final: bool, into: usize, room: usize): i32 {
  writeAt(into);
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
      writeAt(out + 2);
      for (let i = 0; i < columnCount; i++) {
        wrong = putField(columns + <usize>i * columnBytes);
        if (wrong != 0) {
          column = i;
          break;
        }
      }
      if (wrong != 0) writeAt(row);
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
    startLook();
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
