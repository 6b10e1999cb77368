import { rowsDigest } from '../../model/digest.ts';
import type { TableShape } from '../../model/shape.ts';
import type { BucketDigests, ItemDigest, RowPrint } from '../../store/store.ts';
import type { Connection } from './connection.ts';
import { qualified, quoteName } from './names.ts';
import { keyColumns, keyHashSql, rowHashSql } from './row-sql.ts';

const rowsAtOnce = 1000;

/** Counts and hashes a table's rows at the server. */
export async function digestTable(
  connection: Connection,
  schema: string,
  table: string,
  as: TableShape,
): Promise<ItemDigest> {
  const [row] = await connection.query<{ rows: string; sum: string | null; bytes: string }>(
    `SELECT count(*) AS rows, sum(${rowHashSql(as)}) AS sum, pg_table_size($1::regclass) AS bytes FROM ${qualified(schema, table)}`,
    [qualified(schema, table)],
  );
  return { rows: Number(row?.rows), bytes: Number(row?.bytes), digest: rowsDigest(BigInt(row?.sum ?? '0')) };
}

export async function bucketDigestsOf(
  connection: Connection,
  schema: string,
  table: string,
  as: TableShape,
  buckets: number,
): Promise<BucketDigests> {
  const found = await connection.query<{ bucket: string; rows: string; sum: string }>(
    `SELECT bucket, count(*) AS rows, sum(hash) AS sum
     FROM (SELECT ${keyHashSql(as)} & ${buckets - 1} AS bucket, ${rowHashSql(as)} AS hash FROM ${qualified(schema, table)}) r
     GROUP BY bucket`,
  );
  const rows = new Float64Array(buckets);
  const sums = new BigUint64Array(buckets);
  for (const row of found) {
    rows[Number(row.bucket)] = Number(row.rows);
    sums[Number(row.bucket)] = BigInt.asUintN(64, BigInt(row.sum));
  }
  return { rows, sums };
}

/** Streams one print per row of the wanted buckets, from a cursor: memory does not grow with the table. The caller
 *  holds the transaction. */
export async function* rowPrintsOf(
  connection: Connection,
  schema: string,
  table: string,
  as: TableShape,
  buckets: number,
  wanted: ReadonlySet<number>,
): AsyncGenerator<readonly RowPrint[]> {
  const key = keyColumns(as);
  const texts = key.map(({ name }, at) => `, ${quoteName(name)}::text AS k${at}`).join('');
  const condition =
    wanted.size === buckets ? '' : `WHERE ${keyHashSql(as)} & ${buckets - 1} IN (${[...wanted].join(', ') || 'NULL'})`;
  await connection.run(
    `DECLARE prints NO SCROLL CURSOR FOR SELECT ${rowHashSql(as)} AS hash${texts} FROM ${qualified(schema, table)} ${condition}`,
  );
  for (;;) {
    const page = await connection.query<Record<string, string>>(`FETCH ${rowsAtOnce} FROM prints`);
    if (page.length === 0) break;
    yield page.map((row) => {
      const hash = BigInt.asUintN(64, BigInt(row['hash'] ?? '0'));
      const parts = key.map((_, at) => row[`k${at}`]);
      return { key: JSON.stringify(key.length > 0 ? parts : [`#${hash.toString(16).padStart(16, '0')}`]), hash };
    });
  }
  await connection.run('CLOSE prints');
}
