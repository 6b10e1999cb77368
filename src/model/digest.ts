/** Digests name their algorithm: `b3:<64 hex>` is BLAKE3 of bytes; `rows:<16 hex>` is the order-free sum, modulo 2^64,
 *  of the row hashes of docs/row-format.md; `none` where there is no content. */
export type Digest = string;

const modulus = 1n << 64n;

export const rowsDigest = (sum: bigint): Digest => `rows:${BigInt.asUintN(64, sum).toString(16).padStart(16, '0')}`;

export const rowsSum = (digest: Digest): bigint => {
  if (!digest.startsWith('rows:')) throw new TypeError(`not a rows digest: ${digest}`);
  return BigInt(`0x${digest.slice(5)}`);
};

/** The digest of two disjoint sets of rows taken together. */
export const addRowsDigests = (a: Digest, b: Digest): Digest => rowsDigest((rowsSum(a) + rowsSum(b)) % modulus);

export const noRows: Digest = rowsDigest(0n);
