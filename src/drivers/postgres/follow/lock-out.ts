import { setTimeout as sleep } from 'node:timers/promises';
import type { FreezeOptions } from '../../../model/job.ts';
import { MigrationError } from '../../../model/migration-error.ts';
import type { Connection } from '../connection.ts';
import { quoteName } from '../names.ts';

/** Milliseconds between two looks, and until an ended session must be gone. */
const lookEvery = 4;
const endWithin = 10_000;

/** default_transaction_read_only as set for the database, undefined when it is not. */
export async function readOnlySetting(connection: Connection): Promise<string | undefined> {
  const rows = await connection.query<{ value: string }>(
    `SELECT split_part(s, '=', 2) AS value FROM pg_db_role_setting, unnest(setconfig) AS s
     WHERE setrole = 0 AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND s LIKE 'default\\_transaction\\_read\\_only=%'`,
  );
  return rows[0]?.value;
}

/** For sessions that begin from now on; undefined takes the setting away. */
export async function setReadOnly(connection: Connection, value: string | undefined): Promise<void> {
  const [row] = await connection.query<{ name: string }>('SELECT current_database() AS name');
  const change =
    value === undefined ? 'RESET default_transaction_read_only' : `SET default_transaction_read_only = ${value}`;
  await connection.run(`ALTER DATABASE ${quoteName(row?.name ?? '')} ${change}`);
}

/** Sessions of others with this database that may write. What they hold tells of them also where the role may not see
 *  what they do: who is in a transaction holds its virtual id. */
const others = `
  SELECT a.pid, a.usename AS role,
         EXISTS (SELECT FROM held WHERE held.pid = a.pid) AS busy,
         (SELECT s.rolsuper FROM pg_roles s WHERE s.rolname = current_user)
           OR (NOT coalesce(r.rolsuper, true) AND (pg_has_role(a.usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE'))) AS mine
  FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid
  WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.usesysid IS NOT NULL
    AND a.application_name !~ '^waybill(_|$)' AND coalesce(a.backend_type, 'client backend') <> 'walsender'
    AND NOT EXISTS (SELECT FROM pg_stat_replication w WHERE w.pid = a.pid)
    AND (coalesce(a.backend_type, 'client backend') = 'client backend' OR EXISTS (SELECT FROM writing WHERE writing.pid = a.pid))`;

const look = `
  WITH locks AS MATERIALIZED (SELECT pid, locktype FROM pg_locks WHERE mode = 'ExclusiveLock' AND granted
                              AND locktype IN ('virtualxid', 'transactionid')),
       held AS (SELECT pid FROM locks), writing AS (SELECT pid FROM locks WHERE locktype = 'transactionid'),
       others AS MATERIALIZED (${others})
  SELECT pid, role, busy, mine,
         CASE WHEN mine AND (NOT busy OR $1) THEN pg_terminate_backend(pid) ELSE false END AS ended FROM others`;

interface Other {
  readonly pid: number;
  readonly role: string | null;
  readonly busy: boolean;
  readonly mine: boolean;
}

/** Ends the sessions of others: at once where they are idle, those in a transaction when it is over, or after
 *  `how.waitMs` if the job says so. Throws `source.busy-writers` when some are left, `store.denied` for sessions that
 *  this role may not end. */
export async function lockOut(connection: Connection, how: FreezeOptions): Promise<void> {
  const started = performance.now();
  for (;;) {
    const waited = performance.now() - started;
    const late = waited >= how.waitMs;
    const rest = await connection.query<Other & Record<string, unknown>>(look, [late && how.writers === 'end']);
    if (rest.length === 0) return;
    const stuck = rest.filter(({ mine, busy }) => !mine && !busy);
    if (stuck.length > 0) throw denied(stuck);
    if (late && (how.writers === 'wait' || waited >= how.waitMs + endWithin)) throw busy(rest, how);
    await sleep(lookEvery);
  }
}

const named = (sessions: readonly Other[]): string =>
  sessions
    .slice(0, 5)
    .map(({ pid, role }) => `${pid} (${role ?? 'unknown role'})`)
    .join(', ');

const denied = (sessions: readonly Other[]): MigrationError =>
  new MigrationError('store.denied', `These sessions cannot be ended by this role: ${named(sessions)}.`, {
    hint: 'GRANT pg_signal_backend to it; a superuser’s sessions are ended by a superuser only.',
  });

const busy = (sessions: readonly Other[], { waitMs }: FreezeOptions): MigrationError =>
  new MigrationError(
    'source.busy-writers',
    `${sessions.length} sessions did not end their transactions within ${waitMs} ms: ${named(sessions)}.`,
    { hint: 'End them, or let the job say `writers: end`.' },
  );
