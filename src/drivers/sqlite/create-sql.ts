import type {
  ColumnDefault,
  ColumnShape,
  ForeignKeyShape,
  IndexShape,
  LogicalType,
  TableShape,
} from '../../model/shape.ts';
import { quoteName, quoteText } from './sql-names.ts';

/** Digits that SQLite's numbers hold exactly; longer decimals are kept as text. */
export const exactDigits = 15;

/** The declared type under which SQLite leaves a value as it is. Where the name alone would make it a number, the
 *  name contains TEXT. `readDeclaredType` understands all of these. */
export function declareType(type: LogicalType): string {
  switch (type.kind) {
    case 'integer':
      return type.bits === 64 ? 'INTEGER' : type.bits === 32 ? 'INT4' : 'SMALLINT';
    case 'decimal': {
      const { precision, scale = 0 } = type;
      if (precision === undefined) return 'DECIMAL_TEXT';
      return `${precision > exactDigits ? 'DECIMAL_TEXT' : 'DECIMAL'}(${precision},${scale})`;
    }
    case 'float':
      return type.bits === 64 ? 'REAL' : 'FLOAT';
    case 'text':
      return type.length === undefined ? 'TEXT' : `VARCHAR(${type.length})`;
    case 'bytes':
      return 'BLOB';
    case 'boolean':
      return 'BOOLEAN';
    case 'date':
      return 'DATE';
    case 'time':
      return 'TIME';
    case 'timestamp':
      return type.zone ? 'TIMESTAMPTZ' : 'DATETIME';
    case 'interval':
      return 'INTERVAL_TEXT';
    case 'bits':
      return `BITS_TEXT(${type.length})`;
    case 'uuid':
      return 'UUID';
    case 'json':
      return 'JSON_TEXT';
  }
}

export function createTableSql(name: string, shape: TableShape): string {
  const [onlyKey] = shape.primaryKey;
  const identity = shape.columns.find((column) => column.identity !== undefined);
  const numbered = shape.primaryKey.length === 1 && identity?.name === onlyKey && identity?.type.kind === 'integer';
  const lines = shape.columns.map((column) => columnSql(column, numbered && column === identity));
  if (!numbered && shape.primaryKey.length > 0)
    lines.push(`PRIMARY KEY (${shape.primaryKey.map(quoteName).join(', ')})`);
  for (const { columns } of shape.unique) lines.push(`UNIQUE (${columns.map(quoteName).join(', ')})`);
  return `CREATE TABLE ${quoteName(name)} (\n  ${lines.join(',\n  ')}\n)`;
}

function columnSql(column: ColumnShape, numbered: boolean): string {
  const words = [quoteName(column.name), numbered ? 'INTEGER PRIMARY KEY AUTOINCREMENT' : declareType(column.type)];
  if (!column.nullable && !numbered) words.push('NOT NULL');
  if (column.generated) {
    words.push(
      `GENERATED ALWAYS AS (${column.generated.expression}) ${column.generated.stored ? 'STORED' : 'VIRTUAL'}`,
    );
  } else if (column.default) words.push(`DEFAULT ${defaultSql(column.default)}`);
  return words.join(' ');
}

function defaultSql(value: ColumnDefault): string {
  switch (value.kind) {
    case 'literal':
      return value.quoted ? quoteText(value.text) : value.text;
    case 'now':
      return 'CURRENT_TIMESTAMP';
    case 'today':
      return 'CURRENT_DATE';
    case 'time-of-day':
      return 'CURRENT_TIME';
  }
}

export function createIndexSql(table: string, index: IndexShape): string {
  const columns = index.columns.map(({ name, descending }) => `${quoteName(name)}${descending ? ' DESC' : ''}`);
  return `CREATE ${index.unique ? 'UNIQUE ' : ''}INDEX ${quoteName(index.name)} ON ${quoteName(table)} (${columns.join(', ')})`;
}

export function foreignKeySql(key: ForeignKeyShape): string {
  const list = (columns: readonly string[]): string => `(${columns.map(quoteName).join(', ')})`;
  const words = [
    `FOREIGN KEY ${list(key.columns)} REFERENCES ${quoteName(key.references)} ${list(key.referencedColumns)}`,
  ];
  if (key.onDelete !== 'no action') words.push(`ON DELETE ${key.onDelete.toUpperCase()}`);
  if (key.onUpdate !== 'no action') words.push(`ON UPDATE ${key.onUpdate.toUpperCase()}`);
  if (key.deferred) words.push('DEFERRABLE INITIALLY DEFERRED');
  return words.join(' ');
}
