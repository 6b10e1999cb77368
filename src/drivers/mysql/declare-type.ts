import type { LogicalType } from '../../model/shape.ts';

/** Characters of text that a key can hold: 3072 bytes of at most four each, some left for columns of other types. */
const keyCharacters = 750;
const mostVarchar = 1000;
const mostDigits = 65;

export interface DeclareContext {
  readonly mariadb: boolean;
  /** Columns of text or bytes in a key share what it can hold; zero where the column is in none. */
  readonly keyShare: number;
  readonly values: readonly string[] | undefined;
}

/** The type that MySQL gives a column, as it stands in CREATE TABLE. */
export function declareType(type: LogicalType, context: DeclareContext): string {
  const { mariadb, keyShare, values } = context;
  switch (type.kind) {
    case 'integer':
      return { 16: 'smallint', 32: 'int', 64: 'bigint' }[type.bits];
    case 'decimal':
      return `decimal(${type.precision ?? mostDigits},${type.scale ?? 0})`;
    case 'float':
      return type.bits === 32 ? 'float' : 'double';
    case 'text': {
      const collation = mariadb ? 'utf8mb4_nopad_bin' : 'utf8mb4_0900_bin';
      const words =
        values && isEnumerable(values) ? `enum(${values.map(quoteWord).join(',')})` : textType(type.length, keyShare);
      return `${words} CHARACTER SET utf8mb4 COLLATE ${collation}`;
    }
    case 'bytes':
      return keyShare > 0 ? `varbinary(${Math.floor((keyCharacters * 4) / keyShare)})` : 'longblob';
    case 'boolean':
      return 'tinyint(1)';
    case 'date':
      return 'date';
    case 'time':
      return 'time(6)';
    case 'timestamp':
      return 'datetime(6)';
    case 'bits':
      return `bit(${type.length})`;
    case 'uuid':
      return mariadb ? 'uuid' : 'char(36) CHARACTER SET ascii COLLATE ascii_bin';
    case 'json':
      return mariadb ? 'json' : 'longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin';
    case 'interval':
      return textType(64, keyShare);
  }
}

function textType(length: number | undefined, keyShare: number): string {
  if (keyShare > 0) return `varchar(${Math.min(length ?? keyCharacters, Math.floor(keyCharacters / keyShare))})`;
  return length !== undefined && length <= mostVarchar ? `varchar(${length})` : 'longtext';
}

/** An ENUM drops spaces at the end of its words and keeps '' for what it does not know. */
const isEnumerable = (values: readonly string[]): boolean =>
  values.length > 0 &&
  values.every((word) => word !== '' && word.trimEnd() === word) &&
  new Set(values).size === values.length;

const quoteWord = (word: string): string => `'${word.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;

/** Can a decimal's every value be held? */
export const fitsDecimal = ({ precision, scale }: { readonly precision?: number; readonly scale?: number }): boolean =>
  precision !== undefined && precision <= mostDigits && (scale ?? 0) >= 0 && (scale ?? 0) <= Math.min(precision, 30);
