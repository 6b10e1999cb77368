import { MigrationError } from '../../model/migration-error.ts';
import type { ColumnShape, LogicalType } from '../../model/shape.ts';
import type { FieldSight } from './text-scanner.ts';

const simple: Readonly<Record<string, LogicalType>> = {
  text: { kind: 'text' },
  smallint: { kind: 'integer', bits: 16 },
  int: { kind: 'integer', bits: 32 },
  integer: { kind: 'integer', bits: 64 },
  bigint: { kind: 'integer', bits: 64 },
  decimal: { kind: 'decimal' },
  real: { kind: 'float', bits: 32 },
  float: { kind: 'float', bits: 64 },
  boolean: { kind: 'boolean' },
  date: { kind: 'date' },
  time: { kind: 'time' },
  timestamp: { kind: 'timestamp', zone: false },
  timestamptz: { kind: 'timestamp', zone: true },
  uuid: { kind: 'uuid' },
  bytes: { kind: 'bytes' },
  json: { kind: 'json', binary: false },
};

/** The option `types`: column (or table.column) to type. Throws `config.invalid`. */
export function readTypes(text: string): ReadonlyMap<string, LogicalType> {
  const types = new Map<string, LogicalType>();
  for (const entry of text.split(/,(?![^(]*\))/)) {
    if (entry.trim() === '') continue;
    const match = /^\s*(.+?)\s*=\s*([a-z]+)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*$/i.exec(entry);
    const [, column = '', name = '', first, second] = match ?? [];
    const type = simple[name.toLowerCase()];
    if (!type) {
      throw new MigrationError('config.invalid', `The option types holds ${entry.trim()}, which is no column=type.`, {
        hint: `Types are ${Object.keys(simple).join(', ')}, decimal(p,s), text(n).`,
      });
    }
    if (first === undefined) types.set(column, type);
    else if (type.kind === 'decimal')
      types.set(column, { ...type, precision: Number(first), scale: Number(second ?? 0) });
    else types.set(column, type.kind === 'text' ? { ...type, length: Number(first) } : type);
  }
  return types;
}

const bit = { integer: 1, decimal: 2, float: 4, boolean: 8, date: 16, time: 32, timestamp: 64, zoned: 128, uuid: 256 };
const jsonKind = { string: 1, number: 4, word: 8, tree: 16 };
const shortDigits = 18;
const mostDigits = 38;

/** The narrowest type that all values of a field have exactly; text where there is none. */
export function typeOfSight(sight: FieldSight): LogicalType {
  const { candidates, jsonKinds } = sight;
  if (sight.values === 0) return { kind: 'text' };
  if (jsonKinds !== 0) {
    const kinds = [jsonKind.string, jsonKind.number, jsonKind.word, jsonKind.tree].filter((kind) => jsonKinds & kind);
    if (kinds.length > 1 || jsonKinds & jsonKind.tree) return { kind: 'json', binary: false };
  }
  if (candidates & bit.integer) return { kind: 'integer', bits: 64 };
  if (candidates & bit.decimal) return decimalOf(sight);
  if (candidates & bit.float) return { kind: 'float', bits: 64 };
  if (candidates & bit.boolean) return { kind: 'boolean' };
  if (candidates & bit.date) return { kind: 'date' };
  if (candidates & bit.time) return { kind: 'time' };
  if (candidates & bit.timestamp) return { kind: 'timestamp', zone: false };
  if (candidates & bit.zoned) return { kind: 'timestamp', zone: true };
  if (candidates & bit.uuid) return { kind: 'uuid' };
  return jsonKinds & jsonKind.number ? { kind: 'json', binary: false } : { kind: 'text' };
}

/** Room for more digits than were seen, in a size that every store keeps fast. */
function decimalOf({ wholeDigits, decimals }: FieldSight): LogicalType {
  const digits = wholeDigits + decimals;
  if (digits > mostDigits) return { kind: 'decimal' };
  return { kind: 'decimal', precision: digits <= shortDigits ? shortDigits : mostDigits, scale: decimals };
}

export const mergeSights = (a: FieldSight, b: FieldSight): FieldSight => ({
  candidates: a.candidates & b.candidates,
  jsonKinds: a.jsonKinds | b.jsonKinds,
  wholeDigits: Math.max(a.wholeDigits, b.wholeDigits),
  decimals: Math.max(a.decimals, b.decimals),
  longest: Math.max(a.longest, b.longest),
  doubtful: a.doubtful || b.doubtful,
  values: a.values + b.values,
  nulls: a.nulls + b.nulls,
});

export const columnOf = (name: string, type: LogicalType): ColumnShape => ({
  name,
  type,
  declared: nameOfType(type),
  nullable: true,
});

export function nameOfType(type: LogicalType): string {
  switch (type.kind) {
    case 'integer':
      return { 16: 'smallint', 32: 'int', 64: 'bigint' }[type.bits];
    case 'float':
      return type.bits === 32 ? 'real' : 'float';
    case 'decimal':
      return type.precision === undefined ? 'decimal' : `decimal(${type.precision},${type.scale ?? 0})`;
    case 'text':
      return type.length === undefined ? 'text' : `text(${type.length})`;
    case 'timestamp':
      return type.zone ? 'timestamptz' : 'timestamp';
    case 'boolean':
    case 'date':
    case 'time':
    case 'uuid':
    case 'bytes':
    case 'json':
    case 'interval':
    case 'bits':
      return type.kind;
  }
}
