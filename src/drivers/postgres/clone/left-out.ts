import type { Finding } from '../../../model/finding.ts';
import type { KeyFilter } from '../../../store/item-filter.ts';
import type { Connection } from '../connection.ts';
import { tableKey } from './table-key.ts';

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
  superuser: boolean,
): Promise<LeftOut> {
  const relations = await connection.query<{ oid: string; schema: string; name: string; table: boolean }>(
    `SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind IN ('r', 'p') AS table
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', '_waybill')
       AND ($1::text[] IS NULL OR n.nspname = ANY ($1))`,
    [schemas ?? null],
  );
  const wanted = (row: { readonly schema: string; readonly name: string; readonly table: boolean }) =>
    row.table ? filter.carries(tableKey(row.schema, row.name)) : !filter.excludes(tableKey(row.schema, row.name));
  const seeds = relations.filter((row) => !wanted(row)).map(({ oid }) => oid);
  const reserved = superuser ? [] : await connection.query<ReservedRow>(reservedSql, [schemas ?? null]);
  if (seeds.length + reserved.length === 0 && schemas === undefined) return nothingLeftOut;
  const rows = await connection.query<GoneRow>(goneSql, [
    seeds,
    schemas ?? null,
    reserved.map(({ catalogue }) => catalogue),
    reserved.map(({ oid }) => oid),
  ]);
  return {
    objects: new Set(rows.map(({ catalogue, oid }) => `${catalogue} ${oid}`)),
    relations: rows.flatMap(({ schema, name }) => (schema !== null && name !== null ? [{ schema, name }] : [])),
    findings: [
      ...reserved.map(reservedFinding),
      ...rows.filter(({ part, chosen }) => !part && !chosen).flatMap(findingOf),
    ],
  };
}

interface ReservedRow {
  readonly catalogue: string;
  readonly oid: string;
  readonly identity: string;
}

/** What only a superuser may create. */
const reservedSql = `
  SELECT o.classid AS catalogue, o.oid, i.type || ' ' || i.identity AS identity FROM (
    SELECT 'pg_event_trigger'::regclass::oid AS classid, oid FROM pg_event_trigger WHERE $1::text[] IS NULL
    UNION ALL SELECT 'pg_publication'::regclass, oid FROM pg_publication WHERE puballtables AND $1::text[] IS NULL
    UNION ALL SELECT 'pg_proc'::regclass, p.oid FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE NOT l.lanpltrusted AND p.prokind <> 'a' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND ($1::text[] IS NULL OR n.nspname = ANY ($1))
    UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast WHERE oid >= 16384 AND castmethod = 'b') o,
    LATERAL pg_identify_object(o.classid, o.oid, 0) i
  WHERE NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = o.classid AND e.objid = o.oid AND e.deptype IN ('e', 'i')) ORDER BY 3`;

const reservedFinding = ({ identity }: ReservedRow): Finding => ({
  level: 'warning',
  code: 'store.denied',
  message: `Left out, because only a superuser may create it at the target: ${identity}.`,
  hint: 'Connect to the target as a superuser, or have one create it when the clone is done.',
  where: identity,
});

/** $1: relations that are not wanted; $2: schemas that are, or null for all; $3 and $4: other rows. */
const goneSql = `
  WITH RECURSIVE gone(classid, objid, part, chosen) AS (
    SELECT 'pg_class'::regclass::oid, oid, false, true FROM unnest($1::oid[]) oid
    UNION
    SELECT classid, objid, false, true FROM unnest($3::oid[], $4::oid[]) r(classid, objid)
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
