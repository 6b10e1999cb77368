import type { Connection } from '../connection.ts';
import { quoteLiteral, quoteName } from '../names.ts';
import type { ScriptContent } from './run-script.ts';

interface RoleRow {
  readonly name: string;
  readonly superuser: boolean;
  readonly words: string;
  readonly password: string | null;
  readonly comment: string | null;
  readonly settings: readonly string[];
  readonly groups: readonly { readonly name: string; readonly admin: boolean }[];
}

/** Makes these roles as they are at the source. Passwords come along, as the hashes that they are, where the source's
 *  user may read them. Superusers are made so by superusers only. */
export async function readRoles(
  connection: Connection,
  names: readonly string[],
  targetSuperuser: boolean,
): Promise<ScriptContent> {
  const [right] = await connection.query<{ may: boolean }>(`SELECT has_table_privilege('pg_authid', 'SELECT') AS may`);
  const catalogue = right?.may === true ? 'pg_authid' : 'pg_roles';
  const rows = await connection.query<RoleRow>(
    `SELECT r.rolname AS name, r.rolsuper AS superuser, concat_ws(' ', CASE WHEN r.rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END,
       CASE WHEN r.rolinherit THEN 'INHERIT' ELSE 'NOINHERIT' END, CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
       CASE WHEN r.rolcreatedb THEN 'CREATEDB' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END, CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END,
       'CONNECTION LIMIT ' || r.rolconnlimit, 'VALID UNTIL ' || quote_literal(r.rolvaliduntil)) AS words,
       ${right?.may === true ? 'r.rolpassword' : 'NULL'} AS password, shobj_description(r.oid, 'pg_authid') AS comment,
       coalesce((SELECT s.setconfig FROM pg_db_role_setting s WHERE s.setrole = r.oid AND s.setdatabase = 0), '{}') AS settings,
       coalesce((SELECT json_agg(json_build_object('name', g.rolname, 'admin', m.admin_option) ORDER BY g.rolname)
         FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid AND g.rolname = ANY ($1)), '[]') AS groups
     FROM ${catalogue} r WHERE r.rolname = ANY ($1) ORDER BY 1`,
    [names],
  );
  const entry = (name: string, kind: string, sql: string) => ({ title: `${name}; Type: ${kind}; Schema: -`, sql });
  const made = rows.map(({ name, superuser, words, password }) => {
    const more = `${superuser && targetSuperuser ? ' SUPERUSER' : ''}${password === null ? '' : ` PASSWORD ${quoteLiteral(password)}`}`;
    return entry(name, 'ROLE', `CREATE ROLE ${quoteName(name)} ${words}${more};`);
  });
  const described = rows.flatMap(({ name, comment, settings, groups }) =>
    [
      ...(comment === null ? [] : [`COMMENT ON ROLE ${quoteName(name)} IS ${quoteLiteral(comment)};`]),
      ...settings.map((setting) => {
        const at = setting.indexOf('=');
        return `ALTER ROLE ${quoteName(name)} SET ${setting.slice(0, at)} = ${quoteLiteral(setting.slice(at + 1))};`;
      }),
      ...groups.map(
        (group) => `GRANT ${quoteName(group.name)} TO ${quoteName(name)}${group.admin ? ' WITH ADMIN OPTION' : ''};`,
      ),
      // Who made a role does not own what belongs to it without being one of it.
      ...(targetSuperuser ? [] : [`GRANT ${quoteName(name)} TO CURRENT_USER;`]),
    ].map((sql) => entry(name, 'ROLE', sql)),
  );
  return { removals: [], entries: [...made, ...described] };
}
