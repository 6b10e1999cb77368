import type { Connection } from '../connection.ts';
import type { ObjectOf, QualifiedName } from './object-shape.ts';
import type { SchemaDump } from './schema-dump.ts';
import type { DumpEntry } from './table-of-contents.ts';

type ScriptName = ObjectOf<'script'>['script'];

/** Where the entries of a kind are made, for those that a target is asked for afterwards. Tables are items. */
const scripts: Readonly<Record<string, ScriptName>> = {
  EXTENSION: 'pre-data',
  FUNCTION: 'pre-data',
  PROCEDURE: 'pre-data',
  AGGREGATE: 'pre-data',
  TYPE: 'pre-data',
  DOMAIN: 'pre-data',
  VIEW: 'pre-data',
  'MATERIALIZED VIEW': 'pre-data',
  SEQUENCE: 'pre-data',
  RULE: 'post-data',
  TRIGGER: 'post-data',
  POLICY: 'post-data',
  STATISTICS: 'post-data',
  PUBLICATION: 'post-data',
  'EVENT TRIGGER': 'event-triggers',
};

/** What each script makes, by kind and identity in the server's own words. */
export async function describeEntries(
  connection: Connection,
  entries: readonly DumpEntry[],
): Promise<Record<ScriptName, [string, string][]>> {
  const holds: Record<ScriptName, [string, string][]> = {
    roles: [],
    'pre-data': [],
    'post-data': [],
    'event-triggers': [],
  };
  const known = entries.flatMap(({ kind, object }) => {
    const script = scripts[kind];
    const [catalogue = '', oid = ''] = object?.split(' ') ?? [];
    return script !== undefined && object !== undefined ? [{ script, catalogue, oid }] : [];
  });
  const rows = await connection.query<{ n: number; type: string | null; identity: string | null }>(
    `SELECT o.n::int AS n, i.type, i.identity
     FROM unnest($1::oid[], $2::oid[]) WITH ORDINALITY o(classid, oid, n), LATERAL pg_identify_object(o.classid, o.oid, 0) i`,
    [known.map(({ catalogue }) => catalogue), known.map(({ oid }) => oid)],
  );
  for (const { n, type, identity } of rows) {
    const script = known[n - 1]?.script;
    if (script && type !== null && identity !== null) holds[script].push([type, identity]);
  }
  return holds;
}

/** Materialized views that hold rows, in an order in which they can be filled. */
export async function viewsToRefresh(connection: Connection, dump: SchemaDump): Promise<QualifiedName[]> {
  const views = new Map(
    dump.kept.flatMap(({ kind, id, object }) =>
      kind === 'MATERIALIZED VIEW' && object !== undefined ? [[id, object.split(' ')[1] ?? ''] as const] : [],
    ),
  );
  const oids = dump.kept.flatMap(({ kind, dependsOn }) =>
    kind === 'MATERIALIZED VIEW DATA' ? [views.get(dependsOn.find((id) => views.has(id)) ?? 0) ?? ''] : [],
  );
  return connection.query<QualifiedName>(
    `SELECT n.nspname AS schema, c.relname AS name FROM unnest($1::oid[]) WITH ORDINALITY o(oid, n)
       JOIN pg_class c ON c.oid = o.oid JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY o.n`,
    [oids.filter((oid) => oid !== '')],
  ) as Promise<QualifiedName[]>;
}

/** Tables and materialized views; what is partitioned after its parts. */
export async function tablesToAnalyse(connection: Connection, leftOut: ReadonlySet<string>): Promise<QualifiedName[]> {
  const rows = await connection.query<QualifiedName & { oid: string }>(
    `SELECT c.oid, n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't' AND c.relispopulated AND n.nspname NOT LIKE 'pg\\_%'
       AND n.nspname NOT IN ('information_schema', '_waybill')
       AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
     ORDER BY c.relkind = 'p', 2, 3`,
  );
  return rows.filter(({ oid }) => !leftOut.has(`1259 ${oid}`)).map(({ schema, name }) => ({ schema, name }));
}
