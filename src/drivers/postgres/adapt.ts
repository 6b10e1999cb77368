import type { Finding } from '../../model/finding.ts';
import type { Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { ColumnShape, LogicalType, TableShape } from '../../model/shape.ts';
import { defaultSql } from './column-default.ts';
import { sqlType } from './column-type.ts';
import { fitName } from './names.ts';
import type { PostgresOptions } from './options.ts';
import { portableExpression } from './portable-expression.ts';

export interface Adapted {
  readonly item: Item;
  readonly findings: readonly Finding[];
}

/** An item as PostgreSQL will name and shape it, and what that loses. */
export function adapt(item: Item, options: PostgresOptions): Adapted {
  const findings: Finding[] = [];
  const note: Note = (level, code, message, hint) =>
    findings.push({ level, code, message, where: item.key, ...(hint !== undefined && { hint }) });
  const name = (text: string) => {
    const folded = options.names === 'lower' ? text.toLowerCase() : text;
    const fitted = fitName(folded);
    if (fitted !== folded)
      note('warning', 'name.shortened', `The name ${folded} has more than 63 bytes and becomes ${fitted}.`);
    return fitted;
  };
  const adapted = adaptKind(item, options, name, note);
  return { item: adapted, findings };
}

type Note = (level: Finding['level'], code: string, message: string, hint?: string) => void;
type Name = (text: string) => string;

function adaptKind(item: Item, options: PostgresOptions, name: Name, note: Note): Item {
  if (item.kind === 'table' && item.shape) {
    const shape = adaptTable(item.shape, options, name, note);
    return { ...item, key: shape.name, shape };
  }
  if (item.kind === 'index' && item.index) {
    const table = name(item.index.table);
    const { index } = item.index;
    const own = ownName(table, index.name, name);
    if (own !== name(index.name)) {
      note(
        'info',
        'name.changed',
        `Index ${index.name} of ${table} becomes ${own}: PostgreSQL wants index names unique in a schema.`,
      );
    }
    const columns = index.columns.map((column) => ({ ...column, name: name(column.name) }));
    return { ...item, key: `${table}.index.${own}`, index: { table, index: { ...index, name: own, columns } } };
  }
  if (item.kind === 'foreign-key' && item.foreignKey) {
    const table = name(item.foreignKey.table);
    const { foreignKey } = item.foreignKey;
    const own = name(foreignKey.name);
    const adapted = {
      ...foreignKey,
      name: own,
      columns: foreignKey.columns.map(name),
      references: name(foreignKey.references),
      referencedColumns: foreignKey.referencedColumns.map(name),
    };
    return { ...item, key: `${table}.foreign-key.${own}`, foreignKey: { table, foreignKey: adapted } };
  }
  throw new MigrationError('store.unsupported', `PostgreSQL cannot hold ${item.key} (${item.kind}).`, {
    where: item.key,
  });
}

/** Index names are unique in a schema here, but only in a table elsewhere. */
function ownName(table: string, index: string, name: Name): string {
  const own = name(index);
  return own.startsWith(`${table}_`) ? own : fitName(`${table}_${own}`);
}

function adaptTable(shape: TableShape, options: PostgresOptions, name: Name, note: Note): TableShape {
  const table = name(shape.name);
  const columns = shape.columns.map((column) => adaptColumn(column, shape, options, name, note));
  const clash = columns.find((column, at) => columns.findIndex((other) => other.name === column.name) < at);
  if (clash) {
    throw new MigrationError(
      'plan.name-clash',
      `Table ${shape.name} has two columns that would both be named ${clash.name}.`,
      {
        hint: 'Keep names as they are with `names: keep`, or rename one of them.',
        where: shape.name,
      },
    );
  }
  return {
    ...shape,
    name: table,
    columns,
    primaryKey: shape.primaryKey.map(name),
    unique: shape.unique.map((constraint) => ({
      name: ownName(table, constraint.name, name),
      columns: constraint.columns.map(name),
    })),
  };
}

function adaptColumn(
  column: ColumnShape,
  shape: TableShape,
  options: PostgresOptions,
  name: Name,
  note: Note,
): ColumnShape {
  const type = adaptType(column, options, note);
  const { default: byDefault, generated, identity, ...rest } = column;
  const adapted = { ...rest, name: name(column.name), type, declared: sqlType(type) };
  if (generated) {
    const expression = portableExpression(column, shape.columns, name);
    if (expression !== undefined) return { ...adapted, generated: { expression, stored: true } };
    note(
      'warning',
      'column.frozen',
      `Generated column ${column.name} becomes a plain column with the values of today: its expression (${generated.expression}) is not sure to mean the same in PostgreSQL.`,
      'Make it a generated column at the target by hand if it should follow its columns.',
    );
    return adapted;
  }
  if (identity) {
    if (type.kind === 'integer') return { ...adapted, nullable: false, identity };
    note(
      'warning',
      'column.identity-lost',
      `Column ${column.name} is numbered by the source, which PostgreSQL does for integers only.`,
    );
  }
  if (!byDefault || (byDefault.kind === 'literal' && !byDefault.quoted && /^null$/i.test(byDefault.text)))
    return adapted;
  if (defaultSql(byDefault, type) !== undefined) return { ...adapted, default: byDefault };
  note(
    'warning',
    'column.default-lost',
    `The default of column ${column.name} is no value of type ${adapted.declared} and is left out.`,
  );
  return adapted;
}

function adaptType(column: ColumnShape, { jsonType }: PostgresOptions, note: Note): LogicalType {
  const { type } = column;
  if (type.kind === 'json' && jsonType !== 'keep') {
    const binary = jsonType === 'jsonb';
    if (binary && !type.binary) {
      note(
        'warning',
        'column.json-rewritten',
        `Column ${column.name} becomes jsonb, which rewrites JSON (order of keys, spaces, repeated keys): rows that it rewrites are reported as changed by verification.`,
      );
    }
    return { kind: 'json', binary };
  }
  if (type.kind === 'text' && type.length !== undefined && sqlType(type) === 'text') return { kind: 'text' };
  if (
    type.kind === 'decimal' &&
    (type.precision !== undefined || type.scale !== undefined) &&
    sqlType(type) === 'numeric'
  ) {
    note('info', 'column.unlimited', `Column ${column.name} (${column.declared}) becomes numeric without limits.`);
    return { kind: 'decimal' };
  }
  return type;
}
