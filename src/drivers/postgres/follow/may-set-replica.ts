import type { Connection } from '../connection.ts';

/** Triggers and foreign keys of the target do not act on what the source's have acted on already. */
export async function maySetReplica(connection: Connection): Promise<boolean> {
  const [role] = await connection.query<{ super: boolean; version: string }>(
    `SELECT rolsuper AS super, current_setting('server_version_num') AS version FROM pg_roles WHERE rolname = current_user`,
  );
  if (role?.super === true || Number(role?.version) < 150_000) return role?.super === true;
  const [granted] = await connection.query<{ may: boolean }>(
    `SELECT has_parameter_privilege(current_user, 'session_replication_role', 'SET') AS may`,
  );
  return granted?.may === true;
}
