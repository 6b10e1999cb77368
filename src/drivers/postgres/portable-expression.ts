import type { ColumnShape, LogicalType } from '../../model/shape.ts';
import { quoteName } from './names.ts';

const tokens = /\s+|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|'(?:[^'\\]|'')*'|[a-z_][a-z0-9_]*|\d+(?:\.\d+)?|\|\||[-+*()]/giy;

/** A generated column's expression in another dialect, as PostgreSQL computes the same: sums, differences and products
 *  of number columns, or concatenation of text columns. Undefined for all else, division among it, because dialects
 *  disagree on it. */
export function portableExpression(
  column: ColumnShape,
  columns: readonly ColumnShape[],
  rename: (name: string) => string,
): string | undefined {
  const expression = column.generated?.expression ?? '';
  const numbers = isNumber(column.type);
  if (!numbers && column.type.kind !== 'text') return undefined;
  tokens.lastIndex = 0;
  let sql = '';
  while (tokens.lastIndex < expression.length) {
    const token = tokens.exec(expression)?.[0];
    if (token === undefined) return undefined;
    const part = translate(token.trim(), numbers, columns, rename);
    if (part === undefined) return undefined;
    sql += part === '' ? '' : `${part} `;
  }
  return sql.trim() || undefined;
}

function translate(
  token: string,
  numbers: boolean,
  columns: readonly ColumnShape[],
  rename: (name: string) => string,
): string | undefined {
  if (token === '' || token === '(' || token === ')') return token;
  if (/^[-+*]$/.test(token)) return numbers ? token : undefined;
  if (token === '||' || token.startsWith("'")) return numbers ? undefined : token;
  if (/^\d/.test(token)) return numbers ? token : undefined;
  const name = /^["`[]/.test(token) ? token.slice(1, -1).replaceAll('""', '"') : token;
  const found = columns.find((each) => each.name.toLowerCase() === name.toLowerCase() && !each.generated);
  if (!found || (numbers ? !isNumber(found.type) : found.type.kind !== 'text')) return undefined;
  // Other dialects compute in 64 bits or more.
  return quoteName(rename(found.name)) + (found.type.kind === 'integer' ? '::bigint' : '');
}

const isNumber = ({ kind }: LogicalType): boolean => kind === 'integer' || kind === 'decimal' || kind === 'float';
