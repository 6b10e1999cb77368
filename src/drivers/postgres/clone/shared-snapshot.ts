import { MigrationError } from '../../../model/migration-error.ts';
import type { Snapshot } from '../../../store/store.ts';
import type { Connection } from '../connection.ts';
import type { Connections } from '../connections.ts';
import { quoteLiteral } from '../names.ts';
import { sqlState } from '../store-error.ts';

type Mode = 'READ ONLY' | 'READ WRITE';

/** One state of the source for all sessions that read it. Position: `LSN SNAPSHOT-NAME`. */
export class SharedSnapshot {
  readonly connections: Connections;
  /** PostgreSQL's name of the exported snapshot; undefined before `take`: reads then see the present. */
  name: string | undefined;

  constructor(connections: Connections) {
    this.connections = connections;
  }

  /** Exports a snapshot and holds it until it is disposed; or joins the one of position `at`, which somebody else
   *  holds. Throws `source.moved` when nobody holds it any more. */
  async take(at: string | undefined, signal: AbortSignal): Promise<Snapshot> {
    if (at !== undefined) return this.#join(at, signal);
    // The session that exported it is kept out of the pool: the snapshot ends with its transaction.
    const lent = await this.connections.lend('take a snapshot', signal);
    try {
      await lent.connection.run('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const [row] = await lent.connection.query<{ lsn: string; name: string }>(
        `SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END AS lsn,
                pg_export_snapshot() AS name`,
      );
      this.name = row?.name;
      return {
        position: `${row?.lsn} ${row?.name}`,
        [Symbol.asyncDispose]: async () => {
          this.#leave(row?.name);
          lent.giveBack({ usable: false });
        },
      };
    } catch (error) {
      lent.giveBack({ usable: false });
      throw lent.inWords(error);
    }
  }

  /** Runs `work` in a transaction that sees the snapshot and is rolled back. */
  async use<T>(
    doing: string,
    signal: AbortSignal,
    work: (connection: Connection) => Promise<T>,
    mode: Mode = 'READ ONLY',
  ): Promise<T> {
    return this.connections.use(doing, signal, async (connection) => {
      await this.begin(connection, mode);
      try {
        return await work(connection);
      } finally {
        // Where this fails the session is broken, and `work` has said so.
        await connection.run('ROLLBACK').catch(() => {});
      }
    });
  }

  /** As `use`, for a stream. Left early, the session is thrown away. */
  async *stream<T>(
    doing: string,
    signal: AbortSignal,
    generate: (connection: Connection) => AsyncIterable<T>,
    mode: Mode = 'READ ONLY',
  ): AsyncGenerator<T> {
    const lent = await this.connections.lend(doing, signal);
    let usable = false;
    try {
      await this.begin(lent.connection, mode);
      yield* generate(lent.connection);
      await lent.connection.run('ROLLBACK');
      usable = true;
    } catch (error) {
      throw lent.inWords(error);
    } finally {
      lent.giveBack({ usable });
    }
  }

  /** Begins a transaction that sees the snapshot. */
  async begin(connection: Connection, mode: Mode = 'READ ONLY'): Promise<void> {
    const { name } = this;
    const join = name === undefined ? '' : `; SET TRANSACTION SNAPSHOT ${quoteLiteral(name)}`;
    try {
      await connection.run(`BEGIN ISOLATION LEVEL REPEATABLE READ ${mode}${join}`);
    } catch (error) {
      // The session goes back to its pool, and must not be in a failed transaction there.
      await connection.run('ROLLBACK').catch(() => {});
      // 42704, 22023: no such snapshot. Before PostgreSQL 17 the file's absence is the same error.
      if (name === undefined || !['42704', '22023', '58P01'].includes(sqlState(error))) throw error;
      throw gone(error);
    }
  }

  async #join(at: string, signal: AbortSignal): Promise<Snapshot> {
    const name = at.split(' ')[1];
    if (name === undefined) throw new MigrationError('internal', `${at} is no position of a PostgreSQL server.`);
    this.name = name;
    await this.use('join the snapshot', signal, async () => {});
    return { position: at, [Symbol.asyncDispose]: async () => this.#leave(name) };
  }

  /** Reads see the present again, unless they see another moment by now. */
  #leave(name: string | undefined): void {
    if (this.name === name) this.name = undefined;
  }
}

const gone = (cause: unknown): MigrationError =>
  new MigrationError('source.moved', 'The snapshot that the source was read in is gone: its session has ended.', {
    hint: 'Resume the run: it takes a new snapshot and copies anew what changed in between.',
    cause,
  });
