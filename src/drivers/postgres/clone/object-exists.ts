import type { Item } from '../../../model/item.ts';
import type { Connection } from '../connection.ts';
import { qualified } from '../names.ts';
import { foreignKeyState } from './make-foreign-key.ts';
import { constraintExists, indexExists } from './make-index.ts';
import { objectOf, type ObjectShape, type QualifiedName } from './object-shape.ts';
import type { Server } from './pair-servers.ts';

/** Whether the target has the object, as far as its catalogue tells. */
export function objectExists(server: Server, as: Item, signal: AbortSignal): Promise<boolean> {
  const object = objectOf(as);
  return server.connections.use(`look for ${as.key}`, signal, (connection) => exists(connection, object));
}

async function exists(connection: Connection, object: ObjectShape): Promise<boolean> {
  switch (object.what) {
    case 'script':
      return allThere(connection, object.holds);
    case 'index':
      return indexExists(connection, object);
    case 'constraint':
      return constraintExists(connection, object.table, object.name);
    case 'foreign-key': {
      const state = await foreignKeyState(connection, object);
      return state === 'valid' || (state === 'unchecked' && !object.valid);
    }
    case 'refresh':
      return populated(connection, object.view);
    case 'sequences':
      return relationsThere(connection, object.names);
    case 'statistics':
      return relationsThere(connection, object.tables);
    case 'large-objects': {
      const [row] = await connection.query<{ found: number }>(
        'SELECT count(*)::int AS found FROM pg_largeobject_metadata WHERE oid = ANY ($1::oid[])',
        [object.oids],
      );
      return row?.found === object.oids.length;
    }
  }
}

async function populated(connection: Connection, { schema, name }: QualifiedName): Promise<boolean> {
  const rows = await connection.query('SELECT FROM pg_class WHERE oid = to_regclass($1) AND relispopulated', [
    qualified(schema, name),
  ]);
  return rows.length > 0;
}

async function relationsThere(connection: Connection, names: readonly QualifiedName[]): Promise<boolean> {
  const [row] = await connection.query<{ there: boolean }>(
    'SELECT coalesce(bool_and(to_regclass(name) IS NOT NULL), true) AS there FROM unnest($1::text[]) name',
    [names.map(({ schema, name }) => qualified(schema, name))],
  );
  return row?.there === true;
}

/** By kind and identity, as pg_identify_object gives them at the source. */
async function allThere(connection: Connection, holds: readonly (readonly [string, string])[]): Promise<boolean> {
  if (holds.length === 0) return true;
  const rows = await connection.query<{ classid: string; objid: string }>(
    `SELECT DISTINCT i.type || ' ' || i.identity AS it
     FROM (SELECT 'pg_class'::regclass AS classid, oid FROM pg_class WHERE relkind IN ('v', 'm', 'S', 'r', 'p')
           UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE oid >= 16384
           UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typtype IN ('e', 'd', 'r', 'c') AND oid >= 16384
           UNION ALL SELECT 'pg_trigger'::regclass, oid FROM pg_trigger WHERE NOT tgisinternal
           UNION ALL SELECT 'pg_policy'::regclass, oid FROM pg_policy
           UNION ALL SELECT 'pg_extension'::regclass, oid FROM pg_extension
           UNION ALL SELECT 'pg_rewrite'::regclass, oid FROM pg_rewrite WHERE oid >= 16384
           UNION ALL SELECT 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext
           UNION ALL SELECT 'pg_event_trigger'::regclass, oid FROM pg_event_trigger
           UNION ALL SELECT 'pg_authid'::regclass, oid FROM pg_roles
           UNION ALL SELECT 'pg_publication'::regclass, oid FROM pg_publication) o,
          LATERAL pg_identify_object(o.classid, o.oid, 0) i
     WHERE i.type || ' ' || i.identity = ANY ($1)`,
    [holds.map(([kind, identity]) => `${kind} ${identity}`)],
  );
  return rows.length === new Set(holds.map((each) => each.join(' '))).size;
}
