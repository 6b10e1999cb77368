// AssemblyScript, compiled by scripts/build-kernel.ts into vector-kernel.gen.ts. Turns columns as DuckDB's vectors have
// them into canonical rows (docs/row-format.md). The caller leaves 16 readable bytes behind input and output.

/** End of the rows written, rows that were not: their numbers and columns (u32 each) stand at `refusals`. */
export let out: usize = 0;
export let refused: i32 = 0;

const epochDays: i32 = 10957;
const epochMicros: i64 = 946684800000000;
const columnBytes: usize = 32;

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

const digits = memory.data(64);
const tens = memory.data<u64>([1, 10, 100, 1000]);

/** A whole number of `scale` decimals as PostgreSQL's numeric. */
function putDecimal(lowPart: u64, highPart: u64, scale: i32): void {
  let low = lowPart;
  let high = highPart;
  const minus = <i64>high < 0;
  if (minus) {
    low = ~low + 1;
    high = ~high + (low == 0 ? 1 : 0);
  }
  const pad = (4 - (scale & 3)) & 3;
  const start = out;
  out += 12;
  // Groups of four digits from the last to the first.
  let count = 0;
  if (high == 0 && low < 18000000000000000) {
    let rest = low * load<u64>(tens + (<usize>pad << 3));
    while (rest != 0) {
      store<u16>(digits + (<usize>count << 1), <u16>(rest % 10000));
      rest /= 10000;
      count++;
    }
  } else {
    let first = true;
    while ((low | high) != 0) {
      const by: u64 = first ? 10000 / load<u64>(tens + (<usize>pad << 3)) : 10000;
      let remainder: u64 = high % by;
      high /= by;
      let part = (remainder << 32) | (low >> 32);
      const upper = part / by;
      part = ((part % by) << 32) | (low & 0xffffffff);
      low = (upper << 32) | (part / by);
      remainder = part % by;
      store<u16>(digits + (<usize>count << 1), <u16>(first ? remainder * load<u64>(tens + (<usize>pad << 3)) : remainder));
      first = false;
      count++;
    }
  }
  let last = 0;
  while (last < count && load<u16>(digits + (<usize>last << 1)) == 0) last++;
  const weight = count - 1 - (scale + pad) / 4;
  const groups = count - last;
  for (let i = count - 1; i >= last; i--) {
    store<u16>(out, bswap<u16>(load<u16>(digits + (<usize>i << 1))));
    out += 2;
  }
  store<u32>(start, bswap<u32>(<u32>(8 + groups * 2)));
  store<u16>(start, bswap<u16>(<u16>groups), 4);
  store<u16>(start, bswap<u16>(groups == 0 ? <u16>0 : <u16>weight), 6);
  store<u16>(start, minus && groups > 0 ? bswap<u16>(0x4000) : <u16>0, 8);
  store<u16>(start, bswap<u16>(<u16>scale), 10);
}

const highs: u64 = 0x8080808080808080;
const ones: u64 = 0x0101010101010101;

function hasNul(at: usize, length: usize): bool {
  const end = at + length;
  while (at + 8 <= end) {
    const word = load<u64>(at);
    if ((word - ones) & ~word & highs) {
      for (let i: usize = 0; i < 8; i++) if (load<u8>(at + i) == 0) return true;
    }
    at += 8;
  }
  while (at < end) if (load<u8>(at++) == 0) return true;
  return false;
}

/** Bytes that the rows take at most, beside texts: per row and column. */
export const mostBytes: i32 = 64;

/** A column's record: kind, scale, data, validity (0: all are there), places and lengths of texts (u32 each), misfits (a
 *  byte each, or 0). Kinds: 0 text, 1 bytes, 2 integer 16, 3 integer 32, 4 integer 64 and time, 5 float 32, 6 float 64,
 *  7 boolean, 8 date, 9 timestamp, 10 uuid, 11 to 14 decimal of 16, 32, 64, 128 bits, 15 json, 16 json binary. */
export function rows(count: i32, columns: usize, columnCount: i32, into: usize, refusals: usize): void {
  out = into;
  refused = 0;
  for (let row = 0; row < count; row++) {
    const start = out;
    store<u16>(out, bswap<u16>(<u16>columnCount));
    out += 2;
    for (let i = 0; i < columnCount; i++) {
      const column = columns + <usize>i * columnBytes;
      const misfits = load<u32>(column, 24);
      if ((misfits != 0 && load<u8>(misfits + row) != 0) || !putField(column, row)) {
        store<u32>(refusals + (<usize>refused << 3), row);
        store<u32>(refusals + (<usize>refused << 3), i, 4);
        refused++;
        out = start;
        break;
      }
    }
  }
}

function putField(column: usize, row: i32): bool {
  const validity = load<u32>(column, 12);
  if (validity != 0 && (load<u8>(validity + (row >> 3)) & (1 << (row & 7))) == 0) {
    head(0xffffffff);
    return true;
  }
  const data = load<u32>(column, 8);
  const scale = load<i32>(column, 4);
  switch (load<u32>(column)) {
    case 0:
    case 1:
    case 15:
    case 16: {
      const kind = load<u32>(column);
      const at: usize = load<u32>(load<u32>(column, 16) + (<usize>row << 2));
      const length = load<u32>(load<u32>(column, 20) + (<usize>row << 2));
      if (kind != 1 && hasNul(at, length)) return false;
      head(length + (kind == 16 ? 1 : 0));
      if (kind == 16) store<u8>(out++, 1);
      if (length <= 16) {
        store<u64>(out, load<u64>(at));
        store<u64>(out, load<u64>(at, 8), 8);
      } else memory.copy(out, at, length);
      out += length;
      return true;
    }
    case 2:
      head(2);
      store<u16>(out, bswap<u16>(load<u16>(data + (<usize>row << 1))));
      out += 2;
      return true;
    case 3:
      head(4);
      store<u32>(out, bswap<u32>(load<u32>(data + (<usize>row << 2))));
      out += 4;
      return true;
    case 4:
      put64(load<i64>(data + (<usize>row << 3)));
      return true;
    case 5: {
      const value = load<f32>(data + (<usize>row << 2));
      head(4);
      store<u32>(out, bswap<u32>(isNaN(value) ? <u32>0x7fc00000 : reinterpret<u32>(value)));
      out += 4;
      return true;
    }
    case 6: {
      const value = load<f64>(data + (<usize>row << 3));
      put64(isNaN(value) ? 0x7ff8000000000000 : reinterpret<i64>(value));
      return true;
    }
    case 7:
      head(1);
      store<u8>(out++, load<u8>(data + row));
      return true;
    case 8: {
      const days = load<i32>(data + (<usize>row << 2));
      const value = days == i32.MAX_VALUE ? i32.MAX_VALUE : days == -i32.MAX_VALUE ? i32.MIN_VALUE : days - epochDays;
      head(4);
      store<u32>(out, bswap<u32>(<u32>value));
      out += 4;
      return true;
    }
    case 9: {
      const micros = load<i64>(data + (<usize>row << 3));
      if (micros == i64.MAX_VALUE) put64(i64.MAX_VALUE);
      else if (micros == -i64.MAX_VALUE) put64(i64.MIN_VALUE);
      else if (micros < -210866803200000000) return false;
      else put64(micros - epochMicros);
      return true;
    }
    case 10: {
      const low = load<u64>(data + (<usize>row << 4));
      const high = load<u64>(data + (<usize>row << 4), 8);
      head(16);
      store<u64>(out, bswap<u64>(high ^ 0x8000000000000000));
      store<u64>(out, bswap<u64>(low), 8);
      out += 16;
      return true;
    }
    case 11: {
      const value = <i64>load<i16>(data + (<usize>row << 1));
      putDecimal(<u64>value, <u64>(value >> 63), scale);
      return true;
    }
    case 12: {
      const value = <i64>load<i32>(data + (<usize>row << 2));
      putDecimal(<u64>value, <u64>(value >> 63), scale);
      return true;
    }
    case 13: {
      const value = load<i64>(data + (<usize>row << 3));
      putDecimal(<u64>value, <u64>(value >> 63), scale);
      return true;
    }
    default: {
      const at = data + (<usize>row << 4);
      putDecimal(load<u64>(at), load<u64>(at, 8), scale);
      return true;
    }
  }
}

/** Memory from here on is the caller's. */
export function base(): usize {
  return __heap_base;
}
