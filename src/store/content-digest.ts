/** The digest of any byte content, the same in every store, and composable from parts that several workers hash.
 *
 *  Content is cut into pieces of 64 MiB. Content of one piece (also the empty content) has the BLAKE3 of its bytes as
 *  digest; longer content has the BLAKE3 of the concatenated 32-byte digests of its pieces. Holes hash as zeros. */
import { Blake3Hasher } from '@napi-rs/blake-hash';
import type { Digest } from '../model/digest.ts';
import type { FilePart } from './store.ts';

/** Chunks of a file that is cut at all begin and end at multiples of this, so that a chunk's digest is a piece's. */
export const pieceBytes = 64 * 2 ** 20;

/** The digest of what has no content: a directory, a link. */
export const noContent: Digest = 'none';

const zeros = new Uint8Array(2 ** 20);
let zeroPiece: Digest | undefined;
const oneShot = new Blake3Hasher();

/** Of content that is at hand as a whole and at most one piece long. */
export function hashBytes(bytes: Uint8Array): Digest {
  if (bytes.length > pieceBytes) return chunkHasher(0, bytes.length).update({ offset: 0, bytes }).digest();
  oneShot.reset();
  return `b3:${oneShot.update(bytes).digest('hex')}`;
}

/** Of the whole, from the digests of its consecutive pieces. */
export function composeDigest(pieces: readonly Digest[]): Digest {
  const [only] = pieces;
  if (only === undefined) return hashBytes(new Uint8Array());
  if (pieces.length === 1) return only;
  const hasher = new Blake3Hasher();
  for (const piece of pieces) {
    if (!piece.startsWith('b3:') || piece.length !== 67) throw new TypeError(`not a BLAKE3 digest: ${piece}`);
    hasher.update(Buffer.from(piece.slice(3), 'hex'));
  }
  return `b3:${hasher.digest('hex')}`;
}

export interface ChunkHasher {
  /** Parts come in ascending order and lie within the range; what is left out between them is a hole. */
  update(part: FilePart): ChunkHasher;
  /** Ends the hashing: of one piece its own digest, of several the composed one. */
  digest(): Digest;
}

/** Hashes the range `[from, to)` of a content. `from` must be a multiple of pieceBytes; `to` may be Infinity: the content
 *  then ends with its last part. */
export function chunkHasher(from: number, to: number): ChunkHasher {
  if (from % pieceBytes !== 0) throw new RangeError(`a chunk cannot be hashed from offset ${from}`);
  const pieces: Digest[] = [];
  let hasher = new Blake3Hasher();
  let start = from;
  let at = from;

  const endOfPiece = (): number => Math.min(start + pieceBytes, to);

  function add(bytes: Uint8Array): void {
    hasher.update(bytes);
    at += bytes.length;
    if (at === start + pieceBytes) finishPiece(`b3:${hasher.digest('hex')}`);
  }

  function finishPiece(digest: Digest): void {
    pieces.push(digest);
    start = at;
    hasher = new Blake3Hasher();
  }

  function skipTo(offset: number): void {
    while (at < offset) {
      const end = Math.min(endOfPiece(), offset);
      if (at === start && end - start === pieceBytes) {
        at = end;
        finishPiece(digestOfZeroPiece());
      } else {
        add(zeros.subarray(0, Math.min(zeros.length, end - at)));
      }
    }
  }

  const self: ChunkHasher = {
    update({ offset, bytes }) {
      if (offset < at || offset + bytes.length > to) {
        throw new RangeError(`part ${offset}+${bytes.length} is out of order or outside ${from}-${to}`);
      }
      skipTo(offset);
      for (let done = 0; done < bytes.length;) {
        const length = Math.min(endOfPiece() - at, bytes.length - done);
        add(length === bytes.length ? bytes : bytes.subarray(done, done + length));
        done += length;
      }
      return self;
    },
    digest() {
      if (Number.isFinite(to)) skipTo(to);
      if (at > start || pieces.length === 0) finishPiece(`b3:${hasher.digest('hex')}`);
      return composeDigest(pieces);
    },
  };
  return self;
}

function digestOfZeroPiece(): Digest {
  if (zeroPiece !== undefined) return zeroPiece;
  const hasher = new Blake3Hasher();
  for (let at = 0; at < pieceBytes; at += zeros.length) hasher.update(zeros);
  return (zeroPiece = `b3:${hasher.digest('hex')}`);
}
