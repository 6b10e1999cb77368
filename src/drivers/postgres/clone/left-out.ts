import type { Finding } from '../../../model/finding.ts';
import type { KeyFilter } from '../../../store/item-filter.ts';
import type { Connection } from '../connection.ts';
import { tableKey } from './object-keys.ts';

export interface LeftOut {
  /** Catalogue rows (`1259 16385`). */
  readonly objects: ReadonlySet<string>;
  /** Relations among them. */
  readonly relations: readonly { readonly schema: string; readonly name: string }[];
  readonly findings: readonly Finding[];
}

export const nothingLeftOut: LeftOut = { objects: new Set(), relations: [], findings: [] };

interface GoneRow {
  readonly catalogue: string;
  readonly oid: string;
  /** It is part of something that is left out; else it only refers to it. */
  readonly part: boolean;
  readonly chosen: boolean;
  readonly type: string;
  readonly identity: string;
  readonly schema: string | null;
  readonly name: string | null;
  readonly constraint: string | null;
}

/** What the shipment does not carry: schemas that were not chosen, tables that the patterns leave out, and whatever
 *  belongs to them or cannot be without them, by the server's own dependencies. */
export async function leftOutOf(
  connection: Connection,
  schemas: readonly string[] | undefined,
  filter: KeyFilter,
): Promise<LeftOut> {
  const relations = await connection.query<{ oid: string; schema: string; name: string; table: boolean }>(
    `SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind IN ('r', 'p') AS table
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', '_waybill')
       AND ($1::text[] IS NULL OR n.nspname = ANY ($1))`,
    [schemas ?? null],
  );
  const wanted = (row: { readonly schema: string; readonly name: string; readonly table: boolean }) =>
    row.table ? filter.carries(tableKey(row)) : !filter.excludes(tableKey(row));
  const seeds = relations.filter((row) => !wanted(row)).map(({ oid }) => oid);
  if (seeds.length === 0 && schemas === undefined) return nothingLeftOut;
  const rows = await connection.query<GoneRow>(goneSql, [seeds, schemas ?? null]);
  return {
    objects: new Set(rows.map(({ catalogue, oid }) => `${catalogue} ${oid}`)),
    relations: rows.flatMap(({ schema, name }) => (schema !== null && name !== null ? [{ schema, name }] : [])),
    findings: rows.filter(({ part, chosen }) => !part && !chosen).flatMap(findingOf),
  };
}

/** $1: relations that are not wanted; $2: schemas that are, or null for all. */
const goneSql = `
  WITH RECURSIVE gone(classid, objid, part, chosen) AS (
    SELECT 'pg_class'::regclass::oid, oid, false, true FROM unnest($1::oid[]) oid
    UNION
    SELECT 'pg_namespace'::regclass::oid, oid, false, true FROM pg_namespace
    WHERE nspname <> ALL ($2) AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
    UNION
    SELECT CASE WHEN v.oid IS NULL THEN d.classid ELSE 'pg_class'::regclass END, coalesce(v.oid, d.objid),
           d.deptype <> 'n' OR d.refclassid = 'pg_namespace'::regclass, false
    FROM gone g JOIN pg_depend d ON d.refclassid = g.classid AND d.refobjid = g.objid
      LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
      LEFT JOIN pg_class v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm')
    WHERE v.oid IS DISTINCT FROM g.objid AND d.deptype <> 'e' AND d.classid <> 'pg_extension'::regclass)
  SELECT g.classid AS catalogue, g.objid AS oid, bool_or(g.part) AS part, bool_or(g.chosen) AS chosen,
    max(i.type) AS type, max(i.identity) AS identity, max(n.nspname) AS schema, max(c.relname) AS name, max(k.contype::text) AS constraint
  FROM gone g CROSS JOIN LATERAL pg_identify_object(g.classid, g.objid, 0) i
    LEFT JOIN pg_class c ON g.classid = 'pg_class'::regclass AND c.oid = g.objid AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_constraint k ON g.classid = 'pg_constraint'::regclass AND k.oid = g.objid
  GROUP BY 1, 2 ORDER BY 5, 6`;

function findingOf({ type, identity, constraint }: GoneRow): Finding[] {
  if (['rule', 'toast table', 'index', 'publication relation', 'publication namespace'].includes(type)) return [];
  const what = `${type === 'table constraint' ? 'constraint' : type} ${identity}`;
  // These are part of their table's definition and cannot be taken out of it.
  const needed = type === 'default value' || constraint === 'c';
  return [
    {
      level: needed ? 'error' : 'warning',
      code: 'store.unsupported',
      message: needed
        ? `The ${what} needs what the shipment leaves out.`
        : `Left out, because it needs what the shipment leaves out: ${what}.`,
      hint: 'Carry what it needs as well (see include, exclude and ?schema=), or do without it.',
      where: identity,
    },
  ];
}
