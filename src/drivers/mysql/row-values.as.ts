// AssemblyScript, a part of row-kernel.as.ts: single values in their canonical form, written to `out`. A writer that
// returns false says why in `reason`; what it wrote then does not count.

/** Where the next byte is written. */
export let out: usize = 0;
export let reason: i32 = 0;

export function rewind(to: usize): void {
  out = to;
}

// Reasons.
export const isNull: i32 = 1;
export const outOfRange: i32 = 2;
export const noCalendarDate: i32 = 3;
export const noTimeOfDay: i32 = 4;
export const nulByte: i32 = 5;
export const brokenText: i32 = 6;
export const unknownEnum: i32 = 7;
export const noDecimal: i32 = 8;
export const noBoolean: i32 = 9;
export const noUuid: i32 = 10;
export const nulEscape: i32 = 11;
export const tooLong: i32 = 12;
export const malformed: i32 = 13;
export const oddJson: i32 = 14;

@inline
export function no(why: i32): bool {
  reason = why;
  return false;
}

@inline
export function putNull(): void {
  store<u32>(out, 0xffffffff);
  out += 4;
}

@inline
export function putHead(length: u32): void {
  store<u32>(out, bswap<u32>(length));
  out += 4;
}

@inline
export function put64(number: i64): void {
  putHead(8);
  store<u64>(out, bswap<u64>(<u64>number));
  out += 8;
}

@inline
export function put32(number: i32): void {
  putHead(4);
  store<u32>(out, bswap<u32>(<u32>number));
  out += 4;
}

@inline
export function putDigit(digit: u32): void {
  store<u16>(out, bswap<u16>(<u16>digit));
  out += 2;
}

/** A decimal's head, in the 12 bytes left free at `head`; takes trailing zero digits back. */
export function closeDecimal(head: usize, count: u32, weight: i32, negative: bool, scale: u32): void {
  while (count > 0 && load<u16>(out - 2) == 0) {
    out -= 2;
    count--;
  }
  store<u32>(head, bswap<u32>(8 + 2 * count));
  store<u16>(head, bswap<u16>(<u16>count), 4);
  store<u16>(head, bswap<u16>(<u16>(count == 0 ? 0 : weight)), 6);
  store<u16>(head, bswap<u16>(negative && count > 0 ? 0x4000 : 0), 8);
  store<u16>(head, bswap<u16>(<u16>scale), 10);
}

export function wholeDecimal(op: usize, magnitude: u64, negative: bool): bool {
  const scale = load<u32>(op, 4) & 0xffff;
  const head = out;
  out += 12;
  let count: u32 = 0;
  let weight: i32 = 0;
  let divisor: u64 = 10000000000000000;
  for (let group: i32 = 4; group >= 0; group--) {
    const digit = (magnitude / divisor) % 10000;
    divisor = divisor > 1 ? divisor / 10000 : 1;
    if (digit == 0 && count == 0) continue;
    if (count == 0) weight = group;
    putDigit(<u32>digit);
    count++;
  }
  closeDecimal(head, count, weight, negative, scale);
  return true;
}

/** A decimal's text, as the server writes it: digits, perhaps a sign and a point. */
export function decimal(op: usize, at: usize, length: u32): bool {
  const end = at + length;
  let negative = false;
  if (at < end && load<u8>(at) == 45) {
    negative = true;
    at++;
  }
  let point = at;
  while (point < end && <u32>load<u8>(point) - 48 <= 9) point++;
  if (point < end && load<u8>(point) != 46) return no(noDecimal);
  while (at < point && load<u8>(at) == 48) at++;
  const whole = <u32>(point - at);
  const fraction = point < end ? <u32>(end - point - 1) : 0;
  const limit = load<u32>(op, 4);
  const isFree = (limit & 0x10000) != 0;
  const scale = isFree ? fraction : limit & 0xffff;
  const mostWhole = load<u32>(op, 8);
  if (!isFree && (fraction > scale || whole > mostWhole)) return no(noDecimal);
  const head = out;
  out += 12;
  let count: u32 = 0;
  let weight: i32 = <i32>((whole + 3) >> 2) - 1;
  let digit: u32 = 0;
  let room: u32 = whole & 3;
  if (room == 0) room = 4;
  for (let i: u32 = 0; i < whole; i++) {
    digit = digit * 10 + (<u32>load<u8>(at + i) - 48);
    if (--room == 0) {
      putDigit(digit);
      count++;
      digit = 0;
      room = 4;
    }
  }
  room = 4;
  digit = 0;
  const behind = point + 1;
  for (let i: u32 = 0; i < fraction; i++) {
    const each = <u32>load<u8>(behind + i) - 48;
    if (each > 9) return no(noDecimal);
    digit = digit * 10 + each;
    if (--room == 0) {
      if (digit == 0 && count == 0) weight--;
      else {
        putDigit(digit);
        count++;
      }
      digit = 0;
      room = 4;
    }
  }
  if (room < 4) {
    while (room-- > 0) digit *= 10;
    if (digit != 0) {
      putDigit(digit);
      count++;
    }
  }
  closeDecimal(head, count, weight, negative, scale);
  return true;
}

/** Days since 2000-01-01, or noDay for what no calendar has. */
export const noDay: i32 = i32.MIN_VALUE;

@inline
export function dayNumber(year: i32, month: i32, day: i32): i32 {
  if (year == 0 || month < 1 || month > 12 || day < 1) return noDay;
  if (day > 28) {
    const isLeap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    const most = month == 2 ? (isLeap ? 29 : 28) : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
    if (day > most) return noDay;
  }
  const y = month > 2 ? year : year - 1;
  const era = y / 400;
  const yearOfEra = y - era * 400;
  const dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 730425;
}

const highBits: u64 = 0x8080808080808080;
const ones: u64 = 0x0101010101010101;

/** Copies the text as it checks it: eight ASCII characters at a time, none of them NUL. `limit` is in code points. */
export function writeText(at: usize, length: u32, limit: u32): bool {
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
      if (limit != 0 && length > limit) return no(tooLong);
      store<u64>(begin + i, kept);
      putHead(length);
      out += length;
      return true;
    }
  }
  const points = codePoints(at, length);
  if (points == -1) return no(nulByte);
  if (points < 0) return no(brokenText);
  if (limit != 0 && <u32>points > limit) return no(tooLong);
  memory.copy(begin, at, length);
  putHead(length);
  out += length;
  return true;
}

/** Number of code points; -1 for what holds a NUL, -2 for what is not UTF-8. */
export function codePoints(at: usize, length: u32): i32 {
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
    if (first < 0xc2 || first > 0xf4 || at + more >= end) return -2;
    const second = <u32>load<u8>(at, 1);
    if ((second & 0xc0) != 0x80) return -2;
    if (first == 0xe0 && second < 0xa0) return -2;
    if (first == 0xed && second > 0x9f) return -2;
    if (first == 0xf0 && second < 0x90) return -2;
    if (first == 0xf4 && second > 0x8f) return -2;
    if (more > 1 && (<u32>load<u8>(at, 2) & 0xc0) != 0x80) return -2;
    if (more > 2 && (<u32>load<u8>(at, 3) & 0xc0) != 0x80) return -2;
    at += 1 + more;
  }
  return points;
}

/** False for what MariaDB takes for JSON and others do not: escapes of other letters, and a point without digits. */
export function isPlainJson(at: usize, length: u32): bool {
  const end = at + length;
  let inText = false;
  while (at < end) {
    const byte = <u32>load<u8>(at++);
    if (byte == 34) inText = !inText;
    else if (inText && byte == 92) {
      const letter = at < end ? <u32>load<u8>(at) : 0;
      // " / \ b f n r t u
      if (letter != 34 && letter != 47 && letter != 92 && letter != 98 && letter != 102 && letter != 110) {
        if (letter != 114 && letter != 116 && letter != 117) return false;
      }
      at++;
    } else if (!inText && byte == 46) {
      if (at >= end || <u32>load<u8>(at) - 48 > 9) return false;
    }
  }
  return true;
}

/** Is there a \u0000 whose backslash is not itself escaped? */
export function hasNulEscape(at: usize, length: u32): bool {
  const end = at + length;
  while (at < end) {
    if (load<u8>(at) != 92) {
      at++;
      continue;
    }
    if (at + 6 <= end && load<u8>(at, 1) == 117 && load<u32>(at, 2) == 0x30303030) return true;
    at += 2;
  }
  return false;
}

@inline
export function hexDigit(byte: u32): u32 {
  if (byte - 48 <= 9) return byte - 48;
  const letter = (byte | 32) - 97;
  return letter <= 5 ? letter + 10 : 0xff;
}

export function writeUuid(at: usize, length: u32): bool {
  if (length != 36) return no(noUuid);
  const to = out + 4;
  let written: usize = 0;
  for (let i: u32 = 0; i < 36; i++) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (load<u8>(at + i) != 45) return no(noUuid);
      continue;
    }
    const high = hexDigit(<u32>load<u8>(at + i));
    const low = hexDigit(<u32>load<u8>(at + i + 1));
    if (high > 15 || low > 15) return no(noUuid);
    store<u8>(to + written++, <u8>((high << 4) | low));
    i++;
  }
  putHead(16);
  out += 16;
  return true;
}
