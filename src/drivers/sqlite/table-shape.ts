import type { DatabaseSync } from 'node:sqlite';
import type { Finding } from '../../model/finding.ts';
import type { ColumnDefault, ColumnShape, LogicalType, TableShape } from '../../model/shape.ts';
import { readTableClauses, type TableClauses } from './create-table.ts';
import { readDeclaredType } from './declared-type.ts';
import { quoteName } from './sql-names.ts';

/** A table as SQLite's catalogue tells it; the types of `undeclared` columns are for the values to decide. */
export interface CatalogueTable {
  readonly shape: TableShape;
  /** What reaches the row by its number: `rowid` or another alias; undefined for WITHOUT ROWID. */
  readonly rowid: string | undefined;
  /** Positions of columns whose declared type says nothing. */
  readonly undeclared: readonly number[];
  readonly deferred: TableClauses['deferred'];
  readonly strict: boolean;
}

interface ColumnRow {
  readonly name: string;
  readonly type: string;
  readonly notnull: number;
  readonly dflt_value: string | null;
  readonly pk: number;
  /** 2 generated virtually, 3 generated and stored. */
  readonly hidden: number;
}

export function readTable(
  db: DatabaseSync,
  table: { readonly name: string; readonly sql: string; readonly withoutRowid: boolean; readonly strict: boolean },
  report: (finding: Finding) => void,
): CatalogueTable {
  const rows = db.prepare('SELECT * FROM pragma_table_xinfo(?) ORDER BY cid').all(table.name) as unknown as ColumnRow[];
  const clauses = readTableClauses(table.sql);
  const visible = rows.filter((row) => row.hidden !== 1);
  const key = visible.filter((row) => row.pk > 0).toSorted((a, b) => a.pk - b.pk);
  const rowid = table.withoutRowid ? undefined : rowidName(visible);
  const alias = aliasColumn(db, table, key);
  const undeclared: number[] = [];
  const columns = visible.map((row, position): ColumnShape => {
    const type = readDeclaredType(row.type);
    if (!type) undeclared.push(position);
    const where = `${table.name}.${row.name}`;
    const value = row.hidden === 0 ? readDefault(row.dflt_value, where, report) : undefined;
    const expression = clauses.generated.get(row.name.toLowerCase());
    return {
      name: row.name,
      type: type ?? { kind: 'text' },
      declared: row.type,
      nullable: row.notnull === 0 && row.pk === 0,
      ...(value && { default: value }),
      ...(row.hidden > 1 && { generated: { expression: expression ?? '', stored: row.hidden === 3 } }),
      ...(row === alias && { identity: { next: nextNumber(db, table.name, row.name, clauses.autoincrement) } }),
    };
  });
  reportClauses(table.name, clauses, report);
  const shape = {
    name: table.name,
    columns,
    primaryKey: key.map((row) => row.name),
    unique: readUnique(db, table.name),
  };
  return { shape, rowid, undeclared, deferred: clauses.deferred, strict: table.strict };
}

function rowidName(columns: readonly ColumnRow[]): string | undefined {
  const taken = new Set(columns.map((column) => column.name.toLowerCase()));
  return ['rowid', '_rowid_', 'oid'].find((name) => !taken.has(name));
}

/** The column that is the row's number under another name: declared exactly INTEGER and alone in the key. An index for
 *  the key betrays the exceptions (INTEGER PRIMARY KEY DESC). */
function aliasColumn(
  db: DatabaseSync,
  table: { readonly name: string; readonly withoutRowid: boolean },
  key: readonly ColumnRow[],
): ColumnRow | undefined {
  const [only, ...others] = key;
  if (!only || others.length > 0 || table.withoutRowid || only.type.toUpperCase() !== 'INTEGER') return undefined;
  const indexed = db.prepare("SELECT 1 FROM pragma_index_list(?) WHERE origin = 'pk'").get(table.name);
  return indexed ? undefined : only;
}

function nextNumber(db: DatabaseSync, table: string, column: string, autoincrement: boolean): string {
  const highest = db.prepare(`SELECT max(${quoteName(column)}) AS n FROM ${quoteName(table)}`);
  highest.setReadBigInts(true);
  let last = (highest.get() as { n: bigint | null }).n ?? 0n;
  if (autoincrement) {
    const sequence = db.prepare('SELECT max(seq) AS n FROM sqlite_sequence WHERE name = ?');
    sequence.setReadBigInts(true);
    const recorded = (sequence.get(table) as { n: bigint | null }).n;
    if (recorded !== null && recorded > last) last = recorded;
  }
  return String(last < 0n ? 1n : last + 1n);
}

function readUnique(db: DatabaseSync, table: string): TableShape['unique'] {
  const indexes = db.prepare("SELECT name FROM pragma_index_list(?) WHERE origin = 'u' ORDER BY seq DESC").all(table);
  const columnsOf = db.prepare('SELECT name FROM pragma_index_info(?) ORDER BY seqno');
  return indexes.map((index) => {
    const columns = columnsOf.all(index['name'] ?? null).map((row) => String(row['name']));
    return { name: `${table}_${columns.join('_')}_key`, columns };
  });
}

const numberPattern = /^[+-]?\s*(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

function readDefault(
  text: string | null,
  where: string,
  report: (finding: Finding) => void,
): ColumnDefault | undefined {
  const bare = text
    ?.trim()
    .replace(/^\((.*)\)$/s, '$1')
    .trim();
  if (bare === undefined || /^null$/i.test(bare)) return undefined;
  if (numberPattern.test(bare)) return { kind: 'literal', text: bare.replace(/\s+/g, ''), quoted: false };
  if (/^'(?:[^']|'')*'$/.test(bare)) {
    return { kind: 'literal', text: bare.slice(1, -1).replaceAll("''", "'"), quoted: true };
  }
  if (/^"(?:[^"]|"")*"$/.test(bare)) {
    return { kind: 'literal', text: bare.slice(1, -1).replaceAll('""', '"'), quoted: true };
  }
  switch (bare.toUpperCase()) {
    case 'TRUE':
      return { kind: 'literal', text: '1', quoted: false };
    case 'FALSE':
      return { kind: 'literal', text: '0', quoted: false };
    case 'CURRENT_TIMESTAMP':
      return { kind: 'now' };
    case 'CURRENT_DATE':
      return { kind: 'today' };
    case 'CURRENT_TIME':
      return { kind: 'time-of-day' };
  }
  report({
    level: 'warning',
    code: 'store.unsupported',
    message: `The default of ${where} is an expression and is not carried: ${text}`,
    hint: 'Add it at the target by hand.',
    where,
  });
  return undefined;
}

function reportClauses(table: string, clauses: TableClauses, report: (finding: Finding) => void): void {
  if (clauses.checks > 0) {
    report({
      level: 'warning',
      code: 'store.unsupported',
      message: `${clauses.checks} CHECK ${clauses.checks === 1 ? 'constraint' : 'constraints'} of ${table} not carried.`,
      hint: 'Add them at the target by hand.',
      where: table,
    });
  }
  for (const [column, collation] of clauses.collations) {
    report({
      level: 'warning',
      code: 'store.unsupported',
      message: `The collation ${collation} of ${table}.${column} is not carried: comparisons at the target may differ.`,
      where: `${table}.${column}`,
    });
  }
}

/** The shape with other types for some columns. */
export const withTypes = (shape: TableShape, types: ReadonlyMap<number, LogicalType>): TableShape => ({
  ...shape,
  columns: shape.columns.map((column, position) => ({ ...column, type: types.get(position) ?? column.type })),
});
