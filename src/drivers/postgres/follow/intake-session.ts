import type { ChangeBatch } from '../../../store/following.ts';
import type { Connection } from '../connection.ts';
import type { Connections, Lent } from '../connections.ts';
import { sqlState } from '../store-error.ts';
import { RowApplier } from './apply-rows.ts';
import { writeSet } from './apply-set.ts';
import type { ChangeLog } from './change-log.ts';
import { unmet, type Expectations } from './expectations.ts';
import { maySetReplica } from './may-set-replica.ts';
import { Pipeline } from './pipeline.ts';
import { createPositionTable, positionSql } from './position-table.ts';
import { TargetTables } from './target-tables.ts';

/** Keys are looked up by index: after a load without statistics the planner might read the whole table for a batch. */
const planSettings = `set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
  set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)`;
const replicaSetting = `set_config('session_replication_role', 'replica', true)`;

/** Applies batches. The transaction of one that comes in pieces stays open from call to call. */
export class IntakeSession {
  readonly #connections: Connections;
  readonly #tables = new TargetTables();
  #settings: string | undefined;
  /** Of the transaction that goes on in the next batch. */
  #open: { readonly lent: Lent; readonly signal: AbortSignal; readonly abort: () => void } | undefined;

  /** A piece of it that was sent: the next one is prepared while the target works. */
  #pending:
    | { readonly counts: Promise<readonly number[]>; readonly expected: Expectations; readonly log: ChangeLog }
    | undefined;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  async apply(run: string, batch: ChangeBatch, signal: AbortSignal): Promise<void> {
    if (this.#open?.signal.aborted) this.giveUp();
    const continued = this.#open !== undefined;
    const lent = this.#open?.lent ?? (await this.#connections.lend('apply changes', signal));
    let usable = false;
    try {
      signal.throwIfAborted();
      await this.#prepare(lent.connection);
      const pieces = continued || batch.position === undefined;
      await this.#apply(lent.connection, run, batch, pieces, continued);
      usable = true;
    } catch (error) {
      this.forget();
      throw lent.inWords(error);
    } finally {
      if (usable && batch.position === undefined) this.#keep(lent, signal);
      else this.#release(lent, usable);
    }
  }

  /** Rolls back a transaction whose rest will not come. */
  giveUp(): void {
    if (this.#open) this.#release(this.#open.lent, false);
  }

  /** Looks anew at tables, rights and the place of positions: somebody may have mended them, or ended a run. */
  forget(): void {
    this.#tables.forget();
    this.#settings = undefined;
  }

  #keep(lent: Lent, signal: AbortSignal): void {
    if (this.#open) return;
    const abort = () => this.giveUp();
    signal.addEventListener('abort', abort);
    this.#open = { lent, signal, abort };
  }

  #release(lent: Lent, usable: boolean): void {
    if (this.#open) this.#open.signal.removeEventListener('abort', this.#open.abort);
    this.#open = undefined;
    this.#pending = undefined;
    lent.giveBack({ usable });
  }

  async #prepare(connection: Connection): Promise<void> {
    if (this.#settings !== undefined) return;
    await createPositionTable(connection);
    this.#settings = `SELECT ${planSettings}${(await maySetReplica(connection)) ? `, ${replicaSetting}` : ''}`;
  }

  async #apply(
    connection: Connection,
    run: string,
    { position, content }: ChangeBatch,
    pieces: boolean,
    continued: boolean,
  ): Promise<void> {
    const log = content as ChangeLog;
    if (log.buffer.length === 0 && !pieces) {
      await connection.run(positionSql, [run, position]);
      return;
    }
    const begin = (pipeline: Pipeline, expected: Expectations) => {
      const words = continued ? [] : ['BEGIN', this.#settings ?? 'SELECT'];
      // A piece that fails must not take the pieces before it along.
      if (pieces) words.push(...(continued ? ['RELEASE SAVEPOINT piece'] : []), 'SAVEPOINT piece');
      for (const word of words) {
        pipeline.statement(word);
        expected.push(undefined);
      }
    };
    const pipeline = new Pipeline(log.buffer.length + 4096);
    const expected: Expectations = [];
    begin(pipeline, expected);
    const possible = await writeSet(connection, this.#tables, log, pipeline, expected, () => this.#settle(connection));
    await this.#settle(connection);
    if (!possible) {
      const bare = new Pipeline();
      begin(bare, []);
      await bare.run(connection);
      await new RowApplier(connection, this.#tables).apply(log);
    } else {
      const counts = pipeline.run(connection);
      if (position === undefined) {
        counts.catch(() => {});
        this.#pending = { counts, expected, log };
        return;
      }
      if (!(await asExpected(counts, expected))) {
        const again = new Pipeline();
        if (pieces) again.statement('ROLLBACK TO SAVEPOINT piece');
        else {
          again.statement('ROLLBACK');
          begin(again, []);
        }
        await again.run(connection);
        await new RowApplier(connection, this.#tables).apply(log);
      }
    }
    await this.#finish(connection, run, position);
  }

  /** Waits for the piece that the target is still working on. */
  async #settle(connection: Connection): Promise<void> {
    const pending = this.#pending;
    this.#pending = undefined;
    if (!pending || (await asExpected(pending.counts, pending.expected))) return;
    await connection.run('ROLLBACK TO SAVEPOINT piece');
    await new RowApplier(connection, this.#tables).apply(pending.log);
  }

  async #finish(connection: Connection, run: string, position: string | undefined): Promise<void> {
    if (position === undefined) return;
    const pipeline = new Pipeline();
    pipeline.statement(positionSql, [run, position]);
    pipeline.statement('COMMIT');
    await pipeline.run(connection);
  }
}

/** False when it has to be done row by row, which tells the row that is not as expected. */
async function asExpected(counts: Promise<readonly number[]>, expected: Expectations): Promise<boolean> {
  try {
    return unmet(expected, await counts) === undefined;
  } catch (error) {
    // Rows in each other's way for a moment, or a value that does not fit.
    if (/^2[23]/.test(sqlState(error))) return false;
    throw error;
  }
}
