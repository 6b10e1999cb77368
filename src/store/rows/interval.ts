/** Intervals and bit strings between their canonical bytes and the text that PostgreSQL prints (IntervalStyle postgres). */

const pad = (value: bigint): string => String(value).padStart(2, '0');

/** `1 year 2 mons -3 days 04:05:06.5`, or the time alone. */
export function intervalText(field: Uint8Array): string {
  const bytes = Buffer.from(field.buffer, field.byteOffset, field.byteLength);
  const [micros, days, months] = [bytes.readBigInt64BE(0), bytes.readInt32BE(8), bytes.readInt32BE(12)];
  const words: string[] = [];
  let before = 0;
  // A part behind a negative one shows its own sign.
  const add = (count: number, unit: string) => {
    if (count === 0) return;
    words.push(`${before < 0 && count > 0 ? '+' : ''}${count} ${unit}${count === 1 ? '' : 's'}`);
    before = count;
  };
  add(Math.trunc(months / 12), 'year');
  add(months % 12, 'mon');
  add(days, 'day');
  if (micros !== 0n || words.length === 0) {
    const sign = micros < 0n ? '-' : before < 0 ? '+' : '';
    const size = micros < 0n ? -micros : micros;
    const fraction = String(size % 1_000_000n)
      .padStart(6, '0')
      .replace(/0+$/, '');
    const seconds = size / 1_000_000n;
    const clock = `${pad(seconds / 3600n)}:${pad((seconds / 60n) % 60n)}:${pad(seconds % 60n)}`;
    words.push(`${sign}${clock}${fraction === '' ? '' : `.${fraction}`}`);
  }
  return words.join(' ');
}

const pattern =
  /^\s*(?:([+-]?\d+) years?\s*)?(?:([+-]?\d+) mons?\s*)?(?:([+-]?\d+) days?\s*)?(?:([+-]?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?\s*$/;

/** The canonical bytes of an interval's text, or undefined when it is none. */
export function parseInterval(text: string): Buffer | undefined {
  const match = pattern.exec(text);
  if (!match || text.trim() === '') return undefined;
  const [, years = '0', mons = '0', days = '0', sign = '', hours = '0', minutes = '0', seconds = '0', part = ''] =
    match;
  const clock = (BigInt(hours) * 60n + BigInt(minutes)) * 60n + BigInt(seconds);
  const micros = clock * 1_000_000n + BigInt(part.padEnd(6, '0'));
  const months = Number(years) * 12 + Number(mons);
  if (BigInt.asIntN(64, micros) !== micros || Number(minutes) > 59 || Number(seconds) > 59) return undefined;
  if (Math.abs(months) > 0x7fffffff || Math.abs(Number(days)) > 0x7fffffff) return undefined;
  const bytes = Buffer.alloc(16);
  bytes.writeBigInt64BE(sign === '-' ? -micros : micros, 0);
  bytes.writeInt32BE(Number(days), 8);
  bytes.writeInt32BE(months, 12);
  return bytes;
}

/** `0101` */
export function bitsText(field: Uint8Array): string {
  const count = Buffer.from(field.buffer, field.byteOffset, field.byteLength).readInt32BE(0);
  let text = '';
  for (let i = 0; i < count; i++) text += ((field[4 + (i >> 3)] ?? 0) >> (7 - (i & 7))) & 1;
  return text;
}

/** The canonical bytes of so many bits, or undefined when the text is not that many zeros and ones. */
export function parseBits(text: string, count: number): Buffer | undefined {
  if (text.length !== count || !/^[01]*$/.test(text)) return undefined;
  const bytes = Buffer.alloc(4 + Math.ceil(count / 8));
  bytes.writeInt32BE(count, 0);
  for (let i = 0; i < count; i++) {
    if (text[i] === '1') bytes[4 + (i >> 3)] = (bytes[4 + (i >> 3)] ?? 0) | (0x80 >> (i & 7));
  }
  return bytes;
}
