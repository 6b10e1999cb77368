import type { Finding } from '../../model/finding.ts';
import type { Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { ColumnShape, LogicalType, TableShape } from '../../model/shape.ts';
import { defaultSql } from './create-sql.ts';
import { declareType, fitsDecimal } from './declare-type.ts';
import { fitName } from './names.ts';

/** Bytes of the rows that MySQL's limit of 65 535 leaves for columns of text with a length. */
const textBytes = 48_000;

type Note = (level: Finding['level'], code: string, message: string, hint?: string) => void;

/** An item as MySQL will name and shape it, and what that loses. */
export function adaptItem(
  item: Item,
  mariadb: boolean,
): { readonly item: Item; readonly findings: readonly Finding[] } {
  const findings: Finding[] = [];
  const note: Note = (level, code, message, hint) =>
    findings.push({ level, code, message, where: item.key, ...(hint !== undefined && { hint }) });
  const name = (text: string): string => {
    const fitted = fitName(text);
    if (fitted !== text)
      note('warning', 'name.shortened', `The name ${text} becomes ${fitted}: MySQL takes 64 characters.`);
    return fitted;
  };
  return { item: adaptKind(item, mariadb, name, note), findings };
}

function adaptKind(item: Item, mariadb: boolean, name: (text: string) => string, note: Note): Item {
  if (item.kind === 'table' && item.shape) {
    const shape = adaptTable(item.shape, mariadb, name, note);
    return { ...item, key: shape.name, shape };
  }
  if (item.kind === 'index' && item.index) {
    const table = name(item.index.table);
    const { index } = item.index;
    const own = name(index.name);
    const columns = index.columns.map((column) => ({ ...column, name: name(column.name) }));
    return { ...item, key: `${table}.index.${own}`, index: { table, index: { ...index, name: own, columns } } };
  }
  if (item.kind === 'foreign-key' && item.foreignKey) {
    const table = name(item.foreignKey.table);
    const { foreignKey } = item.foreignKey;
    if (foreignKey.deferred) {
      note(
        'info',
        'key.not-deferred',
        `The foreign key ${foreignKey.name} is checked at once: MySQL has no deferred ones.`,
      );
    }
    // Names of foreign keys are unique in a database here, but only in a table elsewhere.
    const own = fitName(foreignKey.name.startsWith(table) ? foreignKey.name : `${table}_${foreignKey.name}`);
    const adapted = {
      ...foreignKey,
      name: own,
      columns: foreignKey.columns.map(name),
      references: name(foreignKey.references),
      referencedColumns: foreignKey.referencedColumns.map(name),
      deferred: false,
    };
    return { ...item, key: `${table}.foreign-key.${own}`, foreignKey: { table, foreignKey: adapted } };
  }
  throw new MigrationError('store.unsupported', `MySQL cannot hold ${item.key} (${item.kind}).`, { where: item.key });
}

function adaptTable(shape: TableShape, mariadb: boolean, name: (text: string) => string, note: Note): TableShape {
  let room = textBytes;
  const columns = shape.columns.map((column) => {
    const adapted = adaptColumn(column, shape, mariadb, name, note);
    const length = Number(/^varchar\((\d+)\)/.exec(adapted.declared)?.[1] ?? 0) * 4;
    room -= length;
    if (room >= 0 || keyShareOf(shape, column) > 0) return adapted;
    room += length;
    return { ...adapted, declared: adapted.declared.replace(/^varchar\(\d+\)/, 'longtext') };
  });
  return {
    ...shape,
    name: name(shape.name),
    columns,
    primaryKey: shape.primaryKey.map(name),
    unique: shape.unique.map((constraint) => ({ name: name(constraint.name), columns: constraint.columns.map(name) })),
  };
}

/** Among how many columns of text or bytes the most crowded key of this one is shared; zero where it is in none. */
function keyShareOf(shape: TableShape, column: ColumnShape): number {
  const isLong = (key: string): boolean => {
    const kind = shape.columns.find((each) => each.name === key)?.type.kind;
    return kind === 'text' || kind === 'bytes' || kind === 'interval';
  };
  const keys = [shape.primaryKey, ...shape.unique.map(({ columns }) => columns)].filter((key) =>
    key.includes(column.name),
  );
  return isLong(column.name) ? Math.max(0, ...keys.map((key) => key.filter(isLong).length)) : 0;
}

function adaptColumn(
  column: ColumnShape,
  shape: TableShape,
  mariadb: boolean,
  name: (text: string) => string,
  note: Note,
): ColumnShape {
  const type = adaptType(column, note);
  const keyShare = keyShareOf(shape, column);
  const declared = declareType(type, { mariadb, keyShare, values: column.values });
  if (keyShare > 0 && (type.kind === 'text' || type.kind === 'bytes')) {
    const most = Number(/\((\d+)\)/.exec(declared)?.[1]);
    if (type.kind === 'bytes' || type.length === undefined || type.length > most) {
      note(
        'warning',
        'column.limited',
        `Column ${column.name} is in a key and takes at most ${most} characters here: longer values are refused.`,
      );
    }
  }
  const { default: byDefault, generated, identity, ...rest } = column;
  const adapted = { ...rest, name: name(column.name), type, declared };
  if (generated) {
    note(
      'warning',
      'column.frozen',
      `Generated column ${column.name} becomes a plain column with the values of today: its expression (${generated.expression}) is not sure to mean the same here.`,
      'Make it a generated column at the target by hand if it should follow its columns.',
    );
    return adapted;
  }
  if (identity) {
    const numbered = type.kind === 'integer' && BigInt(identity.next) > 0n;
    const first = [shape.primaryKey, ...shape.unique.map(({ columns }) => columns)].some(
      ([key]) => key === column.name,
    );
    if (numbered && first) return { ...adapted, nullable: false, identity };
    note(
      'warning',
      'column.identity-lost',
      `Column ${column.name} is numbered by the source, which MySQL does for integers that lead a key only.`,
    );
  }
  if (!byDefault || (byDefault.kind === 'literal' && !byDefault.quoted && /^null$/i.test(byDefault.text)))
    return adapted;
  if (defaultSql(byDefault, adapted) !== undefined) return { ...adapted, default: byDefault };
  note(
    'warning',
    'column.default-lost',
    `The default of column ${column.name} is no value of type ${declared} and is left out.`,
  );
  return adapted;
}

function adaptType(column: ColumnShape, note: Note): LogicalType {
  const { type } = column;
  switch (type.kind) {
    case 'decimal':
      if (fitsDecimal(type)) return type;
      note(
        'warning',
        'column.changed',
        `Column ${column.name} (${column.declared}) becomes text: MySQL's decimals have at most 65 digits, 30 of them behind the point.`,
      );
      return { kind: 'text' };
    case 'interval':
      note('warning', 'column.changed', `Column ${column.name} is an interval and becomes text.`);
      return { kind: 'text', length: 64 };
    case 'bits':
      if (type.length <= 64) return type;
      note('warning', 'column.changed', `Column ${column.name} has more than 64 bits and becomes text.`);
      return { kind: 'text', length: type.length };
    case 'timestamp':
      if (type.zone)
        note('info', 'column.changed', `Column ${column.name} becomes DATETIME(6) in UTC: TIMESTAMP ends in 2038.`);
      return type;
    case 'json':
      return type.binary ? { kind: 'json', binary: false } : type;
    case 'integer':
    case 'float':
    case 'text':
    case 'bytes':
    case 'boolean':
    case 'date':
    case 'time':
    case 'uuid':
      return type;
  }
}
