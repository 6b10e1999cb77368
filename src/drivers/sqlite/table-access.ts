import type { DatabaseSync } from 'node:sqlite';
import { MigrationError } from '../../model/migration-error.ts';
import type { SqliteValue } from './column-encoder.ts';
import { quoteName } from './sql-names.ts';

/** How the rows of a table are reached in an order: by row number, by the key of a WITHOUT ROWID table, or only as a
 *  whole. */
export type TableAccess =
  | { readonly by: 'rowid'; readonly rowid: string }
  | { readonly by: 'key'; readonly columns: readonly string[] }
  | { readonly by: 'scan' };

export function tableAccess(db: DatabaseSync, table: string): TableAccess {
  const known = db.prepare("SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?").get(table);
  if (!known) {
    throw new MigrationError('source.moved', `Table ${table} is no longer in the database.`, { where: table });
  }
  const columns = db.prepare('SELECT name FROM pragma_table_xinfo(?)').all(table);
  if (known['wr'] !== 1) {
    const taken = new Set(columns.map((column) => String(column['name']).toLowerCase()));
    const rowid = ['rowid', '_rowid_', 'oid'].find((name) => !taken.has(name));
    return rowid === undefined ? { by: 'scan' } : { by: 'rowid', rowid };
  }
  const index = db.prepare("SELECT name FROM pragma_index_list(?) WHERE origin = 'pk'").get(table);
  const key = db
    .prepare('SELECT name, "desc" FROM pragma_index_xinfo(?) WHERE key = 1 ORDER BY seqno')
    .all(index?.['name'] ?? null);
  // Comparison of row values follows the index only where all its columns ascend.
  if (key.length === 0 || key.some((column) => column['desc'] !== 0)) return { by: 'scan' };
  return { by: 'key', columns: key.map((column) => String(column['name'])) };
}

/** A value of a key as text that survives JSON, with its type in front. */
export function boundText(value: SqliteValue): string {
  if (value === null) return 'n';
  if (typeof value === 'string') return `t${value}`;
  if (typeof value === 'bigint') return `i${value}`;
  return typeof value === 'number' ? `r${value}` : `b${Buffer.from(value).toString('hex')}`;
}

export function boundValue(text: string): SqliteValue {
  const rest = text.slice(1);
  switch (text.charAt(0)) {
    case 't':
      return rest;
    case 'i':
      return BigInt(rest);
    case 'r':
      return Number(rest);
    case 'b':
      return Buffer.from(rest, 'hex');
    default:
      return null;
  }
}

export const lowestRowid = -(2n ** 63n);
export const highestRowid = 2n ** 63n - 1n;

/** Rows per statement: enough to hide its cost, few enough that wide rows do not fill memory. */
const mostSliceRows = 512;
const sliceBytes = 256 * 1024;

export const sliceRows = (bytesPerRow: number): number =>
  Math.max(1, Math.min(mostSliceRows, Math.floor(sliceBytes / Math.max(1, bytesPerRow))));

export const keyCondition = (columns: readonly string[], operator: '>=' | '<'): string =>
  `(${columns.map(quoteName).join(', ')}) ${operator} (${columns.map(() => '?').join(', ')})`;

/** Lowest and highest row number of a table that has rows. Each has its own query: SQLite looks up a single min or max,
 *  and reads the whole table for two. */
export function rowidBounds(
  db: DatabaseSync,
  table: string,
  rowid: string,
): { readonly low: bigint; readonly high: bigint } {
  const [low, high] = ['min', 'max'].map((end) => {
    const query = db.prepare(`SELECT ${end}(${rowid}) AS n FROM ${quoteName(table)}`);
    query.setReadBigInts(true);
    return query.get()?.['n'] as bigint;
  });
  return { low: low ?? 0n, high: high ?? 0n };
}
