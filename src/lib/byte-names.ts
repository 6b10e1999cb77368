/** Names as bytes, carried in strings without loss: valid UTF-8 is itself; a byte that is not stands as the lone
 *  surrogate U+DC00 + byte (Python's surrogateescape). JSON keeps lone surrogates, so such a name survives a journal. */

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

export function nameFromBytes(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return escapeInvalid(bytes);
  }
}

function escapeInvalid(bytes: Uint8Array): string {
  let name = '';
  for (let i = 0; i < bytes.length;) {
    const length = sequenceLength(bytes, i);
    if (length === 0) {
      name += String.fromCharCode(0xdc00 + (bytes[i] ?? 0));
      i += 1;
    } else {
      name += strict.decode(bytes.subarray(i, i + length));
      i += length;
    }
  }
  return name;
}

/** Length of the valid UTF-8 sequence at `i`, or 0. */
function sequenceLength(bytes: Uint8Array, i: number): number {
  const first = bytes[i] ?? 0;
  const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length === 0 || i + length > bytes.length) return 0;
  try {
    strict.decode(bytes.subarray(i, i + length));
    return length;
  } catch {
    return 0;
  }
}

export function nameToBytes(name: string): Uint8Array {
  if (name.isWellFormed()) return encoder.encode(name);
  const bytes: number[] = [];
  for (const char of name) {
    const code = char.codePointAt(0) ?? 0;
    if (code >= 0xdc80 && code <= 0xdcff) bytes.push(code - 0xdc00);
    else bytes.push(...encoder.encode(char));
  }
  return Uint8Array.from(bytes);
}

/** A name for people: escaped bytes as \xNN, control characters visible. */
export const printableName = (name: string): string =>
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  name.replace(/[\u0000-\u001f\u007f\udc80-\udcff]/g, (char) => {
    const code = char.charCodeAt(0);
    return `\\x${(code & 0xff).toString(16).padStart(2, '0')}`;
  });

/** Order of keys: by UTF-8 bytes, as object stores and memcmp have it; an escaped byte sorts as that byte. */
export function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    if (x < 0x80 && y < 0x80) return x - y;
    return Buffer.compare(nameToBytes(a), nameToBytes(b));
  }
  return a.length - b.length;
}
