// AssemblyScript: the hashes of docs/row-format.md, for the kernels that walk rows. Callers leave 16 readable bytes
// behind what they hash.

/** PostgreSQL's hash_bytes_extended(bytes, 0): Jenkins lookup3 with words read little-endian. */
@inline
export function hashBytes(at: usize, length: u32): u64 {
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
export function close(fold: u64): u64 {
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
