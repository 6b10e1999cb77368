import type { DatabaseSync } from 'node:sqlite';
import type { Finding } from '../../model/finding.ts';
import type { ColumnShape, LogicalType, TableShape } from '../../model/shape.ts';
import { RowWriter } from '../../store/rows/row-writer.ts';
import { createColumnEncoder, doubtful, type SqliteValue } from './column-encoder.ts';
import type { SqliteOptions } from './options.ts';
import { createKeyText } from './row-refusal.ts';
import { quoteName } from './sql-names.ts';
import { rowidBounds } from './table-access.ts';
import { type CatalogueTable, withTypes } from './table-shape.ts';

/** Up to this many rows, all are looked at; of larger tables, slices from all over. */
const allRows = 20_000;
const slices = 20;
const sliceRows = 250;
const sampledBytes = 16 * 1024 * 1024;

export interface FittedTable {
  readonly shape: TableShape;
  /** Canonical bytes of a row, on average of those looked at. */
  readonly bytesPerRow: number;
}

interface ColumnSight {
  readonly numbers: number;
  /** Those among the numbers that are whole. */
  readonly integers: number;
  readonly texts: number;
  readonly blobs: number;
  readonly misfits: number;
  readonly reason: string;
  readonly code: string;
  /** Key of the first row that does not fit. */
  readonly example: string;
}

interface Sight {
  readonly rows: number;
  readonly bytesPerRow: number;
  readonly columns: readonly ColumnSight[];
}

/** SQLite stores any value in any column. Looks at rows with the encoders that will read them, and gives a column whose
 *  values do not fit what it declares a wider type, saying so. */
export function fitColumns(
  db: DatabaseSync,
  table: CatalogueTable,
  rows: number,
  options: SqliteOptions,
  report: (finding: Finding) => void,
): FittedTable {
  const asText = new Set(options.text.split(',').map((name) => name.trim().toLowerCase()));
  const types = new Map<number, LogicalType>();
  for (const [position, column] of table.shape.columns.entries()) {
    if (asText.has(`${table.shape.name}.${column.name}`.toLowerCase())) types.set(position, { kind: 'text' });
  }
  let shape = withTypes(table.shape, types);
  let sight = look(db, table, shape, rows, options);
  const first = sight;
  const settled = new Set(types.keys());
  for (const position of table.undeclared) {
    const seen = sight.columns[position];
    if (seen && !settled.has(position)) types.set(position, typeOfValues(seen));
  }
  // Each round widens by one step; no type has more than three steps above it.
  for (let round = 0; round < 4; round++) {
    for (const [position, seen] of sight.columns.entries()) {
      const column = shape.columns[position];
      if (!column || settled.has(position) || seen.misfits === 0 || table.undeclared.includes(position)) continue;
      const wider = widerType(column.type, seen, options);
      if (wider) types.set(position, wider);
      else settled.add(position);
    }
    const next = withTypes(table.shape, types);
    if (JSON.stringify(next) === JSON.stringify(shape)) break;
    shape = next;
    sight = look(db, table, shape, rows, options);
  }
  for (const [position, column] of shape.columns.entries()) {
    reportColumn(table, position, column, first, sight, options, report);
  }
  return { shape, bytesPerRow: sight.bytesPerRow };
}

function typeOfValues(seen: ColumnSight): LogicalType {
  const kinds = [seen.numbers, seen.texts, seen.blobs].filter((count) => count > 0).length;
  if (kinds !== 1) return seen.blobs > 0 ? { kind: 'bytes' } : { kind: 'text' };
  if (seen.blobs > 0) return { kind: 'bytes' };
  if (seen.texts > 0) return { kind: 'text' };
  return seen.integers === seen.numbers ? { kind: 'integer', bits: 64 } : { kind: 'float', bits: 64 };
}

function widerType(type: LogicalType, seen: ColumnSight, options: SqliteOptions): LogicalType | undefined {
  if (seen.code === 'value.nul') return undefined;
  switch (type.kind) {
    case 'boolean':
      return { kind: 'integer', bits: 64 };
    case 'integer':
      return seen.blobs > 0 ? undefined : { kind: 'decimal' };
    case 'decimal':
      if (seen.blobs > 0) return undefined;
      return type.precision === undefined ? { kind: 'text' } : { kind: 'decimal' };
    case 'date':
    case 'time':
    case 'timestamp':
      if (seen.blobs > 0 || (options.dates === 'iso' && seen.numbers > 0)) return undefined;
      if (type.kind === 'date') return { kind: 'timestamp', zone: false };
      return type.kind === 'timestamp' && !type.zone ? { kind: 'timestamp', zone: true } : { kind: 'text' };
    case 'text':
      if (seen.blobs > 0 && seen.texts + seen.numbers === 0) return { kind: 'bytes' };
      return type.length === undefined ? undefined : { kind: 'text' };
    case 'float':
    case 'interval':
    case 'bits':
    case 'uuid':
    case 'json':
      return seen.blobs > 0 ? undefined : { kind: 'text' };
    case 'bytes':
      return undefined;
  }
}

function reportColumn(
  table: CatalogueTable,
  position: number,
  column: ColumnShape,
  before: Sight,
  after: Sight,
  options: SqliteOptions,
  report: (finding: Finding) => void,
): void {
  const where = `${table.shape.name}.${column.name}`;
  const was = table.shape.columns[position];
  const [seen, left] = [before.columns[position], after.columns[position]];
  if (!was || !seen || !left) return;
  const declared = column.declared === '' ? 'no type' : column.declared;
  if (table.undeclared.includes(position)) {
    const kinds = [seen.numbers, seen.texts, seen.blobs].filter((count) => count > 0).length;
    report({
      level: kinds > 1 ? 'warning' : 'info',
      code: 'value.unfit',
      message: `${where} declares ${declared}; after its values it is carried as ${describeType(column.type)}.`,
      where,
    });
  } else if (was.type.kind !== column.type.kind || JSON.stringify(was.type) !== JSON.stringify(column.type)) {
    const count = `${seen.misfits} of ${before.rows}`;
    report({
      level: 'warning',
      code: 'value.unfit',
      message: `${where} declares ${declared}, but in ${count} rows looked at ${seen.reason} (first: ${seen.example}). It is carried as ${describeType(column.type)}.`,
      where,
    });
  }
  if (left.misfits > 0) {
    const numbers = /date|time/.test(column.type.kind) && options.dates === 'iso' && left.numbers > 0;
    report({
      level: 'warning',
      code: left.code,
      message: `${where}: ${left.misfits} of ${after.rows} rows looked at cannot be carried as ${describeType(column.type)}: ${left.reason} (first: ${left.example}).`,
      hint: numbers
        ? 'Say what the numbers mean with the option dates: unix, unix-ms or julian.'
        : `Mend them at the source, carry the column as text with the option text: ${where}, or allow a number of such rows with --max-quarantine N.`,
      where,
    });
  }
}

function describeType(type: LogicalType): string {
  switch (type.kind) {
    case 'integer':
    case 'float':
      return `${type.kind} of ${type.bits} bits`;
    case 'decimal':
      return type.precision === undefined ? 'decimal' : `decimal(${type.precision},${type.scale ?? 0})`;
    case 'text':
      return type.length === undefined ? 'text' : `text of at most ${type.length} characters`;
    case 'timestamp':
      return type.zone ? 'timestamp with time zone' : 'timestamp';
    case 'bytes':
    case 'boolean':
    case 'date':
    case 'time':
    case 'interval':
    case 'bits':
    case 'uuid':
    case 'json':
      return type.kind;
  }
}

/** As if the target did not compute it: every column is looked at. */
const withoutGenerated = (column: ColumnShape): ColumnShape => {
  const { generated: _computed, ...rest } = column;
  return rest;
};

function look(db: DatabaseSync, table: CatalogueTable, shape: TableShape, rows: number, options: SqliteOptions): Sight {
  const encoders = shape.columns.map((column) => createColumnEncoder(column, options.dates, 'as read'));
  const columns = shape.columns.map(() => ({
    numbers: 0,
    integers: 0,
    texts: 0,
    blobs: 0,
    misfits: 0,
    reason: '',
    code: '',
    example: '',
  }));
  const keyText = createKeyText({ ...shape, columns: shape.columns.map(withoutGenerated) }, options.dates);
  const writer = new RowWriter(64 * 1024);
  let looked = 0;
  let bytes = 0;
  for (const row of sampleRows(db, table, rows)) {
    looked++;
    bytes += 2;
    for (let i = 0; i < encoders.length; i++) {
      const value = row[i] ?? null;
      const seen = columns[i];
      if (!seen) continue;
      if (typeof value === 'string') seen.texts++;
      else if (value instanceof Uint8Array) seen.blobs++;
      else if (value !== null) seen.numbers++;
      if (typeof value === 'bigint') seen.integers++;
      const misfit = encoders[i]?.(value, writer);
      bytes += writer.bytes;
      writer.rewind(0, 0);
      if (!misfit || misfit === doubtful) continue;
      if (seen.misfits++ === 0) {
        Object.assign(seen, { reason: misfit.reason, code: misfit.code });
        const number = row.at(-1);
        seen.example = keyText(row) ?? JSON.stringify([typeof number === 'bigint' ? `rowid ${number}` : 'unknown']);
      }
    }
    if (bytes > sampledBytes) break;
  }
  return { rows: looked, bytesPerRow: looked === 0 ? 0 : bytes / looked, columns };
}

function* sampleRows(db: DatabaseSync, table: CatalogueTable, rows: number): Generator<readonly SqliteValue[]> {
  const names = table.shape.columns.map((column) => quoteName(column.name));
  if (table.rowid !== undefined) names.push(table.rowid);
  const select = `SELECT ${names.join(', ')} FROM ${quoteName(table.shape.name)}`;
  const run = function* (sql: string, ...values: bigint[]): Generator<readonly SqliteValue[]> {
    const statement = db.prepare(sql);
    statement.setReturnArrays(true);
    statement.setReadBigInts(true);
    for (const row of statement.iterate(...values)) yield row as unknown as SqliteValue[];
  };
  const { rowid } = table;
  if (rows <= allRows || rowid === undefined) {
    yield* run(`${select} LIMIT ${allRows}`);
    return;
  }
  const { low, high } = rowidBounds(db, table.shape.name, rowid);
  for (let i = 0; i < slices; i++) {
    const from = low + ((high - low) * BigInt(i)) / BigInt(slices);
    const to = low + ((high - low) * BigInt(i + 1)) / BigInt(slices);
    yield* run(`${select} WHERE ${rowid} >= ? AND ${rowid} < ? ORDER BY ${rowid} LIMIT ${sliceRows}`, from, to);
  }
}
