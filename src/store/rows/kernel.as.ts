// AssemblyScript, compiled by scripts/build-kernel.ts into kernel.gen.ts. Walks the rows of a part that lies at `from`
// in memory and computes the hashes of docs/row-format.md. The caller leaves 16 readable bytes behind the part.

/** Digest of the rows walked since the caller last reset it. */
export let sum: u64 = 0;

@inline
const malformed: i32 = -1;

/** PostgreSQL's hash_bytes_extended(bytes, 0): Jenkins lookup3 with words read little-endian. */
@inline
function hashBytes(at: usize, length: u32): u64 {
  let a: u32 = 0x9e3779b9 + length + 3923095;
  let b = a;
  let c = a;
  while (length >= 12) {
    a += load<u32>(at);
    b += load<u32>(at, 4);
    c += load<u32>(at, 8);
    a -= c; a ^= rotl<u32>(c, 4); c += b;
    b -= a; b ^= rotl<u32>(a, 6); a += c;
    c -= b; c ^= rotl<u32>(b, 8); b += a;
    a -= c; a ^= rotl<u32>(c, 16); c += b;
    b -= a; b ^= rotl<u32>(a, 19); a += c;
    c -= b; c ^= rotl<u32>(b, 4); b += a;
    at += 12;
    length -= 12;
  }
  // The last 0 to 11 bytes: whole words are read and what is behind the field is masked away.
  let word = load<u64>(at);
  if (length < 8) {
    word &= (<u64>1 << (<u64>length << 3)) - 1;
  } else {
    const mask: u32 = (<u32>1 << ((length - 8) << 3)) - 1;
    c += (load<u32>(at, 8) & mask) << 8;
  }
  a += <u32>word;
  b += <u32>(word >> 32);
  c ^= b; c -= rotl<u32>(b, 14);
  a ^= c; a -= rotl<u32>(c, 11);
  b ^= a; b -= rotl<u32>(a, 25);
  c ^= b; c -= rotl<u32>(b, 16);
  a ^= c; a -= rotl<u32>(c, 4);
  b ^= a; b -= rotl<u32>(a, 14);
  c ^= b; c -= rotl<u32>(b, 24);
  return (<u64>b << 32) | <u64>c;
}

/** 31 + h(int64 big-endian bytes of fold), without going through memory: eight bytes are two words. */
@inline
function close(fold: u64): u64 {
  let a: u32 = 0x9e3779b9 + 8 + 3923095;
  let b = a;
  let c = a;
  a += bswap<u32>(<u32>(fold >> 32));
  b += bswap<u32>(<u32>fold);
  c ^= b; c -= rotl<u32>(b, 14);
  a ^= c; a -= rotl<u32>(c, 11);
  b ^= a; b -= rotl<u32>(a, 25);
  c ^= b; c -= rotl<u32>(b, 16);
  a ^= c; a -= rotl<u32>(c, 4);
  b ^= a; b -= rotl<u32>(a, 14);
  c ^= b; c -= rotl<u32>(b, 24);
  return 31 + ((<u64>b << 32) | <u64>c);
}

/** Adds the hashes of the rows in [from, to) to `sum`. Returns their number, or -1 when the rows are malformed. */
export function digest(from: usize, to: usize, columns: i32): i32 {
  let rows = 0;
  let total: u64 = 0;
  while (from < to) {
    if (to - from < 2 || bswap<u16>(load<u16>(from)) != <u16>columns) return malformed;
    from += 2;
    let fold: u64 = 1;
    for (let column = 0; column < columns; column++) {
      if (to - from < 4) return malformed;
      const length = <i32>bswap<u32>(load<u32>(from));
      from += 4;
      fold = fold * 31;
      if (length >= 0) {
        if (<usize>length > to - from) return malformed;
        fold += hashBytes(from, <u32>length);
        from += length;
      } else if (length != -1) return malformed;
    }
    total += close(fold);
    rows++;
  }
  sum += total;
  return rows;
}

/** Writes one mark per row to `out`: row hash, key hash (u64 each), offset of the row in the part, unused (u32 each).
 *  `hashes` is room for one u64 per column, `keys` holds `keyCount` column numbers (u32). Without a key the key hash is
 *  the row hash. Returns the number of rows, or -1. */
export function mark(from: usize, to: usize, columns: i32, keys: usize, keyCount: i32, hashes: usize, out: usize): i32 {
  const start = from;
  let rows = 0;
  while (from < to) {
    const row = from;
    if (to - from < 2 || bswap<u16>(load<u16>(from)) != <u16>columns) return malformed;
    from += 2;
    let fold: u64 = 1;
    for (let column = 0; column < columns; column++) {
      if (to - from < 4) return malformed;
      const length = <i32>bswap<u32>(load<u32>(from));
      from += 4;
      let hash: u64 = 0;
      if (length >= 0) {
        if (<usize>length > to - from) return malformed;
        hash = hashBytes(from, <u32>length);
        from += length;
      } else if (length != -1) return malformed;
      store<u64>(hashes + (<usize>column << 3), hash);
      fold = fold * 31 + hash;
    }
    const rowHash = close(fold);
    let keyHash = rowHash;
    if (keyCount > 0) {
      let keyFold: u64 = 1;
      for (let i = 0; i < keyCount; i++) {
        const column = load<u32>(keys + (<usize>i << 2));
        keyFold = keyFold * 31 + load<u64>(hashes + (<usize>column << 3));
      }
      keyHash = close(keyFold);
    }
    store<u64>(out, rowHash);
    store<u64>(out, keyHash, 8);
    store<u32>(out, <u32>(row - start), 16);
    out += 24;
    rows++;
  }
  return rows;
}

/** Sorts `rows` marks into buckets: adds 1 to the bucket's f64 at `counts` and the row hash to its u64 at `sums`. */
export function distribute(marks: usize, rows: i32, mask: u64, counts: usize, sums: usize): void {
  for (let i = 0; i < rows; i++) {
    const place = <usize>(load<u64>(marks, 8) & mask) << 3;
    store<f64>(counts + place, load<f64>(counts + place) + 1);
    store<u64>(sums + place, load<u64>(sums + place) + load<u64>(marks));
    marks += 24;
  }
}
