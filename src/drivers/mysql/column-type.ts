import type { LogicalType } from '../../model/shape.ts';
import type { MysqlOptions } from './options.ts';

/** A column as information_schema.COLUMNS tells it. */
export interface ColumnFacts {
  readonly dataType: string;
  /** With length, UNSIGNED and the values of an enumeration: `enum('a','b')`. */
  readonly columnType: string;
  readonly characters: number | undefined;
  readonly precision: number | undefined;
  readonly scale: number | undefined;
  /** Unsigned numbers that are known to fit the signed type. */
  readonly isNarrow: boolean;
  /** MariaDB's JSON is a text with a check. */
  readonly isJson: boolean;
}

/** The type in which values travel, before anybody has looked at them. Undefined: none is known. */
export function logicalType(column: ColumnFacts, options: MysqlOptions): LogicalType | undefined {
  const unsigned = / unsigned/.test(column.columnType);
  switch (column.dataType) {
    case 'tinyint':
      if (isFlag(column.columnType) && options.tinyint1 !== 'smallint') return { kind: 'boolean' };
      return { kind: 'integer', bits: 16 };
    case 'smallint':
      return { kind: 'integer', bits: unsigned ? 32 : 16 };
    case 'year':
      return { kind: 'integer', bits: 16 };
    case 'mediumint':
      return { kind: 'integer', bits: 32 };
    case 'int':
    case 'integer':
      return { kind: 'integer', bits: unsigned ? 64 : 32 };
    case 'bigint':
      if (unsigned && options.unsignedBigint !== 'bigint' && !column.isNarrow)
        return { kind: 'decimal', precision: 20, scale: 0 };
      return { kind: 'integer', bits: 64 };
    case 'decimal':
      return { kind: 'decimal', precision: column.precision ?? 10, scale: column.scale ?? 0 };
    case 'float':
      return { kind: 'float', bits: 32 };
    case 'double':
      return { kind: 'float', bits: 64 };
    case 'bit': {
      const length = column.precision ?? 1;
      return length === 1 && options.bit1 === 'boolean' ? { kind: 'boolean' } : { kind: 'bits', length };
    }
    case 'char':
    case 'varchar':
      return column.characters ? { kind: 'text', length: column.characters } : { kind: 'text' };
    case 'tinytext':
    case 'text':
    case 'mediumtext':
    case 'longtext':
      return column.isJson ? { kind: 'json', binary: false } : { kind: 'text' };
    case 'enum':
    case 'set':
    case 'inet4':
    case 'inet6':
      return { kind: 'text' };
    case 'json':
      return { kind: 'json', binary: false };
    case 'binary':
    case 'varbinary':
    case 'tinyblob':
    case 'blob':
    case 'mediumblob':
    case 'longblob':
      return { kind: 'bytes' };
    case 'date':
      return { kind: 'date' };
    case 'datetime':
      return { kind: 'timestamp', zone: false };
    case 'timestamp':
      return { kind: 'timestamp', zone: true };
    case 'time':
      return { kind: 'time' };
    case 'uuid':
      return { kind: 'uuid' };
  }
  return isGeometry(column.dataType) ? { kind: 'bytes' } : undefined;
}

/** TINYINT(1), as BOOLEAN is written here. */
export const isFlag = (columnType: string): boolean =>
  columnType.startsWith('tinyint(1)') && !/ unsigned/.test(columnType);

const geometries = new Set([
  'geometry',
  'point',
  'linestring',
  'polygon',
  'multipoint',
  'multilinestring',
  'multipolygon',
  'geometrycollection',
  'geomcollection',
]);

export const isGeometry = (dataType: string): boolean => geometries.has(dataType);

/** The words of `enum('a','it''s')`. */
export function enumValues(columnType: string): string[] {
  const list = /^(?:enum|set)\((.*)\)/s.exec(columnType)?.[1] ?? '';
  return Array.from(list.matchAll(/'((?:[^']|'')*)'/g), ([, word = '']) => word.replaceAll("''", "'"));
}
