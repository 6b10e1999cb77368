import type { ColumnDefault, LogicalType } from '../../model/shape.ts';

/** A default as the catalogue tells it. */
export interface DefaultFacts {
  /** MariaDB gives an expression, MySQL a bare value; NULL is no default in both. */
  readonly text: string | null;
  readonly isExpression: boolean;
}

/** The neutral form; `'none'` where there is no default, undefined where it is an expression without neutral form. */
export function readDefault(
  { text, isExpression }: DefaultFacts,
  type: LogicalType,
): ColumnDefault | 'none' | undefined {
  if (text === null) return 'none';
  if (!isExpression) return literal(text, isText(type), type);
  const bare = text.trim();
  if (/^null$/i.test(bare)) return 'none';
  if (/^(current_timestamp|now|localtime|localtimestamp|utc_timestamp)(\(\d*\))?$/i.test(bare)) return { kind: 'now' };
  if (/^\(?(curdate|current_date)(\(\))?\)?$/i.test(bare)) return { kind: 'today' };
  if (/^\(?(curtime|current_time)(\(\d*\))?\)?$/i.test(bare)) return { kind: 'time-of-day' };
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(bare)) return literal(bare, false, type);
  const quoted = /^(?:_\w+)?\s*'((?:[^'\\]|''|\\.)*)'$/s.exec(bare)?.[1];
  if (quoted !== undefined) return literal(unescape(quoted), true, type);
  const bits = /^b'([01]*)'$/.exec(bare)?.[1];
  if (bits !== undefined) return literal(`b'${bits}'`, false, type);
  return undefined;
}

const isText = (type: LogicalType): boolean => !['integer', 'decimal', 'float', 'boolean'].includes(type.kind);

/** A date that no calendar has is no default elsewhere. */
function literal(text: string, quoted: boolean, type: LogicalType): ColumnDefault | undefined {
  const bits = /^b'([01]*)'$/.exec(text)?.[1];
  if (bits !== undefined && type.kind === 'boolean') {
    return { kind: 'literal', text: bits.endsWith('1') ? '1' : '0', quoted: false };
  }
  if (bits !== undefined && type.kind === 'bits') {
    return { kind: 'literal', text: bits.padStart(type.length, '0'), quoted: true };
  }
  if (/date|timestamp/.test(type.kind) && (/^0000|-00/.test(text) || !text.includes('-'))) return undefined;
  return { kind: 'literal', text, quoted };
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', Z: '\u001a', '0': '\0' };

const unescape = (text: string): string =>
  text.replace(/''|\\(.)/gs, (pair, letter: string | undefined) =>
    pair === "''" ? "'" : (escapes[letter ?? ''] ?? letter ?? ''),
  );
