import { rowsDigest } from '../../../model/digest.ts';
import type { Item } from '../../../model/item.ts';
import type { TableShape } from '../../../model/shape.ts';
import type { BucketDigests, ItemDigest, RowPrint } from '../../../store/store.ts';
import type { Connection } from '../connection.ts';
import { quoteName } from '../names.ts';
import { readTableHash } from './field-sql.ts';
import { tableSql } from './table-key.ts';

const rowsAtOnce = 1000;

/** Rows of one table that a server hashes itself. */
export interface HashedRows {
  readonly item: Item;
  readonly as: TableShape;
  /** SQL; undefined: all rows. */
  readonly condition: string | undefined;
}

export async function digestRows(connection: Connection, rows: HashedRows): Promise<ItemDigest> {
  const table = tableSql(rows.item.key);
  const hash = await readTableHash(connection, table, rows.as);
  const [sums] = await connection.query<{ rows: string; sum: string | null; bytes: string }>(
    `SELECT count(*) AS rows, sum(${hash.row}) AS sum, pg_table_size($1::regclass) AS bytes FROM ONLY ${table} ${where(rows.condition)}`,
    [table],
  );
  return { rows: Number(sums?.rows), bytes: Number(sums?.bytes), digest: rowsDigest(BigInt(sums?.sum ?? '0')) };
}

export async function bucketsOf(connection: Connection, rows: HashedRows, buckets: number): Promise<BucketDigests> {
  const table = tableSql(rows.item.key);
  const hash = await readTableHash(connection, table, rows.as);
  const found = await connection.query<{ bucket: string; rows: string; sum: string }>(
    `SELECT ${hash.key} & ${buckets - 1} AS bucket, count(*) AS rows, sum(${hash.row}) AS sum
     FROM ONLY ${table} ${where(rows.condition)} GROUP BY 1`,
  );
  const result = { rows: new Float64Array(buckets), sums: new BigUint64Array(buckets) };
  for (const row of found) {
    result.rows[Number(row.bucket)] = Number(row.rows);
    result.sums[Number(row.bucket)] = BigInt.asUintN(64, BigInt(row.sum));
  }
  return result;
}

/** One print per row of the wanted buckets, from a cursor: memory does not grow with the table. */
export async function* printsOf(
  connection: Connection,
  rows: HashedRows,
  buckets: number,
  wanted: ReadonlySet<number>,
): AsyncGenerator<readonly RowPrint[]> {
  const table = tableSql(rows.item.key);
  const hash = await readTableHash(connection, table, rows.as);
  const key = rows.as.primaryKey;
  const texts = key.map((name, at) => `, ${quoteName(name)}::text AS k${at}`).join('');
  const inBuckets =
    wanted.size === buckets ? undefined : `${hash.key} & ${buckets - 1} IN (${[...wanted].join(', ') || 'NULL'})`;
  await connection.run(
    `DECLARE prints NO SCROLL CURSOR FOR SELECT ${hash.row} AS hash${texts} FROM ONLY ${table} ${where(rows.condition, inBuckets)}`,
  );
  for (;;) {
    const page = await connection.query<Record<string, string>>(`FETCH ${rowsAtOnce} FROM prints`);
    if (page.length === 0) break;
    yield page.map((row) => {
      const value = BigInt.asUintN(64, BigInt(row['hash'] ?? '0'));
      const parts = key.map((_, at) => row[`k${at}`]);
      return {
        key: JSON.stringify(key.length > 0 ? parts : [`#${value.toString(16).padStart(16, '0')}`]),
        hash: value,
      };
    });
  }
  await connection.run('CLOSE prints');
}

/** `WHERE` with those of the conditions that are there. */
export function where(...conditions: readonly (string | undefined)[]): string {
  const all = conditions.filter((condition) => condition !== undefined).map((condition) => `(${condition})`);
  return all.length === 0 ? '' : `WHERE ${all.join(' AND ')}`;
}
