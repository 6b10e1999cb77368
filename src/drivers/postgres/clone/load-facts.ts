import { MigrationError } from '../../../model/migration-error.ts';
import type { Connection } from '../connection.ts';
import { tableSql } from './table-key.ts';

/** What the target's table lets a load do. */
export interface LoadFacts {
  /** It may be emptied and filled frozen in one transaction. */
  readonly truncate: boolean;
  /** Triggers and foreign keys may be kept from firing. */
  readonly replica: boolean;
  readonly owner: boolean;
  readonly options: readonly string[];
}

/** Undefined when there is no such table. Throws `store.unsupported` when a trigger would see, and might swallow, the
 *  rows. */
export async function readLoadFacts(connection: Connection, key: string): Promise<LoadFacts | undefined> {
  const [row] = await connection.query<{
    referenced: boolean;
    may_truncate: boolean;
    owner: boolean;
    kind: string;
    superuser: boolean;
    version: number;
    triggers: readonly { readonly name: string; readonly enabled: string }[];
    options: readonly string[] | null;
  }>(
    `SELECT EXISTS (SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.confrelid = c.oid AND f.conrelid <> c.oid) AS referenced,
            has_table_privilege(c.oid, 'TRUNCATE') AS may_truncate, pg_has_role(c.relowner, 'USAGE') AS owner, c.relkind AS kind,
            current_setting('is_superuser') = 'on' AS superuser, current_setting('server_version_num')::int / 10000 AS version,
            (SELECT coalesce(json_agg(json_build_object('name', t.tgname, 'enabled', t.tgenabled) ORDER BY t.tgname), '[]')
             FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 4 = 4) AS triggers,
            c.reloptions || coalesce((SELECT array_agg('toast.' || o) FROM pg_class t, unnest(t.reloptions) o WHERE t.oid = c.reltoastrelid), '{}') AS options
     FROM pg_class c WHERE c.oid = to_regclass($1)`,
    [tableSql(key)],
  );
  if (!row) return undefined;
  const replica = row.superuser || (row.version >= 15 && (await mayBeReplica(connection)));
  const firing = row.triggers.filter(({ enabled }) => !replica || enabled !== 'O');
  if (firing.length > 0) {
    throw new MigrationError(
      'store.unsupported',
      `Rows cannot be loaded into ${key}: trigger ${firing.map(({ name }) => name).join(', ')} would change or swallow them.`,
      {
        hint: `ALTER TABLE ${tableSql(key)} DISABLE TRIGGER USER, or load as a user who may SET session_replication_role.`,
        where: key,
      },
    );
  }
  return {
    truncate: row.may_truncate && !row.referenced && row.kind === 'r',
    replica,
    owner: row.owner,
    options: row.options ?? [],
  };
}

async function mayBeReplica(connection: Connection): Promise<boolean> {
  const [row] = await connection.query<{ may: boolean }>(
    `SELECT has_parameter_privilege('session_replication_role', 'SET') AS may`,
  );
  return row?.may === true;
}
