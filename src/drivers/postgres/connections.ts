import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';
import type { Address } from '../../model/address.ts';
import { asConnection, requestCancel, type Connection } from './connection.ts';
import type { PostgresOptions } from './options.ts';
import { createSocket } from './socket.ts';
import { toStoreError, type Place } from './store-error.ts';

/** Sessions at once. A worker uses one or two; more would wait at the server. */
const limit = 4;

/** Milliseconds. */
const cancelEvery = 500;
const cancelTimes = 20;

/** What every session is set to: no timeout may end a long load, values print in one way only, and rows that a policy
 *  hides are an error instead of missing. */
const sessionSettings = `
  SET client_encoding = 'UTF8'; SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;
  SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET extra_float_digits = 3;
  SET bytea_output = 'hex'; SET standard_conforming_strings = on; SET check_function_bodies = off;
  SET client_min_messages = warning; SET search_path = pg_catalog; SET row_security = off; SET lc_monetary = 'C'; SET xmloption = content;
  SET default_transaction_read_only = off;
  SELECT set_config(name, '0', false) FROM unnest('{transaction_timeout,idle_session_timeout}'::text[]) name
    WHERE current_setting(name, true) IS NOT NULL;
  SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`;

/** A few sessions with one database, opened as they are needed. Nothing is read from the environment. */
export class Connections implements AsyncDisposable {
  readonly place: Place;
  readonly #password: string;
  readonly #options: PostgresOptions;
  readonly #idle: pg.Client[] = [];
  readonly #lent = new Set<pg.Client>();
  readonly #waiting: (() => void)[] = [];
  #busy = 0;
  #closed = false;
  #tls: boolean | undefined;

  constructor(address: Address, options: PostgresOptions) {
    const host = address.query['host'] ?? address.host ?? 'localhost';
    const user = address.user ?? userInfo().username;
    const database = address.path.replace(/^\//, '') || user;
    this.place = { host, port: address.port ?? 5432, user, database };
    this.#password = options.password ?? '';
    this.#options = options;
  }

  /** Gives a session to `work`. An abort cancels its statement at the server and throws the signal's reason. Errors
   *  come as MigrationError; `doing` completes "Cannot …". */
  async use<T>(doing: string, signal: AbortSignal, work: (connection: Connection) => Promise<T>): Promise<T> {
    const lent = await this.lend(doing, signal);
    try {
      return await work(lent.connection);
    } catch (error) {
      throw lent.inWords(error);
    } finally {
      lent.giveBack({ usable: true });
    }
  }

  /** A session for work that does not fit into one call, such as a stream. Give it back, as unusable when a statement
   *  may still be running. */
  async lend(doing: string, signal: AbortSignal): Promise<Lent> {
    signal.throwIfAborted();
    await this.#enter();
    let client: pg.Client;
    try {
      client = this.#idleOne() ?? (await this.#connect());
    } catch (error) {
      this.#leave();
      throw toStoreError(error, this.place, doing);
    }
    this.#lent.add(client);
    let again: NodeJS.Timeout | undefined;
    let requests = 0;
    // A request that arrives before the statement has begun is without effect, so it is repeated; a server that does
    // not answer at all is left.
    const cancel = () => {
      if (++requests > cancelTimes) return destroy(client);
      requestCancel(client, this.place.host, this.place.port);
      again = setTimeout(cancel, cancelEvery);
    };
    const abort = () => cancel();
    signal.addEventListener('abort', abort);
    return {
      connection: asConnection(client),
      inWords: (error) => (signal.aborted ? signal.reason : toStoreError(error, this.place, doing)),
      giveBack: ({ usable }) => {
        signal.removeEventListener('abort', abort);
        clearTimeout(again);
        this.#lent.delete(client);
        // After a cancel the session is not used again: the cancel may arrive late and hit the next statement.
        if (usable && !signal.aborted && !broken.has(client) && !this.#closed) this.#idle.push(client);
        else destroy(client);
        this.#leave();
      },
    };
  }

  /** A session for the replication protocol, which knows no statements with parameters, after it has run `settings`. It
   *  is the caller's to end. */
  async openReplication(name: string, signal: AbortSignal, settings = ''): Promise<pg.Client> {
    signal.throwIfAborted();
    let client: pg.Client | undefined;
    try {
      client = await this.#connect({ application_name: name, replication: 'database' });
      if (settings !== '') await client.query(settings);
      return client;
    } catch (error) {
      if (client) destroy(client);
      throw toStoreError(error, this.place, 'connect for replication');
    }
  }

  /** For client programs. Holds the password: it must not reach an argument list, a message or a file. */
  login(): ProgramLogin {
    const { sslrootcert } = this.#options;
    return {
      place: this.place,
      password: this.#password,
      sslmode: this.#sslmode(),
      ...(sslrootcert !== undefined && { sslrootcert }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    // A transaction that nobody will go on with must not hold its locks.
    for (const client of this.#lent) destroy(client);
    await Promise.all(this.#idle.splice(0).map((client) => client.end()));
  }

  async #enter(): Promise<void> {
    while (this.#busy >= limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#busy++;
  }

  /** One that the server ended meanwhile is left out. */
  #idleOne(): pg.Client | undefined {
    let client = this.#idle.pop();
    while (client && broken.has(client)) client = this.#idle.pop();
    return client;
  }

  #leave(): void {
    this.#busy--;
    this.#waiting.shift()?.();
  }

  async #connect(kind: SessionKind = {}): Promise<pg.Client> {
    const mode = this.#sslmode();
    if (mode === 'disable' || this.#tls === false) return this.#open(false, kind);
    if (mode === 'prefer') {
      try {
        return await this.#open({ rejectUnauthorized: false }, kind);
      } catch (error) {
        if (!(error instanceof Error && error.message.includes('does not support SSL'))) throw error;
        this.#tls = false;
        return this.#open(false, kind);
      }
    }
    const { sslrootcert } = this.#options;
    const ca = sslrootcert === undefined ? {} : { ca: await readFile(sslrootcert, 'utf8') };
    return this.#open({ ...ca, rejectUnauthorized: mode === 'verify-full' }, kind);
  }

  #sslmode(): NonNullable<PostgresOptions['sslmode']> {
    const { host } = this.place;
    if (host.startsWith('/')) return 'disable';
    return this.#options.sslmode ?? (isLoopback(host) ? 'prefer' : 'verify-full');
  }

  async #open(ssl: ConnectionOptions | false, kind: SessionKind): Promise<pg.Client> {
    const client = new pg.Client({
      ...this.place,
      // A function, because an absent password would make the client look for one in ~/.pgpass.
      password: () => this.#password,
      ssl,
      ...(ssl === false && { stream: createSocket }),
      application_name: 'waybill',
      keepAlive: true,
      keepAliveInitialDelayMillis: 30_000,
      connectionTimeoutMillis: this.#options.connectTimeout * 1000,
      ...kind,
    });
    client.on('error', () => broken.add(client));
    await client.connect();
    await client.query(sessionSettings);
    return client;
  }
}

/** What pg's types do not know it takes. */
interface SessionKind {
  readonly application_name?: string;
  readonly replication?: 'database';
}

export interface ProgramLogin {
  readonly place: Place;
  readonly password: string;
  readonly sslmode: string;
  readonly sslrootcert?: string;
}

export interface Lent {
  readonly connection: Connection;
  /** The error to throw for one that was caught: the signal's reason after an abort, else a MigrationError. */
  inWords(error: unknown): unknown;
  giveBack(state: { readonly usable: boolean }): void;
}

/** Ends a session at once, whatever it is doing; the server rolls its transaction back. */
export function destroy(client: pg.Client): void {
  broken.add(client);
  (client as unknown as { connection: { stream: Duplex } }).connection.stream.destroy();
}

/** Sessions that ended on their own or were ended. */
const broken = new WeakSet<pg.Client>();

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || host === '::1' || host.startsWith('127.');
