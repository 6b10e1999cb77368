import type { Receipt, Stored } from '../../../model/receipt.ts';
import type { Connection } from '../connection.ts';
import { ledgerExists, lockLedger, workSchema } from '../ledger.ts';

/** What the target knows of the tables that a clone is filling: one row per table, and one per chunk, written in the
 *  chunk's own transaction. */
export interface CloneRow {
  readonly ticket: string;
  readonly key: string;
  readonly published: boolean;
  /** Storage options as they were before the load changed them. */
  readonly options: readonly string[];
  /** The table's content when it was opened for append. */
  readonly base: { readonly rows: number; readonly digest: string } | undefined;
}

export interface CloneChunk {
  readonly stored: Stored;
  /** The transaction that wrote it: `xmin` of its rows. */
  readonly xid: string;
}

const definition = `
  CREATE SCHEMA IF NOT EXISTS ${workSchema};
  CREATE TABLE IF NOT EXISTS ${workSchema}.clone_table (
    run text NOT NULL, step integer NOT NULL, key text NOT NULL, options text[] NOT NULL, base_rows bigint, base_digest text,
    published boolean NOT NULL DEFAULT false, PRIMARY KEY (run, step));
  CREATE TABLE IF NOT EXISTS ${workSchema}.clone_chunk (
    run text NOT NULL, step integer NOT NULL, chunk text NOT NULL, rows bigint NOT NULL, bytes bigint NOT NULL, xid text NOT NULL,
    PRIMARY KEY (run, step, chunk))`;

/** In a transaction. */
export async function createCloneLedger(connection: Connection): Promise<void> {
  await lockLedger(connection);
  await connection.run(definition);
}

export async function cloneLedgerExists(connection: Connection): Promise<boolean> {
  const [row] = await connection.query<{ found: boolean }>(
    `SELECT to_regclass('${workSchema}.clone_table') IS NOT NULL AS found`,
  );
  return row?.found === true;
}

export const ticketOf = (run: string, step: number): string => `${run}_${step}`;

export async function findClone(
  connection: Connection,
  run: string,
  step: number,
  lock: '' | 'FOR UPDATE' = '',
): Promise<CloneRow | undefined> {
  if (!(await cloneLedgerExists(connection))) return undefined;
  const [row] = await connection.query<{
    key: string;
    options: readonly string[];
    base_rows: string | null;
    base_digest: string | null;
    published: boolean;
  }>(
    `SELECT key, options, base_rows, base_digest, published FROM ${workSchema}.clone_table
     WHERE run = $1 AND step = $2 ${lock}`,
    [run, step],
  );
  if (!row) return undefined;
  const base = row.base_digest === null ? undefined : { rows: Number(row.base_rows), digest: row.base_digest };
  return { ticket: ticketOf(run, step), key: row.key, published: row.published, options: row.options, base };
}

export async function insertClone(connection: Connection, run: string, step: number, row: CloneRow): Promise<void> {
  await connection.run(
    `INSERT INTO ${workSchema}.clone_table (run, step, key, options, base_rows, base_digest) VALUES ($1, $2, $3, $4, $5, $6)`,
    [run, step, row.key, row.options, row.base?.rows ?? null, row.base?.digest ?? null],
  );
}

export async function setPublished(connection: Connection, run: string, step: number, to: boolean): Promise<void> {
  await connection.run(`UPDATE ${workSchema}.clone_table SET published = $3 WHERE run = $1 AND step = $2`, [
    run,
    step,
    to,
  ]);
}

export async function forgetClone(connection: Connection, run: string, step: number): Promise<void> {
  for (const table of ['clone_chunk', 'clone_table'])
    await connection.run(`DELETE FROM ${workSchema}.${table} WHERE run = $1 AND step = $2`, [run, step]);
}

export async function findCloneChunk(
  connection: Connection,
  run: string,
  step: number,
  chunk: string,
): Promise<CloneChunk | undefined> {
  const [row] = await connection.query<{ rows: string; bytes: string; xid: string }>(
    `SELECT rows, bytes, xid FROM ${workSchema}.clone_chunk WHERE run = $1 AND step = $2 AND chunk = $3`,
    [run, step, chunk],
  );
  return row && { stored: { rows: Number(row.rows), bytes: Number(row.bytes) }, xid: row.xid };
}

/** In the transaction that wrote the chunk. */
export async function insertCloneChunk(
  connection: Connection,
  run: string,
  step: number,
  chunk: string,
  stored: Stored,
): Promise<void> {
  await connection.run(
    `INSERT INTO ${workSchema}.clone_chunk VALUES ($1, $2, $3, $4, $5, (txid_current() % 4294967296)::text)`,
    [run, step, chunk, stored.rows, stored.bytes],
  );
}

/** Forgets all chunks but these; gives the transactions that wrote them, and the chunks that are left. */
export async function forgetOtherChunks(
  connection: Connection,
  run: string,
  step: number,
  kept: readonly string[],
): Promise<{ readonly xids: readonly string[]; readonly left: readonly string[] }> {
  const gone = await connection.query<{ xid: string }>(
    `DELETE FROM ${workSchema}.clone_chunk WHERE run = $1 AND step = $2 AND chunk <> ALL ($3) RETURNING xid`,
    [run, step, kept],
  );
  const left = await connection.query<{ chunk: string }>(
    `SELECT chunk FROM ${workSchema}.clone_chunk WHERE run = $1 AND step = $2`,
    [run, step],
  );
  return { xids: gone.map(({ xid }) => xid), left: left.map(({ chunk }) => chunk) };
}

/** What the ledger and the receipts disagree on, in words; undefined when they agree on every chunk. */
export async function cloneDisagreement(
  connection: Connection,
  run: string,
  step: number,
  receipts: readonly Receipt[],
): Promise<string | undefined> {
  const [row] = await connection.query<{ chunk: string; stored: string | null; promised: string | null }>(
    `SELECT coalesce(l.chunk, r.chunk) AS chunk, l.rows AS stored, r.rows AS promised
     FROM (SELECT chunk, rows FROM ${workSchema}.clone_chunk WHERE run = $1 AND step = $2) l
     FULL JOIN unnest($3::text[], $4::bigint[]) AS r(chunk, rows) ON r.chunk = l.chunk
     WHERE l.rows IS DISTINCT FROM r.rows LIMIT 1`,
    [run, step, receipts.map((receipt) => receipt.chunk), receipts.map((receipt) => receipt.rows)],
  );
  return (
    row && `chunk ${row.chunk} has ${row.stored ?? 'no'} rows in the table, ${row.promised ?? 'none'} in the receipts`
  );
}

/** Forgets a run, and goes with the last one. */
export async function sweepClone(connection: Connection, run: string): Promise<void> {
  if (!(await cloneLedgerExists(connection))) return;
  await lockLedger(connection);
  if (!(await cloneLedgerExists(connection))) return;
  for (const table of ['clone_chunk', 'clone_table'])
    await connection.run(`DELETE FROM ${workSchema}.${table} WHERE run = $1`, [run]);
  const left = await connection.query(`SELECT FROM ${workSchema}.clone_table LIMIT 1`);
  if (left.length > 0) return;
  await connection.run(`DROP TABLE ${workSchema}.clone_chunk, ${workSchema}.clone_table`);
  if (await ledgerExists(connection)) return;
  // Something else of Waybill's may lie in it.
  await connection.run(
    `DO $$ BEGIN DROP SCHEMA ${workSchema}; EXCEPTION WHEN dependent_objects_still_exist THEN END $$`,
  );
}
