import type { LogicalType } from '../../model/shape.ts';

const longestVarchar = 10_485_760;
const mostDigits = 1000;

/** The type that PostgreSQL gives a column, as it stands in CREATE TABLE and in casts. */
export function sqlType(type: LogicalType): string {
  switch (type.kind) {
    case 'integer':
      return { 16: 'smallint', 32: 'integer', 64: 'bigint' }[type.bits];
    case 'decimal':
      return decimal(type.precision, type.scale);
    case 'float':
      return type.bits === 32 ? 'real' : 'double precision';
    case 'text':
      return type.length !== undefined && type.length >= 1 && type.length <= longestVarchar
        ? `varchar(${type.length})`
        : 'text';
    case 'bytes':
      return 'bytea';
    case 'boolean':
    case 'date':
    case 'interval':
    case 'uuid':
      return type.kind;
    case 'bits':
      return `bit(${type.length})`;
    case 'time':
      return 'time without time zone';
    case 'timestamp':
      return type.zone ? 'timestamp with time zone' : 'timestamp without time zone';
    case 'json':
      return type.binary ? 'jsonb' : 'json';
  }
}

function decimal(precision: number | undefined, scale: number | undefined): string {
  const digits = precision ?? (scale === undefined ? undefined : mostDigits);
  if (digits === undefined || digits > mostDigits || digits < 1) return 'numeric';
  const decimals = scale ?? 0;
  return decimals < 0 || decimals > digits ? 'numeric' : `numeric(${digits},${decimals})`;
}

/** The function that gives a value's bytes as binary COPY sends them (docs/row-format.md). */
export function sendFunction(type: LogicalType): string {
  switch (type.kind) {
    case 'integer':
      return { 16: 'int2send', 32: 'int4send', 64: 'int8send' }[type.bits];
    case 'decimal':
      return 'numeric_send';
    case 'float':
      return type.bits === 32 ? 'float4send' : 'float8send';
    case 'text':
      return 'textsend';
    case 'bytes':
      return 'byteasend';
    case 'boolean':
      return 'boolsend';
    case 'date':
      return 'date_send';
    case 'time':
      return 'time_send';
    case 'timestamp':
      return type.zone ? 'timestamptz_send' : 'timestamp_send';
    case 'interval':
      return 'interval_send';
    case 'bits':
      return 'bit_send';
    case 'uuid':
      return 'uuid_send';
    case 'json':
      return type.binary ? 'jsonb_send' : 'json_send';
  }
}

/** A type of the catalogue in neutral terms; undefined where it has no neutral form (it then travels as text). */
export function logicalType(name: string, modifier: number): LogicalType | undefined {
  const size = modifier - 4;
  switch (name) {
    case 'int2':
      return { kind: 'integer', bits: 16 };
    case 'int4':
      return { kind: 'integer', bits: 32 };
    case 'int8':
      return { kind: 'integer', bits: 64 };
    case 'numeric':
      return modifier < 0 || (size & 0x7ff) > 1000
        ? { kind: 'decimal' }
        : { kind: 'decimal', precision: (size >> 16) & 0xffff, scale: size & 0x7ff };
    case 'float4':
      return { kind: 'float', bits: 32 };
    case 'float8':
      return { kind: 'float', bits: 64 };
    case 'text':
    case 'name':
      return { kind: 'text' };
    case 'varchar':
    case 'bpchar':
      return modifier < 0 ? { kind: 'text' } : { kind: 'text', length: size };
    case 'bytea':
      return { kind: 'bytes' };
    case 'bool':
      return { kind: 'boolean' };
    case 'date':
    case 'time':
    case 'uuid':
      return { kind: name };
    case 'interval':
      return modifier < 0 ? { kind: 'interval' } : undefined;
    case 'bit':
      return modifier < 1 ? undefined : { kind: 'bits', length: modifier };
    case 'timestamp':
      return { kind: 'timestamp', zone: false };
    case 'timestamptz':
      return { kind: 'timestamp', zone: true };
    case 'json':
      return { kind: 'json', binary: false };
    case 'jsonb':
      return { kind: 'json', binary: true };
    default:
      return undefined;
  }
}
