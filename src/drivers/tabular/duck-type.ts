import type { LogicalType } from '../../model/shape.ts';
import { isDecimalText } from './parquet-type.ts';

/** What DuckDB calls the type that a column's values are read as; texts stand for what it has no type for. */
export function duckType(type: LogicalType): string {
  switch (type.kind) {
    case 'integer':
      return { 16: 'SMALLINT', 32: 'INTEGER', 64: 'BIGINT' }[type.bits];
    case 'float':
      return type.bits === 32 ? 'FLOAT' : 'DOUBLE';
    case 'decimal':
      return isDecimalText(type) ? 'VARCHAR' : `DECIMAL(${type.precision},${type.scale ?? 0})`;
    case 'text':
    case 'interval':
    case 'bits':
    case 'json':
      return 'VARCHAR';
    case 'bytes':
      return 'BLOB';
    case 'boolean':
      return 'BOOLEAN';
    case 'date':
      return 'DATE';
    case 'time':
      return 'TIME';
    case 'timestamp':
      return type.zone ? 'TIMESTAMP WITH TIME ZONE' : 'TIMESTAMP';
    case 'uuid':
      return 'UUID';
  }
}

const plain: Readonly<Record<string, LogicalType>> = {
  BOOLEAN: { kind: 'boolean' },
  TINYINT: { kind: 'integer', bits: 16 },
  SMALLINT: { kind: 'integer', bits: 16 },
  INTEGER: { kind: 'integer', bits: 32 },
  BIGINT: { kind: 'integer', bits: 64 },
  UTINYINT: { kind: 'integer', bits: 16 },
  USMALLINT: { kind: 'integer', bits: 32 },
  UINTEGER: { kind: 'integer', bits: 64 },
  UBIGINT: { kind: 'decimal', precision: 20, scale: 0 },
  HUGEINT: { kind: 'decimal', precision: 38, scale: 0 },
  FLOAT: { kind: 'float', bits: 32 },
  DOUBLE: { kind: 'float', bits: 64 },
  BLOB: { kind: 'bytes' },
  DATE: { kind: 'date' },
  TIME: { kind: 'time' },
  TIMESTAMP: { kind: 'timestamp', zone: false },
  TIMESTAMP_S: { kind: 'timestamp', zone: false },
  TIMESTAMP_MS: { kind: 'timestamp', zone: false },
  TIMESTAMP_NS: { kind: 'timestamp', zone: false },
  'TIMESTAMP WITH TIME ZONE': { kind: 'timestamp', zone: true },
  UUID: { kind: 'uuid' },
  JSON: { kind: 'json', binary: false },
};

/** DuckDB's type in neutral terms. Lists, structs and maps are read as JSON, what is unknown here as text. */
export function logicalType(name: string): LogicalType {
  const decimal = /^DECIMAL\((\d+),(\d+)\)$/.exec(name);
  if (decimal) return { kind: 'decimal', precision: Number(decimal[1]), scale: Number(decimal[2]) };
  if (isNested(name)) return { kind: 'json', binary: false };
  return plain[name] ?? { kind: 'text' };
}

export const isNested = (name: string): boolean => /^(STRUCT|MAP|UNION)\(|\]$/.test(name);

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;
