import type { Connection } from '../connection.ts';
import { workSchema } from '../ledger.ts';
import type { Scope } from './scope.ts';

/** A table that holds rows itself (a partitioned table's rows are its partitions'). */
export interface SourceTable {
  readonly schema: string;
  readonly table: string;
  readonly key: string;
  /** p: permanent, u: unlogged. */
  readonly persistence: string;
  /** The highest partitioned table that this is a part of, as `schema.table`. */
  readonly root: { readonly schema: string; readonly table: string } | undefined;
  /** Columns that tell one row from another in changes; undefined: none do; empty: the whole row does. */
  readonly identity: readonly string[] | undefined;
  readonly owned: boolean;
  /** Columns, types and keys in words, to tell that they changed. */
  readonly definition: string;
  readonly indexes: string;
}

interface Row {
  readonly schema: string;
  readonly table: string;
  readonly persistence: string;
  readonly replident: string;
  readonly identity: string[] | null;
  readonly root_schema: string | null;
  readonly root_table: string | null;
  readonly owned: boolean;
  readonly definition: string;
  readonly indexes: string | null;
}

const text = `
  SELECT n.nspname AS schema, c.relname AS table, c.relpersistence AS persistence, c.relreplident AS replident,
         (SELECT array_agg(a.attname::text ORDER BY k.at)
          FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, at), pg_attribute a
          WHERE i.indrelid = c.oid AND a.attrelid = c.oid AND a.attnum = k.attnum AND k.at <= i.indnkeyatts
            AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END) AS identity,
         rn.nspname AS root_schema, r.relname AS root_table,
         pg_has_role(c.relowner, 'USAGE') AS owned,
         (SELECT coalesce(string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
                   || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END, ', ' ORDER BY a.attnum), '')
          FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
         || coalesce('; key ' || (SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k
                                  WHERE k.conrelid = c.oid AND k.contype = 'p'), '')
         || '; identity ' || c.relreplident::text AS definition,
         (SELECT string_agg(x.relname, ', ' ORDER BY x.relname) FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
          WHERE i.indrelid = c.oid AND i.indisvalid) AS indexes
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_class r ON c.relispartition AND r.oid = pg_partition_root(c.oid)
    LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
  WHERE c.relkind = 'r' AND c.relpersistence <> 't'
    AND CASE WHEN $1::text IS NULL THEN n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '${workSchema}')
             ELSE n.nspname = ANY (regexp_split_to_array($1, '\\s*,\\s*')) END
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  ORDER BY 1, 2`;

export async function sourceTables(connection: Connection, scope: Scope): Promise<readonly SourceTable[]> {
  const rows = await connection.query<Row & Record<string, unknown>>(text, [scope.schema ?? null]);
  return rows
    .map((row) => ({
      schema: row.schema,
      table: row.table,
      key: `${row.schema}.${row.table}`,
      persistence: row.persistence,
      root:
        row.root_schema === null || row.root_table === null
          ? undefined
          : { schema: row.root_schema, table: row.root_table },
      identity: row.replident === 'f' ? [] : (row.identity ?? undefined),
      owned: row.owned,
      definition: row.definition,
      indexes: row.indexes ?? '',
    }))
    .filter(({ key }) => scope.carries(key));
}

export type Definitions = Readonly<Record<string, string>>;

export const definitionsOf = (tables: readonly SourceTable[]): Definitions =>
  Object.fromEntries(tables.map(({ key, definition }) => [key, definition]));

export const indexesOf = (tables: readonly SourceTable[]): Definitions =>
  Object.fromEntries(tables.map(({ key, indexes }) => [key, indexes]));

/** What became of the tables between two looks, in words. */
export function alterations(before: Definitions, now: Definitions): readonly string[] {
  const gone = Object.keys(before).filter((key) => !(key in now));
  const words = gone.map((key) => `table ${key} was dropped or renamed`);
  for (const [key, definition] of Object.entries(now)) {
    const old = before[key];
    if (old === undefined) words.push(`table ${key} was created`);
    else if (old !== definition) words.push(`table ${key} was altered (${difference(old, definition)})`);
  }
  return words;
}

function difference(before: string, now: string): string {
  const [old, fresh] = [before, now].map((text) => text.split(/, |; /));
  const less = old?.filter((part) => !fresh?.includes(part)) ?? [];
  const more = fresh?.filter((part) => !old?.includes(part)) ?? [];
  return (
    [...less.map((part) => `no longer ${part}`), ...more.map((part) => `now ${part}`)].join(', ') || 'order of columns'
  );
}
