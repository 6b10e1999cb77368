/** PostgreSQL's binary numeric: int16 ndigits, weight, sign, dscale, then base-10000 digits. */
export interface DecimalLimits {
  readonly precision?: number;
  readonly scale?: number;
}

const negativeSign = 0x4000;
const specials: Readonly<Record<string, number>> = { nan: 0xc000, infinity: 0xd000, '-infinity': 0xf000 };
const maxScale = 16_383;
const maxIntegerDigits = 131_072;
const headerBytes = 8;

const powers = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
const groups = new Int32Array(6);

/** Writes a number with at most 15 significant digits at `at` without going through text. Returns the bytes written;
 *  0 when the number has more decimals than the scale or too many digits, -1 when this short way cannot decide. */
export function writeDecimalNumber(to: Buffer, at: number, value: number, limits: DecimalLimits): number {
  const { scale, precision } = limits;
  if (scale === undefined || scale > 8 || scale < 0) return -1;
  const power = powers[scale] ?? 1;
  const magnitude = Math.abs(value);
  const scaled = Math.round(magnitude * power);
  if (!(scaled < 1e15)) return -1;
  // A double carries 15 digits; what differs behind them is noise of binary fractions, as SQLite prints it too.
  if (scaled / power !== magnitude && Number(magnitude.toPrecision(15)) !== scaled / power) return 0;
  if (precision !== undefined && precision <= 15 && scaled >= 10 ** precision) return 0;
  const whole = Math.floor(scaled / power);
  const wide = scale > 4 ? 8 : 4;
  const fraction = (scaled - whole * power) * (powers[wide - scale] ?? 1);
  const high = Math.floor(whole / 1e8);
  const low = whole - high * 1e8;
  groups[0] = Math.floor(high / 1e4);
  groups[1] = high % 1e4;
  groups[2] = Math.floor(low / 1e4);
  groups[3] = low % 1e4;
  groups[4] = wide === 8 ? Math.floor(fraction / 1e4) : fraction;
  groups[5] = wide === 8 ? fraction % 1e4 : 0;
  return writeGroups(to, at, groups, 6, 3, value < 0, scale);
}

function writeGroups(
  to: Buffer,
  at: number,
  digits: ArrayLike<number>,
  end: number,
  weight: number,
  negative: boolean,
  dscale: number,
): number {
  let first = 0;
  let last = end;
  while (last > 0 && digits[last - 1] === 0) last--;
  while (first < last && digits[first] === 0) first++;
  const zero = first === last;
  let next = writeInt16(to, at, last - first);
  next = writeInt16(to, next, zero ? 0 : weight - first);
  next = writeInt16(to, next, negative && !zero ? negativeSign : 0);
  next = writeInt16(to, next, dscale);
  for (let i = first; i < last; i++) next = writeInt16(to, next, digits[i] ?? 0);
  return next - at;
}

function writeInt16(to: Buffer, at: number, value: number): number {
  to[at] = value >> 8;
  to[at + 1] = value;
  return at + 2;
}

const decimalPattern = /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,7}))?\s*$/i;

export type DecimalPlan =
  | { readonly special: number; readonly scale: number }
  | {
      readonly negative: boolean;
      readonly digits: string;
      /** Decimal digits before the point; may be negative or exceed `digits`. */
      readonly point: number;
      readonly dscale: number;
    };

/** Reads a decimal text exactly. Undefined when it is none, or has more decimals or digits than the limits allow. */
export function parseDecimal(text: string, limits: DecimalLimits): DecimalPlan | undefined {
  const match = decimalPattern.exec(text);
  if (!match) {
    const special = specials[text.trim().toLowerCase()];
    if (special === undefined || (limits.precision !== undefined && special !== specials['nan'])) return undefined;
    return { special, scale: special === specials['nan'] ? 0 : 0x20 };
  }
  const [, sign, whole = '', fraction = '', exponentText = '0'] = match;
  if (whole === '' && fraction === '') return undefined;
  const exponent = Number(exponentText);
  let digits = whole + fraction;
  let point = whole.length + exponent;
  const leading = countLeadingZeros(digits);
  digits = digits.slice(leading);
  point -= leading;
  const significant = digits.replace(/0+$/, '');
  const scale = limits.scale;
  if (significant === '') point = 0;
  if (scale !== undefined && significant.length - point > scale) return undefined;
  if (limits.precision !== undefined && significant !== '' && point > limits.precision - (scale ?? 0)) return undefined;
  const dscale = scale ?? Math.max(0, fraction.length - exponent);
  if (dscale > maxScale || point > maxIntegerDigits) return undefined;
  return { negative: sign === '-', digits: significant, point, dscale: Math.max(0, dscale) };
}

function countLeadingZeros(digits: string): number {
  let count = 0;
  while (count < digits.length && digits.charCodeAt(count) === 48) count++;
  return count;
}

export const decimalBytes = (plan: DecimalPlan): number =>
  'special' in plan ? headerBytes : headerBytes + 2 * (Math.ceil(plan.digits.length / 4) + 2);

/** `to` must have room for `decimalBytes(plan)`. Returns the bytes written. */
export function writeDecimal(to: Buffer, at: number, plan: DecimalPlan): number {
  if ('special' in plan) {
    writeInt16(to, at, 0);
    writeInt16(to, at + 2, 0);
    writeInt16(to, at + 4, plan.special);
    writeInt16(to, at + 6, plan.scale);
    return headerBytes;
  }
  const { digits, point } = plan;
  const weight = Math.ceil(point / 4) - 1;
  const list: number[] = [];
  for (let from = point - 4 * (weight + 1); from < digits.length; from += 4) {
    let group = 0;
    for (let i = from; i < from + 4; i++) {
      group = group * 10 + (i >= 0 && i < digits.length ? digits.charCodeAt(i) - 48 : 0);
    }
    list.push(group);
  }
  return writeGroups(to, at, list, list.length, weight, plan.negative, plan.dscale);
}

/** The text PostgreSQL prints for a binary numeric. */
export function decimalText(field: Uint8Array): string {
  const int16 = (at: number): number => ((field[at] ?? 0) << 8) | (field[at + 1] ?? 0);
  const count = int16(0);
  const weight = (int16(2) << 16) >> 16;
  const sign = int16(4);
  const dscale = int16(6);
  if (sign === specials['nan']) return 'NaN';
  if (sign === specials['infinity']) return 'Infinity';
  if (sign === specials['-infinity']) return '-Infinity';
  const group = (position: number): string => {
    const index = weight - position;
    return index >= 0 && index < count ? String(int16(headerBytes + 2 * index)).padStart(4, '0') : '0000';
  };
  let whole = '';
  for (let position = weight; position >= 0; position--) whole += group(position);
  let fraction = '';
  for (let position = -1; fraction.length < dscale; position--) fraction += group(position);
  whole = whole.replace(/^0+/, '') || '0';
  return `${sign === negativeSign ? '-' : ''}${whole}${dscale > 0 ? `.${fraction.slice(0, dscale)}` : ''}`;
}
