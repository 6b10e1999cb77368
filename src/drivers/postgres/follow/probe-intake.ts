import type { Finding } from '../../../model/finding.ts';
import type { FollowOptions } from '../../../model/job.ts';
import type { Server } from '../clone/pair-servers.ts';
import { maySetReplica } from './may-set-replica.ts';

/** What would keep changes from being applied. */
export function probeIntake({ connections }: Server, _options: FollowOptions, signal: AbortSignal): Promise<Finding[]> {
  return connections.use('look at the target', signal, async (connection) => {
    const findings: Finding[] = [];
    const [facts] = await connection.query<{ role: string; owner: boolean; signal: boolean; super: boolean }>(
      `SELECT current_user::text AS role, pg_has_role('pg_signal_backend', 'USAGE') AS signal, r.rolsuper AS super,
              (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()) AS owner
       FROM pg_roles r WHERE r.rolname = current_user`,
    );
    if (!facts) return findings;
    const { role } = facts;
    if (!(await maySetReplica(connection))) {
      findings.push({
        level: 'warning',
        code: 'store.denied',
        message: `Role ${role} may not set session_replication_role at the target: triggers there would act on what the source's have acted on already, and foreign keys would be checked in between. They must not be there before the switch.`,
        hint: `GRANT SET ON PARAMETER session_replication_role TO ${role} (PostgreSQL 15 and later)`,
      });
    }
    if (!facts.super && !facts.owner) {
      findings.push({
        level: 'error',
        code: 'store.denied',
        message: `Role ${role} does not own the target's database, so it cannot keep others from writing there before the switch.`,
        hint: `ALTER DATABASE … OWNER TO ${role}, or grant ${role} the role that owns it.`,
      });
    }
    return findings;
  });
}
