// AssemblyScript, compiled by scripts/build-kernel.ts into frame-kernel.gen.ts. Takes rows out of the CopyData messages
// of a server, one row each, lays them side by side and hashes them on the way (docs/row-format.md).

import { close, hashBytes } from '../../store/rows/row-hash.as';

/** Where the last call stopped reading and writing. */
export let read: usize = 0;
export let written: usize = 0;
/** Rows and their digest since the caller last set them. */
export let rows: f64 = 0;
export let sum: u64 = 0;
/** The next message of a binary COPY begins with the header. */
export let header: i32 = 0;

@inline const dataMessage: u8 = 0x64;
@inline const headerBytes: usize = 19;

@inline const moreInput: i32 = 0;
@inline const otherMessage: i32 = 1;
@inline const noRoom: i32 = 2;
@inline const malformed: i32 = 3;

/** Takes messages from [from, to) and puts rows at [out, end). Ends when a message is not whole (0), is no CopyData (1),
 *  its row has no room (2) or is not of so many `columns` (3); `read` is then where that message begins. */
export function unframe(from: usize, to: usize, out: usize, end: usize, columns: i32, text: i32): i32 {
  let reason = moreInput;
  while (to - from >= 5) {
    const length = <usize>bswap<u32>(load<u32>(from, 1)) + 1;
    if (load<u8>(from) != dataMessage) {
      reason = otherMessage;
      break;
    }
    if (length > to - from) break;
    let row = from + 5;
    const next = from + length;
    if (!text) {
      if (header) {
        row += headerBytes;
        header = 0;
      }
      // The trailer, alone or behind the header of an empty table.
      if (row == next || (next - row == 2 && load<u16>(row) == 0xffff)) {
        from = next;
        continue;
      }
    }
    const size = next - row;
    if (size > end - out) {
      // The header stays part of the message until its row is taken.
      if (row != from + 5) header = 1;
      reason = noRoom;
      break;
    }
    memory.copy(out, row, size);
    if (!add(row, next, columns, text)) {
      reason = malformed;
      break;
    }
    out += size;
    from = next;
  }
  read = from;
  written = out;
  return reason;
}

/** Counts and hashes the row at [row, next), which may be changed by it. False when it does not have the columns. */
export function add(row: usize, next: usize, columns: i32, text: i32): bool {
  const fold = text ? foldText(row, next, columns) : foldBinary(row, next, columns);
  if (failed) return false;
  sum += close(fold);
  rows += 1;
  return true;
}

let failed: bool = false;

@inline
function foldBinary(row: usize, next: usize, columns: i32): u64 {
  failed = true;
  if (next - row < 2 || bswap<u16>(load<u16>(row)) != <u16>columns) return 0;
  row += 2;
  let fold: u64 = 1;
  for (let column = 0; column < columns; column++) {
    if (next - row < 4) return 0;
    const length = <i32>bswap<u32>(load<u32>(row));
    row += 4;
    fold = fold * 31;
    if (length >= 0) {
      if (<usize>length > next - row) return 0;
      fold += hashBytes(row, <u32>length);
      row += length;
    } else if (length != -1) return 0;
  }
  failed = row != next;
  return fold;
}

/** A line of COPY text: fields between tabs, `\N` for NULL, `\b \f \n \r \t \v \\` for what they say. */
function foldText(row: usize, next: usize, columns: i32): u64 {
  failed = true;
  let fold: u64 = 1;
  let column = 0;
  for (;;) {
    // Written over itself: what is unescaped is never longer.
    const field = row;
    let end = row;
    let isNull = false;
    let byte: u8 = 0;
    for (;;) {
      if (row >= next) return 0;
      byte = load<u8>(row++);
      if (byte == 0x09 || byte == 0x0a) break;
      if (byte == 0x5c) {
        if (row >= next) return 0;
        byte = load<u8>(row++);
        if (byte == 0x4e) isNull = true;
        else if (byte == 0x62) byte = 0x08;
        else if (byte == 0x66) byte = 0x0c;
        else if (byte == 0x6e) byte = 0x0a;
        else if (byte == 0x72) byte = 0x0d;
        else if (byte == 0x74) byte = 0x09;
        else if (byte == 0x76) byte = 0x0b;
      }
      store<u8>(end++, byte);
    }
    fold = fold * 31;
    if (!isNull) fold += hashBytes(field, <u32>(end - field));
    column++;
    if (byte == 0x0a) break;
  }
  failed = row != next || column != columns;
  return fold;
}

/** As `unframe`, for rows of COPY text that lie side by side. Lines are changed by it. */
export function addLines(from: usize, to: usize, columns: i32): bool {
  while (from < to) {
    let next = from;
    while (next < to && load<u8>(next) != 0x0a) next++;
    if (next == to || !add(from, next + 1, columns, 1)) return false;
    from = next + 1;
  }
  return true;
}
