import type { ColumnDefault, LogicalType } from '../../model/shape.ts';
import { quoteLiteral } from './names.ts';

/** A neutral default as SQL for a column of this type; undefined where the type cannot take it. */
export function defaultSql(value: ColumnDefault, type: LogicalType): string | undefined {
  if (value.kind !== 'literal') return clockSql(value.kind, type);
  if (!value.quoted && value.text.toLowerCase() === 'null') return undefined;
  if (type.kind === 'bytes') return `'\\x${Buffer.from(value.text).toString('hex')}'`;
  if (type.kind === 'text' && type.length !== undefined && Array.from(value.text).length > type.length)
    return undefined;
  const pattern = patterns[type.kind];
  return !value.text.includes('\0') && (pattern === undefined || pattern.test(value.text))
    ? quoteLiteral(value.text)
    : undefined;
}

/** What a literal must look like for the server to take it as a value of the type. */
const patterns: Partial<Record<LogicalType['kind'], RegExp>> = {
  integer: /^[-+]?\d{1,18}$/,
  decimal: /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d{1,3})?$/i,
  float: /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d{1,3})?$/i,
  boolean: /^(0|1|true|false)$/i,
  date: /^\d{4}-(0[1-9]|1[0-2])-([01]\d|2[0-8])$/,
  time: /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$/,
  timestamp: /^\d{4}-(0[1-9]|1[0-2])-([01]\d|2[0-8])([ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?)?$/,
  bits: /^[01]+$/,
  uuid: /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i,
  json: /^(\{\}|\[\]|null|true|false|-?\d+)$/,
};

function clockSql(kind: 'now' | 'today' | 'time-of-day', type: LogicalType): string | undefined {
  const format = { now: 'YYYY-MM-DD HH24:MI:SS', today: 'YYYY-MM-DD', 'time-of-day': 'HH24:MI:SS' }[kind];
  if (type.kind === 'text') return `to_char(now() AT TIME ZONE 'UTC', '${format}')`;
  if (type.kind === 'timestamp' && kind !== 'time-of-day') return kind === 'now' ? 'CURRENT_TIMESTAMP' : 'CURRENT_DATE';
  if (type.kind === 'date' && kind !== 'time-of-day') return 'CURRENT_DATE';
  return type.kind === 'time' && kind !== 'today' ? 'LOCALTIME' : undefined;
}

/** The inverse: a default as the catalogue prints it, in neutral form. */
export function parseDefault(expression: string): ColumnDefault | undefined {
  const bare = expression.replace(/^\((.*)\)$/s, '$1');
  if (/^-?[\d.]+(e[-+]?\d+)?$/i.test(bare) || /^(true|false)$/.test(bare))
    return { kind: 'literal', text: bare, quoted: false };
  const quoted = /^'((?:[^'\\]|'')*)'(::[a-z0-9 "_.(),]+)?$/i.exec(bare);
  if (quoted?.[1] !== undefined) return { kind: 'literal', text: quoted[1].replaceAll("''", "'"), quoted: true };
  if (
    /^(CURRENT_TIMESTAMP|now\(\)|to_char\(\(now\(\) AT TIME ZONE 'UTC'::text\), 'YYYY-MM-DD HH24:MI:SS'::text\))$/.test(
      bare,
    )
  ) {
    return { kind: 'now' };
  }
  if (/^(CURRENT_DATE|to_char\(\(now\(\) AT TIME ZONE 'UTC'::text\), 'YYYY-MM-DD'::text\))$/.test(bare))
    return { kind: 'today' };
  if (/^(LOCALTIME|to_char\(\(now\(\) AT TIME ZONE 'UTC'::text\), 'HH24:MI:SS'::text\))$/.test(bare))
    return { kind: 'time-of-day' };
  return undefined;
}
