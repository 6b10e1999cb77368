import { carriedColumns, type TableShape } from '../../../model/shape.ts';
import type { Connection } from '../connection.ts';
import { quoteLiteral, quoteName } from '../names.ts';

/** How a server computes the hashes of a table's rows. */
export interface TableHash {
  /** The row's hash, as bigint. */
  readonly row: string;
  /** The hash that decides the row's bucket. */
  readonly key: string;
}

interface FieldRow {
  readonly name: string;
  readonly base: string;
  readonly domain: boolean;
  readonly send: string;
  readonly output: string;
}

/** The bytes of a field as COPY sends them come from the functions that COPY itself calls: they are looked up by each
 *  server, because a type may be its own. Binary: the send function. Text: what the output function prints. */
export async function readTableHash(connection: Connection, table: string, shape: TableShape): Promise<TableHash> {
  const rows = await connection.query<FieldRow>(
    `SELECT a.attname AS name, b.typtype, format_type(b.oid, NULL) AS base, b.oid <> t.oid AS domain,
            format('%I.%I', sn.nspname, s.proname) AS send, format('%I.%I', o_n.nspname, o.proname) AS output
     FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
       JOIN LATERAL (WITH RECURSIVE d AS (SELECT t.oid, t.typtype, t.typbasetype UNION ALL
              SELECT n.oid, n.typtype, n.typbasetype FROM d JOIN pg_type n ON n.oid = d.typbasetype WHERE d.typtype = 'd')
              SELECT oid FROM d WHERE typtype <> 'd') leaf ON true
       JOIN pg_type b ON b.oid = leaf.oid
       LEFT JOIN pg_proc s ON s.oid = b.typsend LEFT JOIN pg_namespace sn ON sn.oid = s.pronamespace
       JOIN pg_proc o ON o.oid = b.typoutput JOIN pg_namespace o_n ON o_n.oid = o.pronamespace
     WHERE a.attrelid = ${quoteLiteral(table)}::regclass AND a.attnum > 0 AND NOT a.attisdropped`,
  );
  const fields = new Map(rows.map((row) => [row.name, bytesSql(row, shape.text === true)]));
  const hash = (names: readonly string[]): string => {
    const bytes = names.map((name) => fields.get(name) ?? 'NULL');
    return `hash_array_extended(ARRAY[int8send(hash_array_extended(ARRAY[${bytes.join(', ')}]::bytea[], 0))], 0)`;
  };
  const carried = carriedColumns(shape).map(({ name }) => name);
  const key = shape.primaryKey.every((name) => carried.includes(name)) ? shape.primaryKey : [];
  return { row: hash(carried), key: hash(key.length > 0 ? key : carried) };
}

function bytesSql({ name, base, domain, send, output }: FieldRow, text: boolean): string {
  const value = domain ? `${quoteName(name)}::${base}` : quoteName(name);
  return text ? `textsend(textin(${output}(${value})))` : `${send}(${value})`;
}
