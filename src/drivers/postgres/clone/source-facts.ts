import type { Connection } from '../connection.ts';

/** What a target is compared with. */
export interface SourceFacts {
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
  /** Version of the system's rules for sorting, where the server tells. */
  readonly library: string | null;
  readonly schemas: readonly string[];
  readonly extensions: readonly { readonly name: string; readonly version: string }[];
  /** System collations that columns name. */
  readonly collations: readonly string[];
  readonly relations: number;
  readonly tableBytes: number;
  readonly indexBytes: number;
}

export async function readSourceFacts(
  connection: Connection,
  schemas: readonly string[] | undefined,
): Promise<SourceFacts> {
  const own = `n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', '_waybill') AND ($1::text[] IS NULL OR n.nspname = ANY ($1))`;
  const chosen = [schemas ?? null];
  const [database] = await connection.query<Pick<SourceFacts, 'encoding' | 'collate' | 'ctype' | 'library'>>(
    `SELECT current_setting('server_encoding') AS encoding, datcollate AS collate, datctype AS ctype,
       pg_collation_actual_version((SELECT oid FROM pg_collation WHERE collname = 'default')) AS library
     FROM pg_database WHERE datname = current_database()`,
  );
  const [sizes] = await connection.query<{ relations: number; tables: string; indexes: string }>(
    `SELECT count(*)::int AS relations,
       coalesce(sum(pg_table_size(c.oid)) FILTER (WHERE c.relkind IN ('r', 'm')), 0) AS tables,
       coalesce(sum(pg_indexes_size(c.oid)) FILTER (WHERE c.relkind IN ('r', 'm')), 0) AS indexes
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${own}`,
    chosen,
  );
  const names = await connection.query<{ name: string }>(
    `SELECT n.nspname AS name FROM pg_namespace n WHERE ${own} ORDER BY 1`,
    chosen,
  );
  // With chosen schemas only those extensions are made that something in them needs: the dump knows which.
  const extensions = schemas
    ? []
    : await connection.query<{ name: string; version: string }>(
        `SELECT extname AS name, extversion AS version FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1`,
      );
  const collations = await connection.query<{ name: string }>(
    `SELECT DISTINCT l.collname AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_collation l ON l.oid = a.attcollation
     WHERE ${own} AND l.collnamespace = 'pg_catalog'::regnamespace AND l.collname NOT IN ('default', 'C', 'POSIX') AND NOT a.attisdropped`,
    chosen,
  );
  return {
    encoding: database?.encoding ?? '',
    collate: database?.collate ?? '',
    ctype: database?.ctype ?? '',
    library: database?.library ?? null,
    schemas: names.map(({ name }) => name),
    extensions,
    collations: collations.map(({ name }) => name),
    relations: sizes?.relations ?? 0,
    tableBytes: Number(sizes?.tables ?? 0),
    indexBytes: Number(sizes?.indexes ?? 0),
  };
}
