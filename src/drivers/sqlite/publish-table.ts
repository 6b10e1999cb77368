import type { DatabaseSync } from 'node:sqlite';
import { MigrationError } from '../../model/migration-error.ts';
import { carriedColumns, type LogicalType, type TableShape } from '../../model/shape.ts';
import { createRowMarker } from '../../store/rows/row-digest.ts';
import { keyColumns } from '../../store/rows/row-key.ts';
import { RowWriter } from '../../store/rows/row-writer.ts';
import type { DraftOptions } from '../../store/store.ts';
import type { SqliteValue } from './column-encoder.ts';
import { hasTable } from './ledger.ts';
import { prepareChange } from './prepare-change.ts';
import { createRowEncoder } from './row-encoder.ts';
import { quoteName } from './sql-names.ts';

/** Puts a filled staging table in its place, within the caller's transaction. */
export function publishTable(db: DatabaseSync, staging: string, shape: TableShape, options: DraftOptions): void {
  const { name } = shape;
  const exists = hasTable(db, name);
  if (exists && options.into === 'empty') {
    throw new MigrationError('target.not-empty', `Table ${name} was made at the target while the run went on.`, {
      where: name,
    });
  }
  if (!exists || options.into === 'replace') {
    if (exists) db.exec(`DROP TABLE ${quoteName(name)}`);
    db.exec(`ALTER TABLE ${quoteName(staging)} RENAME TO ${quoteName(name)}`);
  } else {
    if (options.into === 'merge') removeRows(db, shape, options.removeKeys ?? []);
    db.exec(options.into === 'merge' ? mergeSql(staging, shape) : appendSql(staging, shape));
    db.exec(`DROP TABLE ${quoteName(staging)}`);
  }
  setNextNumber(db, shape);
}

function appendSql(staging: string, shape: TableShape): string {
  const names = carriedColumns(shape)
    .map((column) => quoteName(column.name))
    .join(', ');
  return `INSERT INTO ${quoteName(shape.name)} (${names}) SELECT ${names} FROM ${quoteName(staging)}`;
}

function mergeSql(staging: string, shape: TableShape): string {
  if (shape.primaryKey.length === 0) return appendSql(staging, shape);
  const others = carriedColumns(shape).filter((column) => !shape.primaryKey.includes(column.name));
  const sets = others.map(({ name }) => `${quoteName(name)} = excluded.${quoteName(name)}`);
  const key = shape.primaryKey.map(quoteName).join(', ');
  // WHERE true keeps the parser from taking ON for the condition of a join.
  return `${appendSql(staging, shape)} WHERE true ON CONFLICT (${key}) DO ${sets.length > 0 ? `UPDATE SET ${sets.join(', ')}` : 'NOTHING'}`;
}

/** AUTOINCREMENT goes on from where the source stood, if that is further than the rows here. */
function setNextNumber(db: DatabaseSync, shape: TableShape): void {
  const identity = shape.columns.find((column) => column.identity)?.identity;
  if (!identity || !hasTable(db, 'sqlite_sequence')) return;
  const last = BigInt(identity.next) - 1n;
  const known = db.prepare('SELECT 1 FROM sqlite_sequence WHERE name = ?').get(shape.name);
  if (known) prepareChange(db, 'UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?').run(last, shape.name);
  else if (last > 0n) prepareChange(db, 'INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)').run(shape.name, last);
}

function removeRows(db: DatabaseSync, shape: TableShape, keys: readonly string[]): void {
  if (keys.length === 0) return;
  const carried = carriedColumns(shape);
  const key = keyColumns(shape).flatMap((position) => carried[position] ?? []);
  if (key.length === 0) {
    removeByHash(db, shape, keys);
    return;
  }
  const conditions = key.map((column) => `${quoteName(column.name)} IS ?`).join(' AND ');
  const remove = prepareChange(db, `DELETE FROM ${quoteName(shape.name)} WHERE ${conditions}`);
  for (const text of keys) {
    const parts = JSON.parse(text) as (string | null)[];
    remove.run(...key.map((column, i) => valueOfText(column.type, parts[i] ?? null)));
  }
}

/** A value from its canonical text, as this driver stores it. */
function valueOfText(type: LogicalType, text: string | null): SqliteValue {
  if (text === null) return null;
  switch (type.kind) {
    case 'integer':
      return BigInt(text);
    case 'float':
      return Number(text);
    case 'boolean':
      return text === 't' ? 1 : 0;
    case 'bytes':
      return Buffer.from(text.slice(2), 'hex');
    case 'decimal':
    case 'text':
    case 'date':
    case 'time':
    case 'timestamp':
    case 'interval':
    case 'bits':
    case 'uuid':
    case 'json':
      return text;
  }
}

/** Rows of a table without key are named by their hash; of equal rows, as many go as keys name. */
function removeByHash(db: DatabaseSync, shape: TableShape, keys: readonly string[]): void {
  const left = new Map<string, number>();
  for (const key of keys) left.set(key, (left.get(key) ?? 0) + 1);
  const encoder = createRowEncoder(shape, shape, 'iso');
  const marker = createRowMarker(encoder.columns.length, []);
  const select = db.prepare(`SELECT ${encoder.carefulList}, rowid FROM ${quoteName(shape.name)}`);
  select.setReturnArrays(true);
  select.setReadBigInts(true);
  const doomed: bigint[] = [];
  const writer = new RowWriter(4096);
  for (const row of select.iterate() as Iterable<unknown> as Iterable<SqliteValue[]>) {
    if (encoder.careful(row, writer)) continue;
    const hash = marker.mark(writer.take()).hash(0);
    const key = JSON.stringify([`#${hash.toString(16).padStart(16, '0')}`]);
    const count = left.get(key) ?? 0;
    if (count === 0) continue;
    left.set(key, count - 1);
    doomed.push(row.at(-1) as bigint);
  }
  const remove = prepareChange(db, `DELETE FROM ${quoteName(shape.name)} WHERE rowid = ?`);
  for (const rowid of doomed) remove.run(rowid);
}
