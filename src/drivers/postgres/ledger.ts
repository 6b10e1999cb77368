import type { BaseContent } from '../../model/event.ts';
import type { Into } from '../../model/job.ts';
import type { Receipt, Stored } from '../../model/receipt.ts';
import type { Connection } from './connection.ts';

/** Schema of Waybill's own at the target: staging tables and what is known of them. Made on demand, dropped when the
 *  last run is swept. */
export const workSchema = '_waybill';

/** How a draft becomes visible. `create` moves the staging table into place, the others add its rows to a table. */
export type Way = 'create' | 'append' | 'merge';

export interface DraftRow {
  readonly staging: string;
  readonly target: string;
  readonly into: Into;
  readonly way: Way;
  readonly base: BaseContent | undefined;
  readonly published: boolean;
}

const definition = `
  CREATE SCHEMA IF NOT EXISTS ${workSchema};
  CREATE TABLE IF NOT EXISTS ${workSchema}.draft (
    run text NOT NULL, step integer NOT NULL, staging text NOT NULL UNIQUE, target text NOT NULL, into_what text NOT NULL,
    way text NOT NULL, base_rows bigint, base_digest text, published boolean NOT NULL DEFAULT false,
    PRIMARY KEY (run, step));
  CREATE TABLE IF NOT EXISTS ${workSchema}.chunk (
    run text NOT NULL, step integer NOT NULL, chunk text NOT NULL, rows bigint NOT NULL, bytes bigint NOT NULL,
    PRIMARY KEY (run, step, chunk));
  CREATE TABLE IF NOT EXISTS ${workSchema}.unchecked (
    run text NOT NULL, schema_name text NOT NULL, table_name text NOT NULL, name text NOT NULL,
    PRIMARY KEY (run, schema_name, table_name, name))`;

/** One at a time makes or drops the schema. */
export const lockLedger = (connection: Connection) => connection.run(`SELECT pg_advisory_xact_lock(8746390524)`);

export const createLedger = (connection: Connection) => connection.run(definition);

export async function ledgerExists(connection: Connection): Promise<boolean> {
  const rows = await connection.query<{ found: boolean }>(
    `SELECT to_regclass('${workSchema}.draft') IS NOT NULL AS found`,
  );
  return rows[0]?.found === true;
}

export async function insertDraft(connection: Connection, run: string, step: number, row: DraftRow): Promise<void> {
  await connection.run(
    `INSERT INTO ${workSchema}.draft (run, step, staging, target, into_what, way, base_rows, base_digest)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [run, step, row.staging, row.target, row.into, row.way, row.base?.rows ?? null, row.base?.digest ?? null],
  );
}

/** The draft of this staging table, locked against other publishers when `lock` is set. */
export async function findDraft(
  connection: Connection,
  staging: string,
  lock: '' | 'FOR UPDATE' = '',
): Promise<DraftRow | undefined> {
  if (!(await ledgerExists(connection))) return undefined;
  const rows = await connection.query<{
    target: string;
    into_what: Into;
    way: Way;
    base_rows: string | null;
    base_digest: string | null;
    published: boolean;
    stands: boolean;
  }>(
    `SELECT target, into_what, way, base_rows, base_digest, published,
            to_regclass(format('%I.%I', '${workSchema}', staging)) IS NOT NULL AS stands
     FROM ${workSchema}.draft WHERE staging = $1 ${lock}`,
    [staging],
  );
  const row = rows[0];
  if (!row || (!row.published && !row.stands)) return undefined;
  const base = row.base_digest === null ? undefined : { rows: Number(row.base_rows), digest: row.base_digest };
  return { staging, target: row.target, into: row.into_what, way: row.way, base, published: row.published };
}

export async function markPublished(connection: Connection, staging: string): Promise<void> {
  await connection.run(`UPDATE ${workSchema}.draft SET published = true WHERE staging = $1`, [staging]);
}

export async function forgetDraft(connection: Connection, run: string, step: number): Promise<void> {
  await connection.run(`DELETE FROM ${workSchema}.chunk WHERE run = $1 AND step = $2`, [run, step]);
  await connection.run(`DELETE FROM ${workSchema}.draft WHERE run = $1 AND step = $2`, [run, step]);
}

export async function findChunk(
  connection: Connection,
  run: string,
  step: number,
  chunk: string,
): Promise<Stored | undefined> {
  const rows = await connection.query<{ rows: string; bytes: string }>(
    `SELECT rows, bytes FROM ${workSchema}.chunk WHERE run = $1 AND step = $2 AND chunk = $3`,
    [run, step, chunk],
  );
  return rows[0] && { rows: Number(rows[0].rows), bytes: Number(rows[0].bytes) };
}

export async function insertChunk(
  connection: Connection,
  run: string,
  step: number,
  chunk: string,
  stored: Stored,
): Promise<void> {
  await connection.run(`INSERT INTO ${workSchema}.chunk VALUES ($1, $2, $3, $4, $5)`, [
    run,
    step,
    chunk,
    stored.rows,
    stored.bytes,
  ]);
}

/** What the ledger and the receipts disagree on, in words; undefined when they agree on every chunk. */
export async function disagreement(
  connection: Connection,
  run: string,
  step: number,
  receipts: readonly Receipt[],
): Promise<string | undefined> {
  const rows = await connection.query<{ chunk: string; stored: string | null; promised: string | null }>(
    `SELECT coalesce(l.chunk, r.chunk) AS chunk, l.rows AS stored, r.rows AS promised
     FROM (SELECT chunk, rows FROM ${workSchema}.chunk WHERE run = $1 AND step = $2) l
     FULL JOIN unnest($3::text[], $4::bigint[]) AS r(chunk, rows) ON r.chunk = l.chunk
     WHERE l.rows IS DISTINCT FROM r.rows LIMIT 1`,
    [run, step, receipts.map((receipt) => receipt.chunk), receipts.map((receipt) => receipt.rows)],
  );
  const row = rows[0];
  return (
    row &&
    `chunk ${row.chunk} has ${row.stored ?? 'no'} rows in the staging table, ${row.promised ?? 'none'} in the receipts`
  );
}
