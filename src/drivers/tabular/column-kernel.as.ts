// AssemblyScript, compiled by scripts/build-kernel.ts into column-kernel.gen.ts. Turns canonical rows
// (docs/row-format.md) into columns of values as Parquet's PLAIN encoding has them. The caller leaves 16 readable bytes
// behind input and output.

/** Of the column emitted last: end of its values, NULLs, least and greatest value. */
export let out: usize = 0;
export let nulls: i32 = 0;
export let seen: bool = false;
export let least: i64 = 0;
export let greatest: i64 = 0;
export let leastFloat: f64 = 0;
export let greatestFloat: f64 = 0;
/** Of texts: place and length in the input. */
export let leastAt: usize = 0;
export let leastLength: i32 = 0;
export let greatestAt: usize = 0;
export let greatestLength: i32 = 0;

const malformed: i32 = -1;
const fine: i32 = -1;

/** Notes where each field of the rows in [from, to) begins (its length), row by row. The number of rows, or -1. */
export function locate(from: usize, to: usize, columns: i32, cells: usize): i32 {
  let rows = 0;
  while (from < to) {
    if (to - from < 2 || bswap<u16>(load<u16>(from)) != <u16>columns) return malformed;
    from += 2;
    for (let i = 0; i < columns; i++) {
      if (to - from < 4) return malformed;
      store<u32>(cells, <u32>from);
      cells += 4;
      const length = <i32>bswap<u32>(load<u32>(from));
      from += 4;
      if (length > 0) {
        if (<usize>length > to - from) return malformed;
        from += length;
      } else if (length < -1) return malformed;
    }
    rows++;
  }
  return rows;
}

@inline
function note(value: i64): void {
  if (!seen) {
    seen = true;
    least = value;
    greatest = value;
  } else if (value < least) least = value;
  else if (value > greatest) greatest = value;
}

@inline
function noteFloat(value: f64): void {
  if (isNaN(value)) return;
  if (!seen) {
    seen = true;
    leastFloat = value;
    greatestFloat = value;
  } else if (value < leastFloat) leastFloat = value;
  else if (value > greatestFloat) greatestFloat = value;
}

function compare(a: usize, aLength: i32, b: usize, bLength: i32): i32 {
  const order = memory.compare(a, b, aLength < bLength ? aLength : bLength);
  return order != 0 ? order : aLength - bLength;
}

@inline
function noteText(at: usize, length: i32): void {
  if (!seen) {
    seen = true;
    leastAt = at;
    leastLength = length;
    greatestAt = at;
    greatestLength = length;
    return;
  }
  if (compare(at, length, leastAt, leastLength) < 0) {
    leastAt = at;
    leastLength = length;
  } else if (compare(at, length, greatestAt, greatestLength) > 0) {
    greatestAt = at;
    greatestLength = length;
  }
}

const epochDays: i32 = 10957;
const epochMicros: i64 = 946684800000000;

/** A decimal as a whole number of its last decimals, in `high` and `low`. False: it has no such form. */
let high: u64 = 0;
let low: u64 = 0;

@inline
function grow(factor: u64, digit: u64): void {
  const a = (low & 0xffffffff) * factor + digit;
  const b = (low >> 32) * factor + (a >> 32);
  low = (b << 32) | (a & 0xffffffff);
  high = high * factor + (b >> 32);
}

function unscaled(at: usize, scale: i32): bool {
  const count = <i32>bswap<u16>(load<u16>(at));
  const weight = <i32>(<i16>bswap<u16>(load<u16>(at, 2)));
  const sign = bswap<u16>(load<u16>(at, 4));
  if (sign != 0 && sign != 0x4000) return false;
  high = 0;
  low = 0;
  const last = -((scale + 3) / 4);
  const rest = scale & 3;
  let place = weight;
  let i = 0;
  for (; place >= last; place--, i++) {
    const digit: u64 = i < count ? bswap<u16>(load<u16>(at + 8 + (<usize>i << 1))) : 0;
    if (place == last && rest != 0 && place < 0) {
      const cut: u64 = rest == 1 ? 1000 : rest == 2 ? 100 : 10;
      if (digit % cut != 0) return false;
      grow(10000 / cut, digit / cut);
    } else grow(10000, digit);
  }
  if (i < count) return false;
  if (sign == 0x4000) {
    low = ~low + 1;
    high = ~high + (low == 0 ? 1 : 0);
  }
  return true;
}

/** Kinds: 0 text and bytes, 1 integer 16, 2 integer 32, 3 integer 64 and time, 4 float 32, 5 float 64, 6 boolean (a byte
 *  each), 7 date, 8 timestamp, 9 uuid, 10 decimal in 32 bits, 11 in 64, 12 in 128, 13 json binary. `levels` takes a byte
 *  per row, 0 for NULL. The row that has no such form, or -1. */
export function emit(kind: i32, scale: i32, cells: usize, stride: i32, rows: i32, into: usize, levels: usize): i32 {
  out = into;
  nulls = 0;
  seen = false;
  const step = <usize>stride << 2;
  for (let row = 0; row < rows; row++, cells += step) {
    const field: usize = load<u32>(cells);
    let length = <i32>bswap<u32>(load<u32>(field));
    if (length < 0) {
      nulls++;
      store<u8>(levels + row, 0);
      continue;
    }
    store<u8>(levels + row, 1);
    let at = field + 4;
    switch (kind) {
      case 13:
        at++;
        length--;
      case 0: {
        store<u32>(out, length);
        if (length <= 16) {
          store<u64>(out, load<u64>(at), 4);
          store<u64>(out, load<u64>(at, 8), 12);
        } else memory.copy(out + 4, at, length);
        out += 4 + length;
        noteText(at, length);
        break;
      }
      case 1: {
        const value = <i32>(<i16>bswap<u16>(load<u16>(at)));
        store<i32>(out, value);
        out += 4;
        note(value);
        break;
      }
      case 2: {
        const value = <i32>bswap<u32>(load<u32>(at));
        store<i32>(out, value);
        out += 4;
        note(value);
        break;
      }
      case 3: {
        const value = <i64>bswap<u64>(load<u64>(at));
        store<i64>(out, value);
        out += 8;
        note(value);
        break;
      }
      case 4: {
        const bits = bswap<u32>(load<u32>(at));
        store<u32>(out, bits);
        out += 4;
        noteFloat(reinterpret<f32>(bits));
        break;
      }
      case 5: {
        const bits = bswap<u64>(load<u64>(at));
        store<u64>(out, bits);
        out += 8;
        noteFloat(reinterpret<f64>(bits));
        break;
      }
      case 6:
        store<u8>(out++, load<u8>(at));
        note(load<u8>(at));
        break;
      case 7: {
        const days = <i32>bswap<u32>(load<u32>(at));
        if (days == i32.MAX_VALUE || days == i32.MIN_VALUE) return row;
        store<i32>(out, days + epochDays);
        out += 4;
        note(days + epochDays);
        break;
      }
      case 8: {
        const micros = <i64>bswap<u64>(load<u64>(at));
        if (micros > i64.MAX_VALUE - epochMicros - 1 || micros == i64.MIN_VALUE) return row;
        store<i64>(out, micros + epochMicros);
        out += 8;
        note(micros + epochMicros);
        break;
      }
      case 9:
        store<u64>(out, load<u64>(at));
        store<u64>(out, load<u64>(at, 8), 8);
        out += 16;
        break;
      case 10:
        if (!unscaled(at, scale)) return row;
        store<i32>(out, <i32>low);
        out += 4;
        note(<i32>low);
        break;
      case 11:
        if (!unscaled(at, scale)) return row;
        store<i64>(out, <i64>low);
        out += 8;
        note(<i64>low);
        break;
      default:
        if (!unscaled(at, scale)) return row;
        store<u64>(out, bswap<u64>(high));
        store<u64>(out, bswap<u64>(low), 8);
        out += 16;
    }
  }
  return fine;
}
