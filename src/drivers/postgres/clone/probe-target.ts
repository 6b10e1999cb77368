import type { Finding } from '../../../model/finding.ts';
import { formatBytes } from '../../../lib/byte-size.ts';
import type { Connection } from '../connection.ts';
import { quoteName } from '../names.ts';
import type { PairFacts } from './pair-facts.ts';
import type { SourceFacts } from './source-facts.ts';

/** Looks whether the target can take what the source has. */
export async function probeCloneTarget(
  connection: Connection,
  database: string,
  source: SourceFacts,
  facts: PairFacts,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const add = (level: Finding['level'], code: string, message: string, hint?: string) =>
    findings.push({ level, code, message, ...(hint !== undefined && { hint }) });
  const [server] = await connection.query<{
    version: number;
    text: string;
    closed: boolean;
    encoding: string;
    may_create: boolean;
    user: string;
    fsync: string;
    free: number;
    locks: string;
    hash: string;
  }>(
    `SELECT current_setting('server_version_num')::int / 10000 AS version, current_setting('server_version') AS text,
       pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' AS closed,
       current_setting('server_encoding') AS encoding, has_database_privilege(current_database(), 'CREATE') AS may_create,
       current_user AS user, current_setting('fsync') AS fsync,
       current_setting('max_connections')::int - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::int AS free,
       current_setting('max_locks_per_transaction')::bigint * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint) AS locks`,
  );
  if (!server) return [];
  if (server.version < 12) {
    add(
      'error',
      'store.unsupported',
      `The target is PostgreSQL ${server.text}; Waybill writes to 12 and later.`,
      'Name a newer server.',
    );
    return findings;
  }
  if (server.closed)
    add(
      'error',
      'store.denied',
      'The target takes no writes: it is a standby or set to read only.',
      'Name the primary.',
    );
  if (server.version < facts.versions[0]) {
    add(
      'warning',
      'target.older',
      `The target is older than the source (PostgreSQL ${server.text} and ${facts.versions[0]}): definitions that only the newer one knows stop the run before any row is carried.`,
      'Name a target of the same version or a newer one where you can.',
    );
  }
  if (server.encoding !== 'UTF8' && server.encoding !== source.encoding) {
    add(
      'error',
      'store.unsupported',
      `Database ${database} is encoded as ${server.encoding}, the source as ${source.encoding}: not every text fits.`,
      `CREATE DATABASE ${quoteName(database)} ENCODING 'UTF8' TEMPLATE template0`,
    );
  }
  if (!server.may_create) {
    add(
      'error',
      'store.denied',
      `User ${server.user} may not create schemas in database ${database}.`,
      `GRANT CREATE ON DATABASE ${quoteName(database)} TO ${quoteName(server.user)}`,
    );
  }
  for (const finding of await missingRights(connection, source, server.user)) findings.push(finding);
  for (const finding of await extensions(connection, source, facts, server.version)) findings.push(finding);
  for (const finding of await locales(connection, database, source)) findings.push(finding);
  if (facts.missingTablespaces.length > 0) {
    add(
      'warning',
      'target.tablespaces',
      `The target has no tablespace ${facts.missingTablespaces.join(', ')}: everything goes to the default one.`,
      'CREATE TABLESPACE beforehand to keep things apart.',
    );
  }
  if (facts.newRoles.length > 0) {
    add('info', 'target.roles', `Created at the target first: role ${facts.newRoles.join(', ')}.`);
  }
  if (facts.missingRoles.length > 0) {
    add(
      'warning',
      'target.roles',
      `Owners and grants are not carried, because user ${server.user} cannot act for ${facts.missingRoles.join(', ')} at the target. Everything will belong to ${server.user}.`,
      `Create the roles at the target (or let Waybill do it: option roles: create of the target) and grant them to ${quoteName(server.user)}.`,
    );
  }
  if (server.fsync === 'off')
    add(
      'warning',
      'target.not-durable',
      'The server runs with fsync off: what it confirms may be lost in a power cut.',
    );
  if (server.free < 4)
    add(
      'warning',
      'target.busy',
      `The server has room for ${server.free} more connections only.`,
      'Use fewer workers, or raise max_connections.',
    );
  // A transaction makes so many at most (run-script.ts), with several locks each.
  const atOnce = Math.min(source.relations, 1000);
  if (atOnce * 3 > Number(server.locks)) {
    add(
      'warning',
      'target.locks',
      `Up to ${atOnce} tables, indexes and views are made in one transaction; the target has room for ${server.locks} locks.`,
      'Raise max_locks_per_transaction at the target (needs a restart).',
    );
  }
  add(
    'info',
    'target.room',
    `The target needs room for ${formatBytes(source.tableBytes)} of tables and ${formatBytes(source.indexBytes)} of indexes; SQL cannot tell how much is free.`,
  );
  add(
    'info',
    'target.as-written',
    'Rows are written into the tables themselves: nobody should use the target before the run is done.',
  );
  return findings;
}

/** Schemas that are at the target already and belong to somebody else. */
async function missingRights(connection: Connection, source: SourceFacts, user: string): Promise<Finding[]> {
  const rows = await connection.query<{ name: string }>(
    `SELECT nspname AS name FROM pg_namespace WHERE nspname = ANY ($1) AND NOT has_schema_privilege(oid, 'CREATE') ORDER BY 1`,
    [source.schemas],
  );
  return rows.map(({ name }) => ({
    level: 'error',
    code: 'store.denied',
    message: `User ${user} may not create anything in schema ${name} of the target.`,
    hint: `GRANT CREATE, USAGE ON SCHEMA ${quoteName(name)} TO ${quoteName(user)}`,
  }));
}

async function extensions(
  connection: Connection,
  source: SourceFacts,
  facts: PairFacts,
  version: number,
): Promise<Finding[]> {
  const trusted = version >= 13 ? 'bool_or(v.trusted)' : 'false';
  const rows = await connection.query<{
    name: string;
    wanted: string;
    installed: string | null;
    offered: string | null;
    may: boolean;
  }>(
    `SELECT w.name, w.version AS wanted, max(e.extversion) AS installed, max(a.default_version) AS offered, coalesce(${trusted}, false) AS may
     FROM unnest($1::text[], $2::text[]) w(name, version) LEFT JOIN pg_extension e ON e.extname = w.name
       LEFT JOIN pg_available_extensions a ON a.name = w.name LEFT JOIN pg_available_extension_versions v ON v.name = w.name
     GROUP BY 1, 2 ORDER BY 1`,
    [source.extensions.map(({ name }) => name), source.extensions.map(({ version: wanted }) => wanted)],
  );
  return rows.flatMap(({ name, wanted, installed, offered, may }): Finding[] => {
    if (installed === null && offered === null) {
      return [
        {
          level: 'error',
          code: 'store.unsupported',
          message: `The target does not offer extension ${name}, which the source uses.`,
          hint: `Install it there (Debian: apt-get install postgresql-${version}-${name.replaceAll('_', '-')}, or postgresql-contrib), or leave out what needs it.`,
          where: name,
        },
      ];
    }
    if (installed === null && !may && !facts.targetSuperuser) {
      return [
        {
          level: 'error',
          code: 'store.denied',
          message: `Only a superuser can create extension ${name} at the target.`,
          hint: `Have one run CREATE EXTENSION ${quoteName(name)} in the target database first.`,
          where: name,
        },
      ];
    }
    const there = installed ?? offered;
    if (there === wanted) return [];
    return [
      {
        level: 'info',
        code: 'target.extension-version',
        message: `Extension ${name} is ${wanted} at the source and will be ${there} at the target.`,
        where: name,
      },
    ];
  });
}

async function locales(connection: Connection, database: string, source: SourceFacts): Promise<Finding[]> {
  const findings: Finding[] = [];
  const [here] = await connection.query<{ collate: string; ctype: string; library: string | null }>(
    `SELECT datcollate AS collate, datctype AS ctype, pg_collation_actual_version((SELECT oid FROM pg_collation WHERE collname = 'default')) AS library
     FROM pg_database WHERE datname = current_database()`,
  );
  if (here && (here.collate !== source.collate || here.ctype !== source.ctype)) {
    findings.push({
      level: 'warning',
      code: 'target.collation',
      message: `Database ${database} sorts text as ${here.collate} (${here.ctype}), the source as ${source.collate} (${source.ctype}): orders, ranges and what counts as equal in upper and lower case may differ.`,
      hint: `CREATE DATABASE … LC_COLLATE '${source.collate}' LC_CTYPE '${source.ctype}' TEMPLATE template0`,
    });
  } else if (here && here.library !== null && source.library !== null && here.library !== source.library) {
    findings.push({
      level: 'warning',
      code: 'target.collation',
      message: `The system's rules for sorting text are of version ${here.library} at the target, ${source.library} at the source: text may come in another order there. Indexes are built anew by them, so they are right.`,
      hint: 'Look at partitions by ranges of text and at checks that compare text.',
    });
  }
  const missing = await connection.query<{ name: string }>(
    `SELECT name FROM unnest($1::text[]) name WHERE NOT EXISTS
       (SELECT FROM pg_collation c WHERE c.collname = name AND c.collnamespace = 'pg_catalog'::regnamespace) ORDER BY 1`,
    [source.collations],
  );
  if (missing.length > 0) {
    findings.push({
      level: 'error',
      code: 'store.unsupported',
      message: `The target does not know collation ${missing.map(({ name }) => name).join(', ')}, which columns of the source use.`,
      hint: "Install the locale at the target's system, then SELECT pg_import_system_collations('pg_catalog') there.",
    });
  }
  return findings;
}
