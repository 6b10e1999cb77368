import { setTimeout } from 'node:timers/promises';
import { DatabaseSync } from 'node:sqlite';
import type { SqliteOptions } from './options.ts';
import { sqliteError } from './sqlite-error.ts';

const busy = 5;
const longestPause = 50;

/** The one writing connection of a store. It makes the file when it first writes. Waiting for other writers never
 *  blocks the thread: the other may be in the same one. */
export class WriteConnection {
  readonly path: string;
  readonly #waitMs: number;
  #db: DatabaseSync | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(path: string, options: SqliteOptions) {
    this.path = path;
    this.#waitMs = options.wait * 1000;
  }

  /** Runs `work` in a transaction that no other writer interrupts; it is durable when this resolves, and leaves nothing
   *  when `work` throws. One at a time. */
  async write<T>(work: (db: DatabaseSync) => T | Promise<T>, signal: AbortSignal): Promise<T> {
    const turn = this.#queue.then(async () => {
      try {
        const db = this.#open();
        await this.#untilFree(() => db.exec('BEGIN IMMEDIATE'), signal);
        try {
          const result = await work(db);
          signal.throwIfAborted();
          await this.#untilFree(() => db.exec('COMMIT'), signal);
          return result;
        } catch (error) {
          if (db.isTransaction) db.exec('ROLLBACK');
          throw error;
        }
      } catch (error) {
        throw sqliteError(error, this.path);
      }
    });
    this.#queue = turn.catch(() => {});
    return turn;
  }

  /** Rolls back what a killed writer left behind. */
  recover(): void {
    this.#open().prepare('SELECT count(*) FROM sqlite_schema').get();
  }

  #open(): DatabaseSync {
    if (this.#db) return this.#db;
    const db = new DatabaseSync(this.path, { timeout: 0, enableForeignKeyConstraints: false, defensive: false });
    // Renaming a table must neither rewrite nor check what refers to it by name.
    db.exec('PRAGMA synchronous = FULL; PRAGMA legacy_alter_table = ON');
    return (this.#db = db);
  }

  async #untilFree(attempt: () => void, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + this.#waitMs;
    for (let pause = 1; ; pause = Math.min(pause * 2, longestPause)) {
      try {
        attempt();
        return;
      } catch (error) {
        const isBusy = error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === busy;
        if (!isBusy || performance.now() > deadline) throw error;
      }
      await setTimeout(pause, undefined, { signal });
    }
  }

  close(): void {
    this.#db?.close();
    this.#db = undefined;
  }
}
