// AssemblyScript, compiled by scripts/build-kernel.ts into kernel.gen.ts. Walks the rows of a part that lies at `from`
// in memory and computes the hashes of docs/row-format.md. The caller leaves 16 readable bytes behind the part.

import { close, hashBytes } from './row-hash.as';

/** Digest of the rows walked since the caller last reset it. */
export let sum: u64 = 0;

@inline
const malformed: i32 = -1;

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
