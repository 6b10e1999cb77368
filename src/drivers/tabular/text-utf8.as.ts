// AssemblyScript, part of the text kernel: UTF-8 and escapes.
import { holdsNul, notText } from './text-codes.as';
import { json, quote } from './text-rows.as';
import { isHex } from './text-values.as';

// Texts.

const highs: u64 = 0x8080808080808080;
const ones: u64 = 0x0101010101010101;

/** 0 fine, or what is wrong with it as a text. */
export function wrongText(at: usize, length: usize): i32 {
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
export function unescape(at: usize, length: i32): i32 {
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
