import type { Connection } from '../connection.ts';
import { createLedger, ledgerExists, lockLedger, workSchema } from '../ledger.ts';

/** Makes the ledger at the target unless it is there. */
export async function makeLedger(connection: Connection): Promise<void> {
  if (await ledgerExists(connection)) return;
  await connection.transaction(async () => {
    await lockLedger(connection);
    await createLedger(connection);
  });
}

/** Forgets a run, and drops the ledger with the last one. */
export async function forgetRun(connection: Connection, run: string): Promise<void> {
  if (!(await ledgerExists(connection))) return;
  await connection.transaction(async () => {
    await lockLedger(connection);
    if (!(await ledgerExists(connection))) return;
    for (const ledger of ['chunk', 'draft', 'unchecked']) {
      await connection.run(`DELETE FROM ${workSchema}.${ledger} WHERE run = $1`, [run]);
    }
    const [left] = await connection.query<{ found: boolean }>(
      `SELECT EXISTS (SELECT FROM ${workSchema}.draft) OR EXISTS (SELECT FROM ${workSchema}.chunk) AS found`,
    );
    if (left?.found !== false) return;
    for (const ledger of ['chunk', 'draft', 'unchecked']) await connection.run(`DROP TABLE ${workSchema}.${ledger}`);
    // Something else of Waybill's may lie in it.
    await connection.run(
      `DO $$ BEGIN DROP SCHEMA ${workSchema}; EXCEPTION WHEN dependent_objects_still_exist THEN END $$`,
    );
  });
}
