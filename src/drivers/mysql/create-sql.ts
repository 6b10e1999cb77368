import type { ColumnDefault, ColumnShape, ForeignKeyShape, IndexShape, TableShape } from '../../model/shape.ts';
import { fitName, ownPrefix, qualified, quoteLiteral, quoteName } from './names.ts';

const mostComment = 1024;
const mostTableComment = 2048;
/** Characters of a long text that an index on it covers; an unusual number, by which the index is known again as one
 *  that was on the whole column. */
export const indexedCharacters = 189;

export const nameList = (names: readonly string[]): string => names.map(quoteName).join(', ');

/** A table with its primary key; unique keys come when it is filled. */
export function createTableSql(database: string, table: string, shape: TableShape): string {
  const lines = shape.columns.map(columnSql);
  if (shape.primaryKey.length > 0) lines.push(`PRIMARY KEY (${nameList(shape.primaryKey)})`);
  const identity = shape.columns.find((column) => column.identity);
  // AUTO_INCREMENT wants a key from the beginning.
  if (identity && shape.primaryKey[0] !== identity.name)
    lines.push(`KEY ${quoteName(numberKey)} (${quoteName(identity.name)})`);
  const comment = shape.comment === undefined ? '' : ` COMMENT ${quoteLiteral(cut(shape.comment, mostTableComment))}`;
  return `CREATE TABLE ${qualified(database, table)} (${lines.join(', ')}) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4${comment}`;
}

/** The index that the server demands for a foreign key, under a name that tells it from those of the source. */
export const foreignKeyIndex = (name: string): string => fitName(`${ownPrefix}${name}`);

export const numberKey = '_waybill_number';

const cut = (text: string, characters: number): string => Array.from(text).slice(0, characters).join('');

function columnSql(column: ColumnShape): string {
  const words = [quoteName(column.name), column.declared, column.nullable ? 'NULL' : 'NOT NULL'];
  if (column.identity) words.push('AUTO_INCREMENT');
  const byDefault = column.default && defaultSql(column.default, column);
  if (byDefault !== undefined) words.push(`DEFAULT ${byDefault}`);
  if (column.comment !== undefined) words.push(`COMMENT ${quoteLiteral(cut(column.comment, mostComment))}`);
  return words.join(' ');
}

/** A neutral default as SQL for a column; undefined where its type cannot take it. */
export function defaultSql(value: ColumnDefault, column: Pick<ColumnShape, 'type' | 'values'>): string | undefined {
  const { type } = column;
  if (value.kind !== 'literal') {
    if (value.kind === 'now') {
      if (type.kind === 'timestamp') return 'CURRENT_TIMESTAMP(6)';
      return type.kind === 'text' ? `(DATE_FORMAT(UTC_TIMESTAMP(), '%Y-%m-%d %H:%i:%s'))` : undefined;
    }
    if (value.kind === 'today') return type.kind === 'date' ? '(CURDATE())' : undefined;
    return type.kind === 'time' ? '(CURTIME())' : undefined;
  }
  const pattern = patterns[type.kind];
  if (value.text.includes('\0') || (pattern && !pattern.test(value.text))) return undefined;
  switch (type.kind) {
    case 'integer':
    case 'decimal':
    case 'float':
      return value.text;
    case 'boolean':
      return /^(1|true|t)$/i.test(value.text) ? '1' : '0';
    case 'bits':
      return value.text.length === type.length ? `b'${value.text}'` : undefined;
    case 'text': {
      if (type.length !== undefined && Array.from(value.text).length > type.length) return undefined;
      if (column.values && !column.values.includes(value.text)) return undefined;
      // In parentheses: only so do columns of long text take one.
      return `(${quoteLiteral(value.text)})`;
    }
    case 'bytes':
    case 'json':
    case 'interval':
      return undefined;
    case 'date':
    case 'time':
    case 'timestamp':
    case 'uuid':
      return quoteLiteral(value.text);
  }
}

const patterns: Partial<Record<ColumnShape['type']['kind'], RegExp>> = {
  integer: /^[-+]?\d{1,18}$/,
  decimal: /^[-+]?(\d+\.?\d*|\.\d+)$/,
  float: /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d{1,3})?$/i,
  boolean: /^(0|1|true|false|t|f)$/i,
  date: /^\d{4}-(0[1-9]|1[0-2])-([01]\d|2[0-8])$/,
  time: /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$/,
  timestamp: /^\d{4}-(0[1-9]|1[0-2])-([01]\d|2[0-8])([ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?)?$/,
  uuid: /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i,
  bits: /^[01]+$/,
};

/** `long`: the columns of the table that an index covers only in their beginning. */
export function createIndexSql(database: string, table: string, index: IndexShape, long: ReadonlySet<string>): string {
  const columns = index.columns.map(({ name, descending }) => {
    const prefix = long.has(name) && !index.unique ? `(${indexedCharacters})` : '';
    return `${quoteName(name)}${prefix}${descending ? ' DESC' : ''}`;
  });
  return `CREATE ${index.unique ? 'UNIQUE ' : ''}INDEX ${quoteName(index.name)} ON ${qualified(database, table)} (${columns.join(', ')})`;
}

export function addForeignKeySql(database: string, table: string, key: ForeignKeyShape): string {
  return `ALTER TABLE ${qualified(database, table)} ADD CONSTRAINT ${quoteName(key.name)} FOREIGN KEY (${nameList(key.columns)})
    REFERENCES ${qualified(database, key.references)} (${nameList(key.referencedColumns)}) ON DELETE ${key.onDelete} ON UPDATE ${key.onUpdate}`;
}
