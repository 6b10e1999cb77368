import type { Connection } from '../connection.ts';
import type { Server } from './pair-servers.ts';

/** What both servers must be asked before a definition of one can be put in words for the other. */
export interface PairFacts {
  /** Major versions. */
  readonly versions: readonly [from: number, to: number];
  /** Roles that own something or were granted something at the source and do not exist at the target, or which the
   *  target's user cannot act for. Empty: owners and grants are carried. */
  readonly missingRoles: readonly string[];
  /** Roles that are made at the target first, where that was asked for. */
  readonly newRoles: readonly string[];
  /** Tablespaces in use at the source that the target has not. */
  readonly missingTablespaces: readonly string[];
  readonly targetSuperuser: boolean;
}

const ownedSql = `
  SELECT DISTINCT r.rolname::text AS name, true AS owner FROM (
    SELECT relowner AS id FROM pg_class WHERE relnamespace <> ALL ($1) UNION SELECT proowner FROM pg_proc WHERE pronamespace <> ALL ($1)
    UNION SELECT typowner FROM pg_type WHERE typnamespace <> ALL ($1) UNION SELECT nspowner FROM pg_namespace WHERE oid <> ALL ($1)
    UNION SELECT lomowner FROM pg_largeobject_metadata) o JOIN pg_roles r ON r.oid = o.id
  WHERE r.rolname NOT LIKE 'pg\\_%'
  UNION
  SELECT DISTINCT r.rolname::text, false FROM (
    SELECT unnest(relacl) AS item FROM pg_class WHERE relnamespace <> ALL ($1) UNION SELECT unnest(proacl) FROM pg_proc WHERE pronamespace <> ALL ($1)
    UNION SELECT unnest(typacl) FROM pg_type WHERE typnamespace <> ALL ($1) UNION SELECT unnest(nspacl) FROM pg_namespace WHERE oid <> ALL ($1)
    UNION SELECT unnest(attacl) FROM pg_attribute WHERE attacl IS NOT NULL
    UNION SELECT unnest(defaclacl) FROM pg_default_acl UNION SELECT unnest(lomacl) FROM pg_largeobject_metadata) a,
    LATERAL aclexplode(ARRAY[a.item]) g JOIN pg_roles r ON r.oid IN (g.grantee, g.grantor)
  WHERE r.rolname NOT LIKE 'pg\\_%'`;

export async function lookAtPair(from: Server, to: Server, signal: AbortSignal): Promise<PairFacts> {
  const source = await from.connections.use('look at the source', signal, async (connection) => {
    const system = await connection.query<{ oid: string }>(
      `SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg\\_%' OR nspname = 'information_schema'`,
    );
    const version = await versionOf(connection);
    const roles = await connection.query<{ name: string; owner: boolean }>(ownedSql, [system.map(({ oid }) => oid)]);
    const tablespaces = await connection.query<{ name: string }>(
      `SELECT DISTINCT t.spcname::text AS name FROM pg_class c JOIN pg_tablespace t ON t.oid = c.reltablespace
       WHERE t.spcname NOT LIKE 'pg\\_%'`,
    );
    return { version, roles, tablespaces: tablespaces.map(({ name }) => name) };
  });
  return to.connections.use('look at the target', signal, async (connection) => {
    const create = to.options.roles === 'create';
    const [user] = await connection.query<{ superuser: boolean }>(
      `SELECT rolsuper AS superuser FROM pg_roles WHERE rolname = current_user`,
    );
    const missing = await connection.query<{ name: string; absent: boolean }>(
      `SELECT DISTINCT wanted.name, r.oid IS NULL AS absent FROM unnest($1::text[], $2::bool[]) wanted(name, owner)
       LEFT JOIN pg_roles r ON r.rolname = wanted.name
       WHERE r.oid IS NULL OR (wanted.owner AND NOT pg_has_role(current_user, r.oid, 'MEMBER')) ORDER BY 1`,
      [source.roles.map(({ name }) => name), source.roles.map(({ owner }) => owner)],
    );
    const tablespaces = await connection.query<{ name: string }>(
      `SELECT name FROM unnest($1::text[]) name WHERE NOT EXISTS (SELECT FROM pg_tablespace WHERE spcname = name)`,
      [source.tablespaces],
    );
    return {
      versions: [source.version, await versionOf(connection)] as const,
      missingRoles: missing.filter(({ absent }) => !(absent && create)).map(({ name }) => name),
      newRoles: missing.filter(({ absent }) => absent && create).map(({ name }) => name),
      missingTablespaces: tablespaces.map(({ name }) => name),
      targetSuperuser: user?.superuser === true,
    };
  });
}

async function versionOf(connection: Connection): Promise<number> {
  const [row] = await connection.query<{ version: number }>(
    `SELECT current_setting('server_version_num')::int / 10000 AS version`,
  );
  return row?.version ?? 0;
}
