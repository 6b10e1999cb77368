import type { Finding } from '../../../model/finding.ts';
import type { FeedOptions } from '../../../store/following.ts';
import type { Server } from '../clone/pair-servers.ts';
import type { Connection } from '../connection.ts';
import { qualified } from '../names.ts';
import { createScope, type Scope } from './scope.ts';
import { sourceTables, type SourceTable } from './source-tables.ts';

const rowFilterSince = 150_000;

interface Facts {
  readonly version: string;
  readonly version_number: number;
  readonly role: string;
  readonly superuser: boolean;
  readonly replication: boolean;
  readonly standby: boolean;
  readonly level: string;
  readonly slots_free: number;
  readonly senders_free: number;
  readonly may_create: boolean;
  readonly owns_database: boolean;
  readonly may_signal: boolean;
  readonly keeps: string;
  readonly idle: string | null;
  readonly standbys: string;
  readonly prepared: number;
  readonly large_objects: boolean;
}

const factsText = `
  SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS version_number,
         current_user::text AS role, r.rolsuper AS superuser, r.rolreplication AS replication, pg_is_in_recovery() AS standby,
         current_setting('wal_level') AS level,
         current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots)::int AS slots_free,
         current_setting('max_wal_senders')::int - (SELECT count(*) FROM pg_stat_replication)::int AS senders_free,
         has_database_privilege(current_database(), 'CREATE') AS may_create,
         (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()) AS owns_database,
         pg_has_role('pg_signal_backend', 'USAGE') AS may_signal,
         current_setting('max_slot_wal_keep_size', true) AS keeps, current_setting('idle_replication_slot_timeout', true) AS idle,
         current_setting('synchronous_standby_names') AS standbys,
         (SELECT count(*)::int FROM pg_prepared_xacts WHERE database = current_database()) AS prepared,
         EXISTS (SELECT FROM pg_largeobject_metadata) AS large_objects
  FROM pg_roles r WHERE r.rolname = current_user`;

/** What would keep a database from being followed. Every finding says how to mend it. */
export function probeFeed({ connections, options: own }: Server, options: FeedOptions, signal: AbortSignal) {
  return connections.use('look at the source', signal, async (connection) => {
    const [facts] = await connection.query<Facts & Record<string, unknown>>(factsText);
    if (!facts) return [];
    const scope = createScope(own.schema, options);
    const tables = await sourceTables(connection, scope);
    return [
      ...settingFindings(facts),
      ...rightFindings(facts, tables),
      ...tableFindings(facts, tables, scope),
      ...(options.mode === 'synchronous' ? await synchronousFindings(connection, facts) : []),
      ...(await writerFindings(connection)),
      notInStream(facts),
    ];
  });
}

const finding = (level: Finding['level'], code: string, message: string, hint?: string, where?: string): Finding => ({
  level,
  code,
  message,
  ...(hint !== undefined && { hint }),
  ...(where !== undefined && { where }),
});

function* settingFindings(facts: Facts): Generator<Finding> {
  if (facts.standby) {
    yield finding(
      'error',
      'store.unsupported',
      'The source is a standby: it can be copied, but neither followed nor frozen.',
      'Name the primary. Behind an address that balances load, name the server itself.',
    );
  }
  if (facts.level !== 'logical') {
    yield finding(
      'error',
      'store.unsupported',
      `The source runs with wal_level = ${facts.level}; its log does not tell changes of rows.`,
      'ALTER SYSTEM SET wal_level = logical, then restart the server. Managed servers have a parameter for it, such as rds.logical_replication.',
    );
  }
  if (facts.slots_free < 1) {
    yield finding(
      'error',
      'store.busy',
      'The source has no replication slot left.',
      'Raise max_replication_slots, or drop a slot that nobody reads: SELECT * FROM pg_replication_slots',
    );
  }
  if (facts.senders_free < 1) {
    yield finding('error', 'store.busy', 'The source has no sender left.', 'Raise max_wal_senders.');
  }
  if (facts.keeps !== '-1' && facts.keeps !== '') {
    yield finding(
      'warning',
      'source.log-limit',
      `The source keeps at most ${facts.keeps} of log for a slot (max_slot_wal_keep_size); a target that is further behind has to be copied anew.`,
      'Raise it for the time of the run.',
    );
  }
  if (facts.idle !== null && facts.idle !== '0') {
    yield finding(
      'warning',
      'source.slot-timeout',
      `The source gives up a slot that nobody reads for ${facts.idle} (idle_replication_slot_timeout): a run that is paused for longer begins anew.`,
      'Raise it for the time of the run.',
    );
  }
  if (facts.prepared > 0) {
    yield finding(
      'warning',
      'source.busy-writers',
      `${facts.prepared} prepared transactions are open at the source: a slot waits for their end, and so does the cutover.`,
      'COMMIT PREPARED or ROLLBACK PREPARED them.',
    );
  }
}

function* rightFindings(facts: Facts, tables: readonly SourceTable[]): Generator<Finding> {
  const { role, superuser } = facts;
  if (!superuser && !facts.replication) {
    yield finding(
      'error',
      'store.denied',
      `Role ${role} may not read the source's log.`,
      `ALTER ROLE ${role} REPLICATION (on managed servers: GRANT rds_replication, or the provider's like)`,
    );
  }
  if (!superuser && !facts.may_create) {
    yield finding(
      'error',
      'store.denied',
      `Role ${role} may not make a publication.`,
      `GRANT CREATE ON DATABASE … TO ${role}`,
    );
  }
  const foreign = tables.filter(({ owned }) => !owned).map(({ key }) => key);
  if (!superuser && foreign.length > 0) {
    yield finding(
      'error',
      'store.denied',
      `Role ${role} does not own ${named(foreign)}, so it may not publish them.`,
      `GRANT the role that owns them to ${role}, or exclude them.`,
    );
  }
  if (!superuser && !facts.owns_database) {
    yield finding(
      'error',
      'store.denied',
      `Role ${role} does not own the source's database, so it could not freeze it for the cutover.`,
      `ALTER DATABASE … OWNER TO ${role}, or grant ${role} the role that owns it.`,
    );
  }
  if (!superuser && !facts.may_signal) {
    yield finding(
      'warning',
      'store.denied',
      `Role ${role} may not end sessions of other roles: the cutover waits until they have gone by themselves.`,
      `GRANT pg_signal_backend TO ${role}`,
    );
  }
}

function* tableFindings(facts: Facts, tables: readonly SourceTable[], scope: Scope): Generator<Finding> {
  for (const table of tables) {
    const { key, schema, identity } = table;
    const name = qualified(schema, table.table);
    if (table.persistence === 'u') {
      yield finding(
        'error',
        'store.unsupported',
        `Table ${key} is unlogged: its changes are in no log.`,
        `ALTER TABLE ${name} SET LOGGED, or exclude it.`,
        key,
      );
      continue;
    }
    if (identity === undefined) {
      yield finding(
        'error',
        'store.unsupported',
        `Table ${key} has nothing that tells its rows apart, so the source would refuse to update or delete them while it is followed.`,
        `Give it a primary key, or: ALTER TABLE ${name} REPLICA IDENTITY FULL (or USING INDEX), or exclude it.`,
        key,
      );
    } else if (identity.length === 0) {
      yield finding(
        'info',
        'source.whole-rows',
        `Table ${key} is followed by whole rows, which is slow where it has many and no key.`,
        undefined,
        key,
      );
    }
    const omitted = identity?.filter((column) => scope.omits(key, column)) ?? [];
    if (omitted.length > 0) {
      yield finding(
        'error',
        'store.unsupported',
        `Column ${omitted.join(', ')} of table ${key} tells its rows apart and cannot be left out.`,
        'Take it out of `omit`.',
        key,
      );
    }
    if (scope.where(key) !== undefined && facts.version_number < rowFilterSince) {
      yield finding(
        'error',
        'store.unsupported',
        `PostgreSQL ${facts.version} cannot follow a part of the rows of table ${key}; that came with 15.`,
        'Carry it whole, or without following.',
        key,
      );
    }
  }
}

async function synchronousFindings(connection: Connection, facts: Facts): Promise<Finding[]> {
  if (facts.standbys === '*') return [];
  const byHand = `ALTER SYSTEM SET synchronous_standby_names = '*'; SELECT pg_reload_conf()`;
  if (facts.standbys !== '') {
    return [
      finding(
        'error',
        'store.unsupported',
        `The source waits for other standbys already (synchronous_standby_names = ${facts.standbys}).`,
        `A superuser adds Waybill to them for the time of the run, or the job says mode: asynchronous. To wait for any: ${byHand}`,
      ),
    ];
  }
  const note = finding(
    'warning',
    'source.synchronous',
    'While the target has caught up, commits at the source wait for it. Should Waybill be killed, they wait until it runs again, or until a superuser says: ALTER SYSTEM RESET synchronous_standby_names; SELECT pg_reload_conf()',
  );
  if (facts.superuser) return [note];
  const [granted] =
    facts.version_number < 150_000
      ? []
      : await connection.query<{ may: boolean }>(
          `SELECT has_parameter_privilege('synchronous_standby_names', 'ALTER SYSTEM')
             AND has_function_privilege('pg_reload_conf()', 'EXECUTE') AS may`,
        );
  if (granted?.may === true) return [note];
  return [
    finding(
      'error',
      'store.denied',
      `Role ${facts.role} may not make commits wait for the target (synchronous_standby_names).`,
      `A superuser says, until the run is done: ${byHand}`,
    ),
  ];
}

/** Roles that are told to write even in a database that is read-only. */
async function writerFindings(connection: Connection): Promise<Finding[]> {
  const rows = await connection.query<{ role: string }>(
    `SELECT r.rolname AS role FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole
     WHERE 'default_transaction_read_only=off' = ANY (s.setconfig)`,
  );
  return rows.map(({ role }) =>
    finding(
      'warning',
      'source.busy-writers',
      `Role ${role} is set to write (default_transaction_read_only = off), so the freeze would not keep it out.`,
      `ALTER ROLE ${role} RESET default_transaction_read_only`,
    ),
  );
}

const notInStream = ({ large_objects: largeObjects }: Facts): Finding =>
  finding(
    largeObjects ? 'warning' : 'info',
    'source.not-followed',
    `Followed are rows of tables. ${largeObjects ? 'Changes of large objects are not: keep them still until the cutover. ' : ''}Sequences are brought forward at the cutover; changed definitions stop the run or are reported.`,
  );

const named = (keys: readonly string[]): string =>
  `${keys.slice(0, 5).join(', ')}${keys.length > 5 ? ` and ${keys.length - 5} more` : ''}`;
