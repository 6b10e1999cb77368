import { MigrationError } from '../../model/migration-error.ts';
import type { Connection } from './connection.ts';
import { qualified } from './names.ts';

export async function tableExists(connection: Connection, schema: string, table: string): Promise<boolean> {
  const rows = await connection.query<{ found: boolean }>('SELECT to_regclass($1) IS NOT NULL AS found', [
    qualified(schema, table),
  ]);
  return rows[0]?.found === true;
}

/** Throws when something hangs on a table that replacing it would take away. */
export async function refuseDependents(connection: Connection, schema: string, table: string): Promise<void> {
  const rows = await connection.query<{ name: string; kind: string }>(
    `SELECT DISTINCT format('%I.%I', n.nspname, v.relname) AS name,
            CASE v.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END AS kind
     FROM pg_depend d JOIN pg_rewrite w ON w.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
       JOIN pg_class v ON v.oid = w.ev_class JOIN pg_namespace n ON n.oid = v.relnamespace
     WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = to_regclass($1) AND v.oid <> d.refobjid
     UNION ALL
     SELECT format('%I on it', t.tgname), 'trigger' FROM pg_trigger t WHERE t.tgrelid = to_regclass($1) AND NOT t.tgisinternal
     ORDER BY 2, 1`,
    [qualified(schema, table)],
  );
  if (rows.length === 0) return;
  const names = rows.slice(0, 5).map(({ kind, name }) => `${kind} ${name}`);
  throw new MigrationError(
    'store.unsupported',
    `Table ${table} cannot be replaced: ${names.join(', ')} would be lost with it.`,
    {
      hint: 'Drop it and create it again afterwards, or use `--into merge` or `append`.',
      where: table,
    },
  );
}
