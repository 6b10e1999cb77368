import type { Finding } from '../../model/finding.ts';
import type { Connection } from './connection.ts';
import { workSchema } from './ledger.ts';

const oldest = 12;
/** hashtextextended('waybill', 0) on a little-endian server. */
const expectedHash = '1004324919347664121';

interface Facts {
  readonly version: string;
  readonly version_number: string;
  readonly standby: boolean;
  readonly encoding: string;
  readonly hash: string;
  readonly fsync: string;
  readonly schema_exists: boolean;
  readonly may_create_schema: boolean;
  readonly may_create_table: boolean | null;
  readonly free: string;
}

/** What would stop a run, or make it less than it should be. */
export async function probeTarget(
  connection: Connection,
  schema: string,
  user: string,
  database: string,
): Promise<Finding[]> {
  const [facts] = await connection.query<Facts>(
    `SELECT current_setting('server_version') AS version, current_setting('server_version_num') AS version_number,
            pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' AS standby,
            current_setting('server_encoding') AS encoding, hashtextextended('waybill', 0) AS hash, current_setting('fsync') AS fsync,
            to_regnamespace(quote_ident($1)) IS NOT NULL AS schema_exists,
            has_database_privilege(current_database(), 'CREATE')
              OR coalesce(has_schema_privilege(to_regnamespace('${workSchema}'), 'CREATE'), false) AS may_create_schema,
            has_schema_privilege(to_regnamespace(quote_ident($1)), 'CREATE') AS may_create_table,
            current_setting('max_connections')::int - (SELECT count(*) FROM pg_stat_activity) AS free`,
    [schema],
  );
  if (!facts) return [];
  const findings: Finding[] = [];
  const add = (level: Finding['level'], code: string, message: string, hint?: string) =>
    findings.push({ level, code, message, ...(hint !== undefined && { hint }) });
  if (Number(facts.version_number) < oldest * 10_000) {
    add(
      'error',
      'store.unsupported',
      `The server is PostgreSQL ${facts.version}; Waybill writes to ${oldest} and later.`,
    );
  }
  if (facts.standby) {
    add(
      'error',
      'store.denied',
      'The server takes no writes: it is a standby or set to read only.',
      'Name the primary.',
    );
  }
  if (facts.encoding !== 'UTF8') {
    add(
      'error',
      'store.unsupported',
      `Database ${database} is encoded as ${facts.encoding}, which cannot hold all text.`,
      `CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`,
    );
  }
  if (!facts.schema_exists) {
    add(
      'error',
      'source.missing',
      `There is no schema ${schema} in database ${database}.`,
      `CREATE SCHEMA ${schema}, or name another with ?schema=`,
    );
  } else if (facts.may_create_table === false) {
    add(
      'error',
      'store.denied',
      `User ${user} may not create tables in schema ${schema}.`,
      `GRANT CREATE, USAGE ON SCHEMA ${schema} TO ${user}`,
    );
  }
  if (!facts.may_create_schema) {
    add(
      'error',
      'store.denied',
      `User ${user} may not create the schema ${workSchema}, in which tables are staged.`,
      `GRANT CREATE ON DATABASE ${database} TO ${user}`,
    );
  }
  if (facts.fsync === 'off') {
    add(
      'warning',
      'target.not-durable',
      'The server runs with fsync off: what it confirms may be lost in a power cut.',
    );
  }
  if (facts.hash !== expectedHash)
    add('error', 'store.unsupported', 'The server hashes text in another byte order, so digests cannot be compared.');
  if (Number(facts.free) < 4)
    add(
      'warning',
      'target.busy',
      `The server has room for ${facts.free} more connections only.`,
      'Use fewer workers, or raise max_connections.',
    );
  return findings;
}
