import type { LogicalType } from '../../model/shape.ts';

const typePattern = /^\s*([^(]*?)\s*(?:\(\s*([+-]?\d+)\s*(?:,\s*([+-]?\d+)\s*)?[^)]*\)\s*(.*?))?\s*$/s;

const exact: Readonly<Record<string, LogicalType>> = {
  BOOL: { kind: 'boolean' },
  BOOLEAN: { kind: 'boolean' },
  DATE: { kind: 'date' },
  TIME: { kind: 'time' },
  DATETIME: { kind: 'timestamp', zone: false },
  TIMESTAMP: { kind: 'timestamp', zone: false },
  'TIMESTAMP WITHOUT TIME ZONE': { kind: 'timestamp', zone: false },
  'TIMESTAMP WITH TIME ZONE': { kind: 'timestamp', zone: true },
  TIMESTAMPTZ: { kind: 'timestamp', zone: true },
  DATETIMEOFFSET: { kind: 'timestamp', zone: true },
  // What this driver declares for values that SQLite would otherwise turn into numbers.
  INTERVAL_TEXT: { kind: 'interval' },
  JSON_TEXT: { kind: 'json', binary: false },
  JSON: { kind: 'json', binary: false },
  JSONB: { kind: 'json', binary: false },
  UUID: { kind: 'uuid' },
  GUID: { kind: 'uuid' },
  UNIQUEIDENTIFIER: { kind: 'uuid' },
};

/** The logical type that a declared type means, or nothing when it says too little (none, ANY, an unknown word): then
 *  the values decide. SQLite enforces no sizes, so every integer is 64 bits wide. */
export function readDeclaredType(declared: string): LogicalType | undefined {
  const match = typePattern.exec(declared.toUpperCase());
  const name = `${match?.[1] ?? ''} ${match?.[4] ?? ''}`.trim().replace(/\s+/g, ' ');
  const first = match?.[2] === undefined ? undefined : Number(match[2]);
  const second = match?.[3] === undefined ? undefined : Number(match[3]);
  const known = exact[name];
  if (known) return known;
  if (name === 'DECIMAL_TEXT') return decimal(first, second);
  if (name === 'BITS_TEXT' && first !== undefined && first > 0) return { kind: 'bits', length: first };
  if (/INT|SERIAL/.test(name)) return { kind: 'integer', bits: 64 };
  if (/CHAR/.test(name)) return first !== undefined && first > 0 ? { kind: 'text', length: first } : { kind: 'text' };
  if (/CLOB|TEXT/.test(name)) return { kind: 'text' };
  if (/BLOB|BINARY|BYTEA|^IMAGE$/.test(name)) return { kind: 'bytes' };
  if (/REAL|FLOA|DOUB/.test(name)) return { kind: 'float', bits: 64 };
  if (/^(DEC|DECIMAL|NUMERIC|NUMBER|MONEY|CURRENCY)\b/.test(name)) return decimal(first, second);
  return undefined;
}

function decimal(precision: number | undefined, scale: number | undefined): LogicalType {
  if (precision === undefined || precision < 1 || precision > 1000) return { kind: 'decimal' };
  if (scale !== undefined && (scale < 0 || scale > precision)) return { kind: 'decimal' };
  return { kind: 'decimal', precision, scale: scale ?? 0 };
}
