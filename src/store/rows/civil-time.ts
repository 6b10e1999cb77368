/** Dates and times between ISO text and PostgreSQL's binary counts from 2000-01-01. */

export const dateInfinity = 2_147_483_647;
export const dateMinusInfinity = -2_147_483_648;
export const timestampInfinity = 9_223_372_036_854_775_807n;
export const timestampMinusInfinity = -9_223_372_036_854_775_808n;

const dayMicros = 86_400_000_000;
/** PostgreSQL's own bounds: 4714-11-24 BC, end of 5874897 (dates) and of 294276 (timestamps). */
const minDay = -2_451_545;
const maxDay = 2_145_031_948;
const maxTimestampDay = 106_751_983;
/** Beyond this many days, microseconds do not fit a double exactly. */
const exactDays = 104_000;

/** Days from 2000-01-01 of a date in the proleptic Gregorian calendar; year 0 is 1 BC. */
export function dayNumber(year: number, month: number, day: number): number {
  const y = month > 2 ? year : year - 1;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return (
    era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 730_425
  );
}

function civilDate(days: number): readonly [year: number, month: number, day: number] {
  const shifted = days + 730_425;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day];
}

const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

function validDay(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false;
  return day <= (monthDays[month - 1] ?? 0) + (month === 2 && isLeap(year) ? 1 : 0);
}

/** Value of two digits at `at`, or NaN. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48;
  const ones = text.charCodeAt(at + 1) - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

/** Day number of `YYYY-MM-DD` at the beginning of a text, or NaN. */
function leadingDay(text: string): number {
  if (text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45) return Number.NaN;
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  return year > 0 && validDay(year, month, day) ? dayNumber(year, month, day) : Number.NaN;
}

/** Microseconds of `HH:MM:SS` at `at`, or NaN. */
function clockMicros(text: string, at: number): number {
  if (text.charCodeAt(at + 2) !== 58 || text.charCodeAt(at + 5) !== 58) return Number.NaN;
  const hour = twoDigits(text, at);
  const minute = twoDigits(text, at + 3);
  const second = twoDigits(text, at + 6);
  return hour < 24 && minute < 60 && second < 60 ? (hour * 3600 + minute * 60 + second) * 1e6 : Number.NaN;
}

const timestampPattern =
  /^\s*(\d{4,7})-(\d\d)-(\d\d)(?:(?:T|\s+)(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?\s*(Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?)?(\s+BC)?\s*$/i;
const timePattern = /^\s*(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?\s*$/;

interface Parts {
  readonly days: number;
  readonly micros: number;
  /** Microseconds east of UTC; undefined when the text names no zone. */
  readonly offset: number | undefined;
}

function parseParts(text: string): Parts | undefined {
  const match = timestampPattern.exec(text);
  if (!match) return undefined;
  const [, yearText, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone, bc] = match;
  const year = bc ? 1 - Number(yearText) : Number(yearText);
  if (Number(yearText) === 0 || !validDay(year, Number(month), Number(day))) return undefined;
  const micros = microsOf(hour, minute, second, fraction);
  const offset = zone === undefined ? undefined : zoneMicros(zone);
  if (micros === undefined || Number.isNaN(offset)) return undefined;
  return { days: dayNumber(year, Number(month), Number(day)), micros, offset };
}

/** Undefined when out of range or finer than microseconds: nothing is rounded. */
function microsOf(hour: string, minute: string, second: string, fraction: string): number | undefined {
  if (/[1-9]/.test(fraction.slice(6))) return undefined;
  const micros = (Number(hour) * 3600 + Number(minute) * 60 + Number(second)) * 1e6;
  const total = micros + Number(fraction.slice(0, 6).padEnd(6, '0'));
  return Number(minute) < 60 && Number(second) < 60 && total <= dayMicros ? total : undefined;
}

function zoneMicros(zone: string): number {
  if (/^z$/i.test(zone)) return 0;
  const digits = zone.slice(1).replaceAll(':', '').padEnd(6, '0');
  const [hours, minutes, seconds] = [twoDigits(digits, 0), twoDigits(digits, 2), twoDigits(digits, 4)];
  if (hours > 15 || minutes > 59 || seconds > 59) return Number.NaN;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds) * 1e6;
}

/** Days since 2000-01-01; undefined when the text is no date. A time of day is accepted only when it is midnight. */
export function parseDate(text: string): number | undefined {
  if (text.length === 10) {
    const day = leadingDay(text);
    if (!Number.isNaN(day)) return day;
  }
  const special = text.trim().toLowerCase();
  if (special === 'infinity') return dateInfinity;
  if (special === '-infinity') return dateMinusInfinity;
  const parts = parseParts(text);
  if (!parts || parts.micros !== 0 || parts.offset || parts.days < minDay || parts.days > maxDay) return undefined;
  return parts.days;
}

/** Microseconds since midnight, 24:00:00 included. */
export function parseTime(text: string): number | undefined {
  if (text.length === 8) {
    const micros = clockMicros(text, 0);
    if (!Number.isNaN(micros)) return micros;
  }
  const match = timePattern.exec(text);
  return match ? microsOf(match[1] ?? '', match[2] ?? '', match[3] ?? '0', match[4] ?? '') : undefined;
}

/** Microseconds since 2000-01-01 00:00, exact. With `zone`, a text without a zone is UTC; without it, only a text
 *  without a zone or in UTC is accepted, since any other would lose its zone. */
export function parseTimestamp(text: string, zone: boolean): number | bigint | undefined {
  const separator = text.charCodeAt(10);
  if (text.length === 19 && (separator === 32 || separator === 84)) {
    const micros = leadingDay(text) * dayMicros + clockMicros(text, 11);
    if (Number.isSafeInteger(micros)) return micros;
  }
  const special = text.trim().toLowerCase();
  if (special === 'infinity') return timestampInfinity;
  if (special === '-infinity') return timestampMinusInfinity;
  const parts = parseParts(text);
  if (!parts || (!zone && parts.offset)) return undefined;
  return timestampOf(parts.days, parts.micros - (parts.offset ?? 0));
}

/** Undefined outside of what PostgreSQL holds. */
export function timestampOf(days: number, micros: number): number | bigint | undefined {
  if (days < minDay || days >= maxTimestampDay) return undefined;
  if (Math.abs(days) < exactDays) return days * dayMicros + micros;
  return BigInt(days) * BigInt(dayMicros) + BigInt(micros);
}

const pad = (value: number, width = 2): string => String(value).padStart(width, '0');

const dateWithoutEra = (days: number): readonly [text: string, era: string] => {
  const [year, month, day] = civilDate(days);
  return [`${pad(year > 0 ? year : 1 - year, 4)}-${pad(month)}-${pad(day)}`, year > 0 ? '' : ' BC'];
};

export function dateText(days: number): string {
  if (days === dateInfinity) return 'infinity';
  if (days === dateMinusInfinity) return '-infinity';
  return dateWithoutEra(days).join('');
}

export function timeText(micros: number): string {
  const seconds = Math.floor(micros / 1e6);
  const fraction = micros % 1e6;
  const clock = `${pad(Math.floor(seconds / 3600))}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
  return fraction === 0 ? clock : `${clock}.${pad(fraction, 6).replace(/0+$/, '')}`;
}

export function timestampText(micros: bigint, zone: boolean): string {
  if (micros === timestampInfinity) return 'infinity';
  if (micros === timestampMinusInfinity) return '-infinity';
  const remainder = micros % BigInt(dayMicros);
  const ofDay = remainder < 0n ? remainder + BigInt(dayMicros) : remainder;
  const [date, era] = dateWithoutEra(Number((micros - ofDay) / BigInt(dayMicros)));
  return `${date} ${timeText(Number(ofDay))}${zone ? '+00' : ''}${era}`;
}
