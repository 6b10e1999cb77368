import type { Connection } from '../connection.ts';
import { lockLedger, workSchema } from '../ledger.ts';
import { lockOut, readOnlySetting, setReadOnly } from './lock-out.ts';

const table = `${workSchema}.position`;

/** `closed`: while closed, what default_transaction_read_only was set to for the database; empty when it was not. */
const definition = `
  CREATE SCHEMA IF NOT EXISTS ${workSchema};
  CREATE TABLE IF NOT EXISTS ${table} (run text PRIMARY KEY, position text, closed text)`;

export const positionSql = `
  INSERT INTO ${table} AS p (run, position) VALUES ($1, $2)
  ON CONFLICT (run) DO UPDATE SET position = excluded.position`;

async function exists(connection: Connection): Promise<boolean> {
  const rows = await connection.query<{ found: boolean }>(`SELECT to_regclass('${table}') IS NOT NULL AS found`);
  return rows[0]?.found === true;
}

export async function createPositionTable(connection: Connection): Promise<void> {
  if (await exists(connection)) return;
  await connection.transaction(async () => {
    await lockLedger(connection);
    await connection.run(definition);
  });
}

export async function readPosition(connection: Connection, run: string): Promise<string | undefined> {
  if (!(await exists(connection))) return undefined;
  const rows = await connection.query<{ position: string | null }>(`SELECT position FROM ${table} WHERE run = $1`, [
    run,
  ]);
  return rows[0]?.position ?? undefined;
}

export async function closeTarget(connection: Connection, run: string): Promise<void> {
  await createPositionTable(connection);
  await connection.transaction(async () => {
    const rows = await connection.query<{ closed: string | null }>(`SELECT closed FROM ${table} WHERE run = $1`, [run]);
    if (rows[0]?.closed == null) {
      await connection.run(
        `INSERT INTO ${table} (run, closed) VALUES ($1, $2) ON CONFLICT (run) DO UPDATE SET closed = excluded.closed`,
        [run, (await readOnlySetting(connection)) ?? ''],
      );
    }
    await setReadOnly(connection, 'on');
  });
  // Who is connected could still write: nobody should be.
  await lockOut(connection, { writers: 'end', waitMs: 0 });
}

export async function openTarget(connection: Connection, run: string): Promise<void> {
  if (!(await exists(connection))) return;
  await connection.transaction(async () => {
    const rows = await connection.query<{ closed: string | null }>(`SELECT closed FROM ${table} WHERE run = $1`, [run]);
    const closed = rows[0]?.closed;
    if (closed == null) return;
    await setReadOnly(connection, closed === '' ? undefined : closed);
    await connection.run(`UPDATE ${table} SET closed = NULL WHERE run = $1`, [run]);
  });
}

/** The last run takes the table with it, and the schema where nothing else is in it. */
export async function endIntake(connection: Connection, run: string): Promise<void> {
  await openTarget(connection, run);
  if (!(await exists(connection))) return;
  await connection.transaction(async () => {
    await lockLedger(connection);
    await connection.run(`DELETE FROM ${table} WHERE run = $1`, [run]);
    const [left] = await connection.query<{ found: boolean }>(`SELECT EXISTS (SELECT FROM ${table}) AS found`);
    if (left?.found === true) return;
    await connection.run(`DROP TABLE ${table}`);
    const [others] = await connection.query<{ found: boolean }>(
      `SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace = '${workSchema}'::regnamespace) AS found`,
    );
    if (others?.found === false) await connection.run(`DROP SCHEMA ${workSchema}`);
  });
}
