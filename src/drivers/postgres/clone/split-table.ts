import type { Chunk, Item } from '../../../model/item.ts';
import type { Connection } from '../connection.ts';
import { tableSql } from './table-key.ts';

/** Since PostgreSQL 14 a range of pages is read without looking at the others. */
const readsPageRanges = 14;

/** Chunks of about `targetBytes`, by ranges of the table's pages; large values kept outside the pages count. The last
 *  range has no end, because tables grow. */
export async function splitTable(connection: Connection, item: Item, targetBytes: number): Promise<readonly Chunk[]> {
  const whole: Chunk = { id: 'all', bytes: item.bytes, ...(item.rows !== undefined && { rows: item.rows }) };
  if (item.bytes <= targetBytes) return [whole];
  const [facts] = await connection.query<{ pages: string; bytes: string; heap: boolean; version: number }>(
    `SELECT ${tableBytes('c')} AS bytes, pg_relation_size(c.oid) / current_setting('block_size')::bigint AS pages, a.amname = 'heap' AS heap,
            current_setting('server_version_num')::int / 10000 AS version
     FROM pg_class c LEFT JOIN pg_am a ON a.oid = c.relam WHERE c.oid = to_regclass($1)`,
    [tableSql(item.key)],
  );
  if (!facts?.heap || facts.version < readsPageRanges) return [whole];
  const pages = Number(facts.pages);
  const step = pagesPerChunk(pages, Number(facts.bytes), targetBytes);
  const chunks: Chunk[] = [];
  for (let from = 0; from === 0 || from < pages; from += step) {
    const share = Math.min(step, pages - from) / Math.max(1, pages);
    const last = from + step >= pages;
    chunks.push({
      id: `pages ${from}-${last ? '' : from + step}`,
      bytes: Math.round(item.bytes * share),
      ...(item.rows !== undefined && { rows: Math.round(item.rows * share) }),
    });
  }
  return chunks;
}

/** Rows and the large values kept outside, without what the server keeps beside for itself. */
export const tableBytes = (c: string): string =>
  `pg_relation_size(${c}.oid) + CASE ${c}.reltoastrelid WHEN 0 THEN 0 ELSE pg_relation_size(${c}.reltoastrelid) END`;

/** A power of two, so that a table that grew a little is cut at the same places by a later run. */
function pagesPerChunk(pages: number, bytes: number, targetBytes: number): number {
  const wished = (targetBytes * pages) / Math.max(1, bytes);
  return 2 ** Math.max(0, Math.min(31, Math.round(Math.log2(wished))));
}

/** The rows of a chunk, as a condition; undefined for all of them. */
export function pagesCondition(chunk: string): string | undefined {
  const [, from, to] = /^pages (\d+)-(\d*)$/.exec(chunk) ?? [];
  if (from === undefined) return undefined;
  const end = to === undefined || to === '' ? '' : ` AND ctid < '(${to},0)'::tid`;
  return `ctid >= '(${from},0)'::tid${end}`;
}
