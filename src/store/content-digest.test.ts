import { strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { Blake3Hasher } from '@napi-rs/blake-hash';
import { chunkHasher, composeDigest, hashBytes, pieceBytes } from './content-digest.ts';

const blake3 = (...parts: Uint8Array[]): string => {
  const hasher = new Blake3Hasher();
  for (const part of parts) hasher.update(part);
  return hasher.digest('hex');
};

function patterned(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8)) & 0xff;
  return bytes;
}

test('content of up to one piece has its plain BLAKE3, however it is cut into parts', () => {
  const bytes = patterned(100_000);
  const expected = `b3:${blake3(bytes)}`;
  strictEqual(hashBytes(bytes), expected);
  const hasher = chunkHasher(0, bytes.length);
  for (const [from, to] of [
    [0, 1],
    [1, 70_000],
    [70_000, 100_000],
  ] as const) {
    hasher.update({ offset: from, bytes: bytes.subarray(from, to) });
  }
  strictEqual(hasher.digest(), expected);
});

test('empty content has the BLAKE3 of nothing', () => {
  const empty = 'b3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262';
  strictEqual(hashBytes(new Uint8Array()), empty);
  strictEqual(chunkHasher(0, 0).digest(), empty);
  strictEqual(composeDigest([]), empty);
});

test('holes hash as zeros, also at both ends and across a whole piece', () => {
  const bytes = patterned(5000);
  const size = pieceBytes * 2 + 12_345;
  const at = pieceBytes + pieceBytes - 2000;
  const whole = new Uint8Array(size);
  whole.set(bytes, at);
  const solid = chunkHasher(0, size).update({ offset: 0, bytes: whole }).digest();
  strictEqual(chunkHasher(0, size).update({ offset: at, bytes }).digest(), solid);
  strictEqual(hashBytes(whole), solid);
  const pieces = [0, 1, 2].map((n) => blake3(whole.subarray(n * pieceBytes, (n + 1) * pieceBytes)));
  strictEqual(solid, `b3:${blake3(...pieces.map((hex) => Buffer.from(hex, 'hex')))}`);
  strictEqual(solid, composeDigest(pieces.map((hex) => `b3:${hex}`)));
});

test('digests of one-piece chunks, hashed apart, compose to the digest of the whole', () => {
  const size = pieceBytes + 777;
  const bytes = patterned(size);
  const first = chunkHasher(0, pieceBytes)
    .update({ offset: 0, bytes: bytes.subarray(0, pieceBytes) })
    .digest();
  const second = chunkHasher(pieceBytes, size)
    .update({ offset: pieceBytes, bytes: bytes.subarray(pieceBytes) })
    .digest();
  strictEqual(composeDigest([first, second]), hashBytes(bytes));
});

test('parts out of order, outside the range, or a chunk that starts inside a piece are refused', () => {
  throws(() => chunkHasher(5, 10), RangeError);
  throws(() => chunkHasher(0, 10).update({ offset: 8, bytes: new Uint8Array(3) }), RangeError);
  const hasher = chunkHasher(0, 10).update({ offset: 4, bytes: new Uint8Array(3) });
  throws(() => hasher.update({ offset: 2, bytes: new Uint8Array(1) }), RangeError);
});
