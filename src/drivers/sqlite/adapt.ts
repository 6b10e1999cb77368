import { DatabaseSync } from 'node:sqlite';
import type { Finding } from '../../model/finding.ts';
import type { Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { ColumnShape, TableShape } from '../../model/shape.ts';
import { createTableSql, declareType, exactDigits } from './create-sql.ts';

/** An item as SQLite will hold it. Names stay as they are; types stay too, since SQLite keeps every value exactly under
 *  the types that `declareType` names. */
export function adaptItem(item: Item): { readonly item: Item; readonly findings: readonly Finding[] } {
  if (item.kind === 'index' || item.kind === 'foreign-key') return { item, findings: [] };
  if (item.kind !== 'table' || !item.shape) {
    throw new MigrationError('store.unsupported', `A SQLite database cannot hold ${item.key}, a ${item.kind}.`, {
      hint: 'Send files to a folder.',
      where: item.key,
    });
  }
  const findings: Finding[] = [];
  const shape = item.shape;
  const columns = shape.columns.map((column) => adaptColumn(shape, column, findings));
  if (shape.comment !== undefined || shape.columns.some((column) => column.comment !== undefined)) {
    findings.push({
      level: 'info',
      code: 'store.unsupported',
      message: `Comments on ${shape.name} are not kept: SQLite has none.`,
      where: item.key,
    });
  }
  return { item: { ...item, shape: { ...shape, columns } }, findings };
}

function adaptColumn(shape: TableShape, column: ColumnShape, findings: Finding[]): ColumnShape {
  const where = `${shape.name}.${column.name}`;
  const { type } = column;
  if (type.kind === 'decimal' && (type.precision === undefined || type.precision > exactDigits)) {
    findings.push({
      level: 'info',
      code: 'store.unsupported',
      message: `${where} is kept as text (${declareType(type)}): numbers in SQLite hold ${exactDigits} digits exactly.`,
      where,
    });
  }
  if (column.values) {
    findings.push({
      level: 'info',
      code: 'store.unsupported',
      message: `${where} takes only certain values at the source, which SQLite does not enforce.`,
      where,
    });
  }
  if (column.generated && !isUnderstood(shape, column)) {
    const { generated, ...plain } = column;
    findings.push({
      level: 'warning',
      code: 'store.unsupported',
      message: `${where} is computed by an expression that SQLite does not understand (${generated?.expression}); its values are carried instead.`,
      where,
    });
    return { ...plain, declared: declareType(type) };
  }
  return { ...column, declared: declareType(type) };
}

/** Tries the expression out in an empty database in memory. */
function isUnderstood(shape: TableShape, column: ColumnShape): boolean {
  const db = new DatabaseSync(':memory:');
  try {
    const columns = shape.columns.filter((other) => other === column || other.generated === undefined);
    db.exec(createTableSql(shape.name, { ...shape, columns, unique: [], primaryKey: [] }));
    return true;
  } catch {
    return false;
  } finally {
    db.close();
  }
}
