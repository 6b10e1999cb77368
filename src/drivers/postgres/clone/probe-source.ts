import type { Finding } from '../../../model/finding.ts';
import type { KeyFilter } from '../../../store/item-filter.ts';
import type { Connection } from '../connection.ts';
import { qualified, quoteName } from '../names.ts';
import { tableKey } from './table-key.ts';

const oldest = 10;
/** Seconds. */
const longTransaction = 600;
/** Names that a message lists before it says how many more there are. */
const named = 5;

/** Looks at what a clone reads: whether all of it may be read, and what will not be at the target as it is here. */
export async function probeSource(
  connection: Connection,
  schemas: readonly string[] | undefined,
  filter: KeyFilter,
): Promise<Finding[]> {
  const [server] = await connection.query<{
    version: number;
    text: string;
    standby: boolean;
    encoding: string;
    user: string;
    superuser: boolean;
  }>(
    `SELECT current_setting('server_version_num')::int / 10000 AS version, current_setting('server_version') AS text,
       pg_is_in_recovery() AS standby, current_setting('server_encoding') AS encoding, current_user AS user,
       current_setting('is_superuser') = 'on' AS superuser`,
  );
  if (!server) return [];
  const findings: Finding[] = [];
  const add = (level: Finding['level'], code: string, message: string, hint?: string) =>
    findings.push({ level, code, message, ...(hint !== undefined && { hint }) });
  if (server.version < oldest) {
    add(
      'error',
      'store.unsupported',
      `The source is PostgreSQL ${server.text}; Waybill clones ${oldest} and later.`,
      'Upgrade it first, or clone it with its own pg_dump.',
    );
    return findings;
  }
  if (server.standby) {
    add(
      'warning',
      'source.standby',
      'The source is a standby: the primary may cancel a long read there, and its changes cannot be followed.',
      'Set hot_standby_feedback = on and max_standby_streaming_delay = -1 at the standby, or name the primary.',
    );
  }
  if (server.encoding === 'SQL_ASCII') {
    add(
      'warning',
      'source.encoding',
      'The source is encoded as SQL_ASCII: its texts may hold any bytes, and those that are no UTF-8 stop the run with table and row.',
      "Find them beforehand with convert_from(convert_to(column, 'SQL_ASCII'), 'UTF8'), or create the target with ENCODING SQL_ASCII.",
    );
  }
  for (const finding of await unreadable(connection, schemas, filter, server.user)) findings.push(finding);
  if (!server.superuser) for (const finding of await unreadableObjects(connection, server.user)) findings.push(finding);
  for (const finding of await remarks(connection, schemas, filter)) findings.push(finding);
  return findings;
}

interface TableRight {
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly usable: boolean;
  readonly readable: boolean;
  readonly hidden: boolean;
}

async function unreadable(
  connection: Connection,
  schemas: readonly string[] | undefined,
  filter: KeyFilter,
  user: string,
): Promise<Finding[]> {
  const rows = await connection.query<TableRight>(
    `SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind, has_schema_privilege(n.oid, 'USAGE') AS usable,
       CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'SELECT') ELSE has_table_privilege(c.oid, 'SELECT') END AS readable,
       c.relkind = 'r' AND row_security_active(c.oid) AS hidden
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'm', 'S') AND c.relpersistence <> 't' AND n.nspname NOT LIKE 'pg\\_%'
       AND n.nspname NOT IN ('information_schema', '_waybill') AND ($1::text[] IS NULL OR n.nspname = ANY ($1))
       AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
       AND NOT (has_schema_privilege(n.oid, 'USAGE') AND CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'SELECT')
         ELSE has_table_privilege(c.oid, 'SELECT') AND NOT (c.relkind = 'r' AND row_security_active(c.oid)) END)
     ORDER BY 1, 2`,
    [schemas ?? null],
  );
  const wanted = rows.filter(({ schema, name, kind }) =>
    kind === 'r' || kind === 'p' ? filter.carries(tableKey(schema, name)) : !filter.excludes(tableKey(schema, name)),
  );
  const findings: Finding[] = [];
  const sequences = wanted.filter(({ kind }) => kind === 'S');
  const denied = wanted.filter(({ kind, usable, readable }) => kind !== 'S' && !(usable && readable));
  const hidden = wanted.filter(({ kind, usable, readable, hidden }) => kind !== 'S' && usable && readable && hidden);
  if (denied.length > 0) {
    const places = [...new Set(denied.map(({ schema }) => quoteName(schema)))].join(', ');
    findings.push({
      level: 'error',
      code: 'store.denied',
      message: `User ${user} may not read ${listOf(denied)}.`,
      hint: `GRANT USAGE ON SCHEMA ${places} TO ${quoteName(user)}; GRANT SELECT ON ALL TABLES IN SCHEMA ${places} TO ${quoteName(user)}; or leave them out with \`exclude\`.`,
    });
  }
  if (hidden.length > 0) {
    findings.push({
      level: 'error',
      code: 'store.denied',
      message: `Row security hides rows of ${listOf(hidden)} from user ${user}, so not all would arrive.`,
      hint: `ALTER ROLE ${quoteName(user)} BYPASSRLS, or read as the owner of the tables (who is held to it only by FORCE ROW LEVEL SECURITY).`,
    });
  }
  if (sequences.length > 0) {
    findings.push({
      level: 'error',
      code: 'store.denied',
      message: `User ${user} may not read where ${listOf(sequences)} stand, so numbers would be given out twice.`,
      hint: `GRANT SELECT ON ALL SEQUENCES IN SCHEMA ${[...new Set(sequences.map(({ schema }) => quoteName(schema)))].join(', ')} TO ${quoteName(user)}`,
    });
  }
  return findings;
}

async function unreadableObjects(connection: Connection, user: string): Promise<Finding[]> {
  const rows = await connection.query<{ oid: string }>(
    `SELECT l.oid::text AS oid FROM pg_largeobject_metadata l
     WHERE NOT pg_has_role(l.lomowner, 'USAGE') AND current_setting('lo_compat_privileges') = 'off'
       AND NOT EXISTS (SELECT FROM aclexplode(l.lomacl) a WHERE a.privilege_type = 'SELECT'
         AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE'))) ORDER BY l.oid LIMIT ${named + 1}`,
  );
  if (rows.length === 0) return [];
  const some = rows.slice(0, named).map(({ oid }) => oid);
  return [
    {
      level: 'error',
      code: 'store.denied',
      message: `User ${user} may not read large object ${some.join(', ')}${rows.length > named ? ' and more' : ''}.`,
      hint: `GRANT SELECT ON LARGE OBJECT … TO ${quoteName(user)}, or leave them out with \`exclude: large-objects*\`.`,
    },
  ];
}

async function remarks(
  connection: Connection,
  schemas: readonly string[] | undefined,
  filter: KeyFilter,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const unlogged = await connection.query<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence = 'u' AND ($1::text[] IS NULL OR n.nspname = ANY ($1)) ORDER BY 1, 2`,
    [schemas ?? null],
  );
  const kept = unlogged.filter(({ schema, name }) => filter.carries(tableKey(schema, name)));
  if (kept.length > 0) {
    findings.push({
      level: 'info',
      code: 'source.unlogged',
      message: `Unlogged at the target as well, and empty there after a crash: ${listOf(kept)}.`,
      hint: 'ALTER TABLE … SET LOGGED when the clone is done, if they should outlive a crash. Their changes cannot be followed.',
    });
  }
  const long = await connection.query<{ pid: number; age: string; user: string }>(
    `SELECT pid, date_trunc('second', now() - xact_start)::text AS age, usename AS user FROM pg_stat_activity
     WHERE xact_start < now() - interval '${longTransaction} seconds' AND pid <> pg_backend_pid() AND backend_type = 'client backend'
       AND datname = current_database() ORDER BY xact_start LIMIT ${named}`,
  );
  for (const { pid, age, user } of long) {
    findings.push({
      level: 'warning',
      code: 'source.long-transaction',
      message: `A transaction at the source has been open for ${age} (process ${pid}, user ${user}): a lock it holds could keep the clone waiting, and following cannot begin before it ends.`,
      hint: `SELECT pg_terminate_backend(${pid}) at the source, if it is not needed.`,
    });
  }
  const subscriptions = await connection.query<{ name: string }>(
    `SELECT subname AS name FROM pg_stat_subscription GROUP BY 1 ORDER BY 1`,
  );
  if (subscriptions.length > 0) {
    findings.push({
      level: 'warning',
      code: 'store.unsupported',
      message: `Subscriptions are not carried: ${subscriptions.map(({ name }) => name).join(', ')}. They hold passwords, and two subscribers would share one slot.`,
      hint: 'CREATE SUBSCRIPTION at the target when the source no longer subscribes.',
    });
  }
  return findings;
}

export function listOf(relations: readonly { readonly schema: string; readonly name: string }[]): string {
  const some = relations
    .slice(0, named)
    .map(({ schema, name }) => qualified(schema, name).replaceAll(/"([a-z_][a-z0-9_]*)"/g, '$1'));
  return some.join(', ') + (relations.length > named ? ` and ${relations.length - named} more` : '');
}
