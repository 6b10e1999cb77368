import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import type { Duplex } from 'node:stream';
import mysql, { type Connection as Client, type SslOptions } from 'mysql2';
import type { Address } from '../../model/address.ts';
import { MigrationError } from '../../model/migration-error.ts';
import { asConnection, type Connection } from './connection.ts';
import type { MysqlOptions } from './options.ts';
import { toStoreError, type Place } from './store-error.ts';

/** Sessions at once, beside those that hold a snapshot. */
const limit = 4;

/** What every session is set to: no timeout may end a long load or a slow target's read, values print in one way only,
 *  and zero is a number like any other. */
const sessionSettings = [
  `SET NAMES utf8mb4`,
  `SET time_zone = '+00:00', sql_mode = 'NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION,STRICT_ALL_TABLES,ALLOW_INVALID_DATES',
       net_write_timeout = 86400, net_read_timeout = 86400, wait_timeout = 2147483, lock_wait_timeout = 86400, innodb_lock_wait_timeout = 86400,
       group_concat_max_len = 1048576, sql_select_limit = DEFAULT`,
  `SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ`,
];

/** A few sessions with one database, opened as they are needed. Nothing is read from the environment. */
export class Connections implements AsyncDisposable {
  readonly place: Place;
  readonly options: MysqlOptions;
  readonly #idle: Client[] = [];
  readonly #waiting: (() => void)[] = [];
  #busy = 0;
  #closed = false;
  #tls: boolean | undefined;
  #mariadb = false;

  constructor(address: Address, options: MysqlOptions) {
    const database = address.path.replace(/^\//, '');
    if (database === '' || database.includes('/')) {
      throw new MigrationError('address.invalid', `The address ${address.text} names no database.`, {
        hint: 'Write mysql://USER@HOST:PORT/DATABASE.',
      });
    }
    this.place = {
      host: (address.query['host'] ?? address.host ?? 'localhost').replace(/^\[(.*)\]$/, '$1'),
      port: address.port ?? 3306,
      user: address.user ?? userInfo().username,
      database,
    };
    this.options = options;
  }

  /** Is the server MariaDB? Known once a session was opened. */
  get mariadb(): boolean {
    return this.#mariadb;
  }

  /** Gives a session to `work`. An abort ends its statement at the server and throws the signal's reason. Errors come
   *  as MigrationError; `doing` completes "Cannot …". */
  async use<T>(doing: string, signal: AbortSignal, work: (connection: Connection) => Promise<T>): Promise<T> {
    const lent = await this.lend(doing, signal);
    try {
      const result = await work(lent.connection);
      lent.giveBack({ usable: true });
      return result;
    } catch (error) {
      lent.giveBack({ usable: true });
      throw lent.inWords(error);
    }
  }

  /** A session for work that does not fit into one call, such as a stream. Give it back, as unusable when a statement
   *  may still be running. */
  async lend(doing: string, signal: AbortSignal): Promise<Lent> {
    signal.throwIfAborted();
    await this.#enter();
    let client: Client;
    try {
      client = this.#idle.pop() ?? (await this.open());
    } catch (error) {
      this.#leave();
      throw toStoreError(error, this.place, doing);
    }
    const stop = this.#stopOn(signal, client);
    return {
      connection: asConnection(client),
      inWords: (error) => (signal.aborted ? signal.reason : toStoreError(error, this.place, doing)),
      giveBack: ({ usable }) => {
        stop();
        // After a kill the session is not used again: the kill may arrive late and hit the next statement.
        if (usable && !signal.aborted && !isBroken(client) && !this.#closed) this.#idle.push(client);
        else destroySession(client);
        this.#leave();
      },
    };
  }

  /** Ends what the session is doing, over a session of its own. Says nothing when that fails. */
  async kill(id: number): Promise<void> {
    const client = await this.open();
    try {
      await asConnection(client).run(`KILL QUERY ${id}`);
    } finally {
      client.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const client of this.#idle.splice(0)) endSession(client);
  }

  /** A session outside of the pool; the caller ends it. Throws what the client throws. */
  async open(): Promise<Client> {
    const mode = this.#sslmode();
    if (mode === 'disable' || this.#tls === false) return this.#connect(undefined);
    if (mode === 'prefer') {
      try {
        return await this.#connect({ rejectUnauthorized: false });
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'HANDSHAKE_NO_SSL_SUPPORT')) throw error;
        this.#tls = false;
        return this.#connect(undefined);
      }
    }
    const { sslrootcert } = this.options;
    const ca = sslrootcert === undefined ? {} : { ca: await readFile(sslrootcert, 'utf8') };
    const verified = mode === 'verify-full';
    return this.#connect({ ...ca, rejectUnauthorized: verified, verifyIdentity: verified });
  }

  #stopOn(signal: AbortSignal, client: Client): () => void {
    const abort = () => {
      void this.kill(client.threadId)
        .catch(() => {})
        .finally(() => destroySession(client));
    };
    signal.addEventListener('abort', abort);
    return () => signal.removeEventListener('abort', abort);
  }

  async #enter(): Promise<void> {
    while (this.#busy >= limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#busy++;
  }

  #leave(): void {
    this.#busy--;
    this.#waiting.shift()?.();
  }

  #sslmode(): NonNullable<MysqlOptions['sslmode']> {
    const { host } = this.place;
    if (host.startsWith('/')) return 'disable';
    return this.options.sslmode ?? (isLoopback(host) ? 'prefer' : 'verify-full');
  }

  async #connect(ssl: SslOptions | undefined): Promise<Client> {
    const { host, port, user, database } = this.place;
    const client = mysql.createConnection({
      ...(host.startsWith('/') ? { socketPath: host } : { host, port }),
      user,
      database,
      ...(this.options.password !== undefined && { password: this.options.password }),
      ...(ssl && { ssl }),
      charset: 'utf8mb4',
      connectTimeout: this.options.connectTimeout * 1000,
      keepAliveInitialDelay: 30_000,
      typeCast: (field) => field.string(),
      flags: ['-FOUND_ROWS', '-ODBC', '-IGNORE_SPACE', '-SESSION_TRACK', '-CLIENT_QUERY_ATTRIBUTES'],
    });
    client.on('error', () => broken.add(client));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    client.connect((error) => (error ? reject(error) : resolve()));
    try {
      await promise;
      const connection = asConnection(client);
      const [server] = await connection.query<{ version: string }>('SELECT version() AS version');
      this.#mariadb = /mariadb/i.test(server?.version ?? '');
      for (const statement of sessionSettings) await connection.run(statement);
    } catch (error) {
      client.destroy();
      throw error;
    }
    return client;
  }
}

export interface Lent {
  readonly connection: Connection;
  /** The error to throw for one that was caught: the signal's reason after an abort, else a MigrationError. */
  inWords(error: unknown): unknown;
  giveBack(state: { readonly usable: boolean }): void;
}

/** Ends a session at once, whatever it is doing; the server rolls its transaction back. */
export function destroySession(client: Client): void {
  broken.add(client);
  (client as unknown as { stream: Duplex }).stream.destroy();
}

/** Says goodbye; the server notices at once. */
export function endSession(client: Client): void {
  broken.add(client);
  client.end(() => client.destroy());
}

export const isBroken = (client: Client): boolean =>
  broken.has(client) || (client as unknown as { stream: Duplex }).stream.destroyed;

/** Sessions that ended on their own or were ended. */
const broken = new WeakSet<Client>();

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || host.startsWith('127.');
