import type { Finding } from '../../model/finding.ts';
import type { Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import { carriedColumns, type ColumnShape, type LogicalType, type TableShape } from '../../model/shape.ts';
import type { TabularKind } from './options.ts';
import { isDecimalText } from './parquet-type.ts';
import { partitionColumns } from './partition.ts';
import { nameOfType } from './read-types.ts';

/** A table as files hold it. Types and key stay, for who reads it back; what a database computes, numbers or defaults
 *  by itself is content here. `name`: of the table of a target that is one file. */
export function adaptTable(
  item: Item,
  kind: TabularKind,
  name: string | undefined,
): { readonly item: Item; readonly findings: readonly Finding[] } {
  if (item.kind !== 'table' || !item.shape) {
    throw new MigrationError('store.unsupported', `Files of tables cannot hold ${item.key}, a ${item.kind}.`, {
      hint: 'Send files to a folder.',
      where: item.key,
    });
  }
  const findings: Finding[] = [];
  const { text, ...source } = item.shape;
  if (text) {
    throw new MigrationError('store.unsupported', `Table ${item.key} has a column whose type has no neutral form.`, {
      hint: 'Exclude the table, or cast the column in a view or table of its own.',
      where: item.key,
    });
  }
  const shape: TableShape = {
    ...source,
    name: name ?? source.name,
    columns: source.columns.map((column) => plainColumn(column, kind)),
    primaryKey: source.primaryKey,
  };
  if (kind.format === 'parquet' && kind.options.partition !== '' && partitionColumns(kind, shape).length === 0) {
    findings.push({
      level: 'warning',
      code: 'store.unsupported',
      message: `${shape.name} is written as one file: it lacks a column of the option partition (${kind.options.partition}).`,
      where: shape.name,
    });
  }
  for (const { name: column, type } of source.columns) {
    if (type.kind !== 'interval' && type.kind !== 'bits') continue;
    const what = type.kind === 'bits' ? 'bits' : 'an interval';
    const where = `${shape.name}.${column}`;
    findings.push({
      level: 'info',
      code: 'column.changed',
      message: `${where} is ${what} and is kept as text.`,
      where,
    });
  }
  for (const column of carriedColumns(shape)) {
    if (kind.format !== 'parquet' || !isDecimalText(column.type)) continue;
    const where = `${shape.name}.${column.name}`;
    findings.push({
      level: 'warning',
      code: 'store.unsupported',
      message: `${where} (${column.declared}) is kept as text: Parquet's decimals have at most 38 digits.`,
      hint: 'Give the column a precision at the source if analysis needs numbers.',
      where,
    });
  }
  return { item: { ...item, key: shape.name, shape }, findings };
}

/** Values that the source computes are carried as they are; intervals and bit strings as their texts. */
function plainColumn({ name, type: given, nullable, comment }: ColumnShape, kind: TabularKind): ColumnShape {
  const plain = kind.format === 'parquet' && kind.options.plain && (given.kind === 'uuid' || given.kind === 'json');
  const asText = plain || given.kind === 'interval' || given.kind === 'bits';
  const type: LogicalType = asText ? { kind: 'text' } : given;
  return { name, type, declared: nameOfType(type), nullable, ...(comment !== undefined && { comment }) };
}

/** Indexes and references have no place among files: the plan says so once for each and leaves them out. */
export function leftOut(item: Item): Finding | undefined {
  if (item.kind !== 'index' && item.kind !== 'foreign-key') return undefined;
  const what = item.index
    ? `Index ${item.index.index.name} of ${item.index.table}`
    : `Foreign key ${item.foreignKey?.foreignKey.name} of ${item.foreignKey?.table}`;
  return {
    level: 'info',
    code: 'store.unsupported',
    message: `${what} is not carried: files of tables have none.`,
    where: item.key,
  };
}
