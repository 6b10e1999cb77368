import { createHash } from 'node:crypto';
import type { BaseContent } from '../../model/event.ts';
import type { Into } from '../../model/job.ts';
import type { Receipt, Stored } from '../../model/receipt.ts';
import type { Connection } from './connection.ts';
import { ownPrefix, qualified, quoteLiteral } from './names.ts';

/** How a draft becomes visible. `create` renames the staging table into place, the others add its rows to a table. */
export type Way = 'create' | 'append' | 'merge';

/** `publishing`: the rename may have happened, and what is in `afterwards` is still to be done. */
export type DraftState = 'open' | 'publishing' | 'published';

export interface DraftRow {
  readonly run: string;
  readonly step: number;
  readonly staging: string;
  readonly target: string;
  readonly into: Into;
  readonly way: Way;
  readonly base: BaseContent | undefined;
  readonly state: DraftState;
  /** Indexes and foreign keys to make again when the table is in its place. */
  readonly afterwards: readonly Afterwards[];
  /** Does the staging table stand? */
  readonly stands: boolean;
}

export interface Afterwards {
  readonly kind: 'index' | 'foreign-key';
  readonly table: string;
  readonly name: string;
  readonly sql: string;
}

/** What the database knows of drafts: chunks are entered in the same transaction as their rows. Made on demand, dropped
 *  when the last run is swept. */
export class Ledger {
  readonly database: string;
  readonly #draft: string;
  readonly #chunk: string;

  constructor(database: string) {
    this.database = database;
    this.#draft = qualified(database, `${ownPrefix}draft`);
    this.#chunk = qualified(database, `${ownPrefix}chunk`);
  }

  staging(run: string, step: number): string {
    return `${ownPrefix}${run}_${step}`;
  }

  /** What a replaced table is called until it is dropped. */
  replaced(staging: string): string {
    return `${staging}_old`;
  }

  async create(connection: Connection): Promise<void> {
    const options = 'ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin';
    await connection.run(
      `CREATE TABLE IF NOT EXISTS ${this.#draft} (staging VARCHAR(64) PRIMARY KEY, run VARCHAR(64) NOT NULL, step INT NOT NULL,
         target VARCHAR(64) NOT NULL, into_what VARCHAR(16) NOT NULL, way VARCHAR(16) NOT NULL, base_rows BIGINT,
         base_digest VARCHAR(64), state VARCHAR(16) NOT NULL, afterwards LONGTEXT NOT NULL) ${options}`,
    );
    await connection.run(
      `CREATE TABLE IF NOT EXISTS ${this.#chunk} (staging VARCHAR(64), chunk CHAR(64), stored_rows BIGINT NOT NULL,
         stored_bytes BIGINT NOT NULL, PRIMARY KEY (staging, chunk)) ${options}`,
    );
  }

  /** One at a time begins or sweeps. */
  async locked<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
    const lock = quoteLiteral(`waybill.${this.database}`.slice(0, 64));
    await connection.query(`SELECT GET_LOCK(${lock}, 600)`);
    try {
      return await work();
    } finally {
      await connection.query(`SELECT RELEASE_LOCK(${lock})`).catch(() => {});
    }
  }

  async exists(connection: Connection): Promise<boolean> {
    return tableExists(connection, this.database, `${ownPrefix}draft`);
  }

  async insert(connection: Connection, row: DraftRow): Promise<void> {
    const { staging, run, step, target, into, way, base } = row;
    const texts = [staging, run].map(quoteLiteral).join(', ');
    await connection.run(
      `INSERT INTO ${this.#draft} VALUES (${texts}, ${step}, ${[target, into, way].map(quoteLiteral).join(', ')},
         ${base?.rows ?? 'NULL'}, ${base ? quoteLiteral(base.digest) : 'NULL'}, 'open', '[]')`,
    );
  }

  async find(connection: Connection, staging: string, lock: '' | 'FOR UPDATE' = ''): Promise<DraftRow | undefined> {
    if (!(await this.exists(connection))) return undefined;
    const [row] = await connection.query(
      `SELECT * FROM ${this.#draft} WHERE staging = ${quoteLiteral(staging)} ${lock}`,
    );
    if (!row) return undefined;
    const base =
      row['base_digest'] == null ? undefined : { rows: Number(row['base_rows']), digest: row['base_digest'] };
    return {
      run: row['run'] ?? '',
      step: Number(row['step']),
      staging,
      target: row['target'] ?? '',
      into: row['into_what'] as Into,
      way: row['way'] as Way,
      base,
      state: row['state'] as DraftState,
      afterwards: JSON.parse(row['afterwards'] ?? '[]') as Afterwards[],
      stands: await tableExists(connection, this.database, staging),
    };
  }

  /** Names of a run's staging tables. */
  async ofRun(connection: Connection, run: string): Promise<readonly string[]> {
    const rows = await connection.query(`SELECT staging FROM ${this.#draft} WHERE run = ${quoteLiteral(run)}`);
    return rows.map((row) => row['staging'] ?? '');
  }

  async enter(
    connection: Connection,
    staging: string,
    state: DraftState,
    afterwards?: readonly Afterwards[],
  ): Promise<void> {
    const more = afterwards ? `, afterwards = ${quoteLiteral(JSON.stringify(afterwards))}` : '';
    await connection.run(
      `UPDATE ${this.#draft} SET state = ${quoteLiteral(state)}${more} WHERE staging = ${quoteLiteral(staging)}`,
    );
  }

  async forget(connection: Connection, staging: string): Promise<void> {
    await connection.run(`DELETE FROM ${this.#chunk} WHERE staging = ${quoteLiteral(staging)}`);
    await connection.run(`DELETE FROM ${this.#draft} WHERE staging = ${quoteLiteral(staging)}`);
  }

  async findChunk(connection: Connection, staging: string, chunk: string): Promise<Stored | undefined> {
    const [row] = await connection.query(
      `SELECT stored_rows, stored_bytes FROM ${this.#chunk} WHERE staging = ${quoteLiteral(staging)} AND chunk = ${chunkKey(chunk)}`,
    );
    return row && { rows: Number(row['stored_rows']), bytes: Number(row['stored_bytes']) };
  }

  async insertChunk(connection: Connection, staging: string, chunk: string, stored: Stored): Promise<void> {
    await connection.run(
      `INSERT INTO ${this.#chunk} VALUES (${quoteLiteral(staging)}, ${chunkKey(chunk)}, ${stored.rows}, ${stored.bytes})`,
    );
  }

  /** What the ledger and the receipts disagree on, in words; undefined when they agree on every chunk. */
  async disagreement(
    connection: Connection,
    staging: string,
    receipts: readonly Receipt[],
  ): Promise<string | undefined> {
    const rows = await connection.query(
      `SELECT chunk, stored_rows FROM ${this.#chunk} WHERE staging = ${quoteLiteral(staging)}`,
    );
    const stored = new Map(rows.map((row) => [row['chunk'] ?? '', Number(row['stored_rows'])]));
    for (const { chunk, rows: promised } of receipts) {
      const key = digestOf(chunk);
      if (stored.get(key) !== promised) {
        return `chunk ${chunk} has ${stored.get(key) ?? 'no'} rows in the staging table, ${promised} in the receipts`;
      }
      stored.delete(key);
    }
    return stored.size > 0 ? `${stored.size} chunks of the staging table are in no receipt` : undefined;
  }

  /** Drops the ledger when no draft is left. */
  async dropIfEmpty(connection: Connection): Promise<void> {
    const left = await connection.query(`SELECT 1 AS found FROM ${this.#draft} LIMIT 1`);
    if (left.length === 0) await connection.run(`DROP TABLE IF EXISTS ${this.#chunk}, ${this.#draft}`);
  }
}

/** Keys of chunks may be long: they stand for themselves by digest. */
const digestOf = (chunk: string): string => createHash('sha256').update(chunk).digest('hex');
const chunkKey = (chunk: string): string => quoteLiteral(digestOf(chunk));

export async function tableExists(connection: Connection, database: string, table: string): Promise<boolean> {
  const rows = await connection.query(
    `SELECT 1 AS found FROM information_schema.TABLES WHERE TABLE_SCHEMA = ${quoteLiteral(database)} AND TABLE_NAME = ${quoteLiteral(table)}`,
  );
  return rows.length > 0;
}
