import type pg from 'pg';

/** Rows of the user's own objects: not the system's, not an extension's, not Waybill's. */
const own = (catalogue: string, oid: string, namespace: string): string =>
  `${namespace} NOT IN (SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg\\_%' OR nspname IN ('information_schema', '_waybill'))
   AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = '${catalogue}'::regclass AND e.objid = ${oid} AND e.deptype = 'e')`;

/** One line per thing, in words that do not depend on oids. `%own` stands for the condition above. */
const questions: Readonly<Record<string, string>> = {
  schema: `SELECT n.nspname FROM pg_namespace n WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', '_waybill')`,
  extension: `SELECT e.extname || ' in ' || e.extnamespace::regnamespace FROM pg_extension e`,
  relation: `SELECT c.oid::regclass || ' ' || c.relkind::text || ' ' || c.relpersistence::text || ' replica ' || c.relreplident::text || ' security '
      || c.relrowsecurity || c.relforcerowsecurity || ' populated ' || c.relispopulated || coalesce(' options ' || c.reloptions::text, '')
      || coalesce(' part ' || pg_get_expr(c.relpartbound, c.oid), '') || coalesce(' by ' || pg_get_partkeydef(c.oid), '')
      || coalesce(' of type ' || nullif(c.reloftype, 0)::regtype, '') || coalesce(' access ' || am.amname, '')
    FROM pg_class c LEFT JOIN pg_am am ON am.oid = c.relam AND c.relkind <> 'p' WHERE c.relkind <> 'i' AND c.relkind <> 'I' AND ${own('pg_class', 'c.oid', 'c.relnamespace')} AND c.relkind <> 't'`,
  parent: `SELECT i.inhrelid::regclass || ' of ' || i.inhparent::regclass || ' ' || i.inhseqno FROM pg_inherits i`,
  column: `SELECT c.oid::regclass || ' ' || row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum) || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
      || ' notnull ' || a.attnotnull || ' identity ' || CASE WHEN c.relispartition THEN '' ELSE a.attidentity::text END || ' generated ' || a.attgenerated::text || ' storage ' || a.attstorage::text || ' compression ' || a.attcompression::text
      || ' statistics ' || coalesce(nullif(a.attstattarget, -1), -1) || ' local ' || a.attislocal
      || coalesce(' collate ' || co.collname, '') || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') || coalesce(' options ' || (SELECT string_agg(o, ',') FROM unnest(a.attoptions) o WHERE o NOT LIKE 'pg\\_%'), '')
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum LEFT JOIN pg_collation co ON co.oid = a.attcollation
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c', 'i', 'I') AND ${own('pg_class', 'c.oid', 'c.relnamespace')}`,
  constraint: `SELECT coalesce(nullif(k.conrelid, 0)::regclass::text, k.contypid::regtype::text) || ' ' || k.conname || ' ' || pg_get_constraintdef(k.oid)
      || ' valid ' || k.convalidated || ' local ' || k.conislocal || ' ' || k.coninhcount || coalesce(' part of ' || p.conname, '') || ' index ' || coalesce(nullif(k.conindid, 0)::regclass::text, '')
    FROM pg_constraint k LEFT JOIN pg_constraint p ON p.oid = k.conparentid WHERE k.contype NOT IN ('n', 't') AND p.conrelid IS DISTINCT FROM k.conrelid AND ${own('pg_constraint', 'k.oid', 'k.connamespace')}`,
  index: `SELECT pg_get_indexdef(i.indexrelid) || ' valid ' || i.indisvalid || ' primary ' || i.indisprimary || ' clustered ' || i.indisclustered || ' replica ' || i.indisreplident || ' immediate ' || i.indimmediate
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE ${own('pg_class', 'c.oid', 'c.relnamespace')}`,
  view: `SELECT c.oid::regclass || ' ' || pg_get_viewdef(c.oid) FROM pg_class c WHERE c.relkind IN ('v', 'm') AND ${own('pg_class', 'c.oid', 'c.relnamespace')}`,
  function: `SELECT p.oid::regprocedure || ' ' || p.prokind::text || ' ' || CASE WHEN p.prokind = 'a'
        THEN (SELECT a.aggtransfn || ' ' || a.aggtranstype::regtype || coalesce(' ' || a.agginitval, '') FROM pg_aggregate a WHERE a.aggfnoid = p.oid)
        ELSE pg_get_functiondef(p.oid) END FROM pg_proc p WHERE ${own('pg_proc', 'p.oid', 'p.pronamespace')}`,
  trigger: `SELECT pg_get_triggerdef(t.oid) || ' enabled ' || t.tgenabled::text || coalesce(' part of ' || p.tgname, '')
    FROM pg_trigger t LEFT JOIN pg_trigger p ON p.oid = t.tgparentid WHERE NOT t.tgisinternal`,
  'event trigger': `SELECT evtname || ' ' || evtevent || ' ' || evtenabled::text || ' ' || evtfoid::regproc || coalesce(evttags::text, '') FROM pg_event_trigger`,
  policy: `SELECT p.polrelid::regclass || ' ' || p.polname || ' ' || p.polcmd::text || p.polpermissive || coalesce(pg_get_expr(p.polqual, p.polrelid), '') || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '')
      || p.polroles::regrole[]::text FROM pg_policy p`,
  rule: `SELECT pg_get_ruledef(r.oid) || r.ev_enabled::text FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE r.rulename <> '_RETURN' AND ${own('pg_class', 'c.oid', 'c.relnamespace')}`,
  sequence: `SELECT format('%I.%I', s.schemaname, s.sequencename) || ' ' || data_type || ' ' || start_value || ' ' || min_value || ' ' || max_value || ' ' || increment_by || ' ' || cycle || ' ' || cache_size || ' last ' || coalesce(last_value::text, 'none')
    FROM pg_sequences s WHERE s.schemaname <> '_waybill'`,
  'sequence owner': `SELECT d.objid::regclass || ' by ' || d.refobjid::regclass || '.' || a.attname FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
    JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')`,
  type: `SELECT t.oid::regtype || ' ' || t.typtype::text || coalesce(' base ' || format_type(nullif(t.typbasetype, 0), t.typtypmod), '') || ' notnull ' || t.typnotnull || coalesce(' default ' || t.typdefault, '')
      || coalesce(' ' || (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid), '')
      || coalesce((SELECT ' range of ' || r.rngsubtype::regtype FROM pg_range r WHERE r.rngtypid = t.oid), '')
    FROM pg_type t WHERE t.typtype IN ('e', 'd', 'r') AND ${own('pg_type', 't.oid', 't.typnamespace')}`,
  comment: `SELECT pg_describe_object(d.classoid, d.objoid, d.objsubid) || ' ' || d.description FROM pg_description d WHERE d.objoid >= 16384 AND d.classoid <> 'pg_extension'::regclass
    AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classoid AND e.objid = d.objoid AND e.deptype = 'e')`,
  statistics: `SELECT pg_get_statisticsobjdef(s.oid) FROM pg_statistic_ext s`,
  publication: `SELECT p.pubname || ' ' || p.puballtables || p.pubinsert || p.pubupdate || p.pubdelete || p.pubtruncate || p.pubviaroot
      || coalesce((SELECT string_agg(r.prrelid::regclass || coalesce(pg_get_expr(r.prqual, r.prrelid), '') || coalesce(r.prattrs::text, ''), ',' ORDER BY r.prrelid::regclass::text) FROM pg_publication_rel r WHERE r.prpubid = p.oid), '') FROM pg_publication p`,
  'large object': `SELECT l.oid || ' ' || md5(lo_get(l.oid)) FROM pg_largeobject_metadata l`,
  operator: `SELECT o.oid::regoperator || ' ' || o.oprcode FROM pg_operator o WHERE ${own('pg_operator', 'o.oid', 'o.oprnamespace')}`,
  cast: `SELECT c.castsource::regtype || ' as ' || c.casttarget::regtype || c.castcontext::text FROM pg_cast c WHERE c.oid >= 16384
    AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_cast'::regclass AND e.objid = c.oid AND e.deptype = 'e')`,
  collation: `SELECT c.collname || ' ' || c.collprovider::text || c.collisdeterministic FROM pg_collation c WHERE ${own('pg_collation', 'c.oid', 'c.collnamespace')}`,
};

const ownerQuestion = `SELECT c.oid::regclass || ' of ' || c.relowner::regrole || ' ' || coalesce((SELECT string_agg(replace(g::text, 'Dxtm', 'Dxt'), ',' ORDER BY g::text) FROM unnest(c.relacl) g), '')
  FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND ${own('pg_class', 'c.oid', 'c.relnamespace')}`;

export interface CatalogueOptions {
  /** Also who owns relations and who may use them. */
  readonly owners?: boolean;
  /** Questions that are not asked. */
  readonly without?: readonly string[];
}

/** What only one of two databases has, as `- kind: words` (the first) and `+ kind: words` (the second). Words that
 *  different major versions put differently (a column's table in a view) are made alike first. */
export async function compareCatalogues(
  first: pg.Client,
  second: pg.Client,
  { owners = false, without = [] }: CatalogueOptions = {},
): Promise<readonly string[]> {
  const differences: string[] = [];
  const asked = owners ? { ...questions, owner: ownerQuestion } : questions;
  for (const [kind, question] of Object.entries(asked)) {
    if (without.includes(kind)) continue;
    const [has, got] = [await answers(first, question, kind), await answers(second, question, kind)];
    for (const line of has) if (!got.has(line)) differences.push(`- ${kind}: ${line}`);
    for (const line of got) if (!has.has(line)) differences.push(`+ ${kind}: ${line}`);
  }
  return differences;
}

async function answers(client: pg.Client, question: string, kind: string): Promise<ReadonlySet<string>> {
  await client.query(`SET search_path = pg_catalog`);
  try {
    const { rows } = await client.query<{ line: string }>(`SELECT q.line FROM (${question}) q(line)`);
    return new Set(rows.map(({ line }) => alike(line, kind)));
  } catch (error) {
    throw new Error(`${kind}: ${error instanceof Error ? error.message : ''}`, { cause: error });
  }
}

const alike = (line: string, kind: string): string =>
  ['view', 'rule', 'function', 'policy'].includes(kind)
    ? line.replace(/\b[\w]+\.(?=[\w"])/g, '').replace(/\s+/g, ' ')
    : line;
