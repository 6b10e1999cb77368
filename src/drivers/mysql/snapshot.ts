import type { Connection as Client } from 'mysql2';
import { setTimeout } from 'node:timers/promises';
import { MigrationError } from '../../model/migration-error.ts';
import { asConnection, type Connection } from './connection.ts';
import { type Connections, destroySession, endSession, isBroken, type Lent } from './connections.ts';
import { qualified, quoteLiteral } from './names.ts';
import { errorNumber, toStoreError } from './store-error.ts';

/** Sessions that see one moment: one reads a chunk while others look at bounds or compare. */
const wantedSessions = 2;
/** Times that all sessions are begun anew because somebody committed between them. */
const attempts = 20;
/** Seconds that everybody may be held up by the global lock's waiting for a long statement. */
const lockWait = 5;
const keptAtOnce = 50;

/** Sessions that all see the database as it was at `position`. */
export interface HeldSnapshot extends AsyncDisposable {
  readonly position: string;
  /** A session of the snapshot, as `Connections.lend` gives one. One given back as unusable is gone. */
  lend(doing: string, signal: AbortSignal): Promise<Lent>;
}

/** Begins sessions that see the same moment, which is the position `at` where one is given. Where the server cannot say
 *  where its log stands and the right to lock is missing, one session. */
export async function takeSnapshot(
  connections: Connections,
  at: string | undefined,
  signal: AbortSignal,
): Promise<HeldSnapshot> {
  const clients: Client[] = [];
  try {
    for (let i = 0; i < wantedSessions; i++) clients.push(await connections.open());
    const position =
      (await withoutLock(clients, signal)) ?? (await withLock(connections, clients)) ?? (await alone(clients));
    if (at !== undefined && at !== position) {
      throw new MigrationError('source.moved', 'The database was written to since its position was recorded.', {
        hint: 'Stop the programs that write to it, or run with one worker, which reads at one moment.',
      });
    }
    await keepTables(asConnection(clients[0] ?? (await connections.open())), connections.place.database);
    return hold(connections, clients, position);
  } catch (error) {
    for (const client of clients) destroySession(client);
    throw toStoreError(error, connections.place, 'freeze the database');
  }
}

const begin = (connection: Connection) => connection.run('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');

/** MariaDB and Percona tell, inside a snapshot, where the binary log stood when it was taken. */
async function withoutLock(clients: readonly Client[], signal: AbortSignal): Promise<string | undefined> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    signal.throwIfAborted();
    await Promise.all(clients.map((client) => begin(asConnection(client))));
    const positions = await Promise.all(clients.map((client) => snapshotPosition(asConnection(client))));
    if (positions[0] === undefined) return undefined;
    if (positions.every((position) => position === positions[0])) return positions[0];
    await setTimeout(attempt, undefined, { signal });
  }
  return undefined;
}

async function snapshotPosition(connection: Connection): Promise<string | undefined> {
  const rows = await connection.query<{ Variable_name: string; Value: string }>(
    `SHOW STATUS LIKE 'binlog\\_snapshot\\_%'`,
  );
  const found = new Map(rows.map((row) => [row.Variable_name.toLowerCase(), row.Value]));
  const file = found.get('binlog_snapshot_file');
  return file ? `binlog:${file}:${found.get('binlog_snapshot_position')}` : undefined;
}

/** Holds all commits up for the moment in which the sessions begin. Undefined without the right to. */
async function withLock(connections: Connections, clients: readonly Client[]): Promise<string | undefined> {
  const locker = await connections.open();
  try {
    const connection = asConnection(locker);
    await connection.run(`SET SESSION lock_wait_timeout = ${lockWait}`);
    await connection.run('FLUSH TABLES WITH READ LOCK');
    await Promise.all(clients.map((client) => begin(asConnection(client))));
    return await logPosition(connection);
  } catch (error) {
    // The right is missing, the lock was not to be had in time, or the server does not allow it (a managed one).
    if ([1227, 1205, 1045, 1044, 1223].includes(errorNumber(error))) return undefined;
    throw error;
  } finally {
    locker.destroy();
  }
}

async function logPosition(connection: Connection): Promise<string | undefined> {
  for (const statement of ['SHOW MASTER STATUS', 'SHOW BINARY LOG STATUS']) {
    const rows = await connection.query(statement).catch(() => []);
    const [row] = rows;
    if (row?.['File']) return `binlog:${row['File']}:${row['Position']}`;
  }
  // Without a binary log, InnoDB's count of writing transactions tells whether anything was written.
  const [status] = await connection.query('SHOW ENGINE INNODB STATUS').catch(() => []);
  const [server] = await connection.query<{ id: string }>('SELECT CONCAT(@@hostname, @@port) AS id');
  const count = /Trx id counter (\d+)/.exec(status?.['Status'] ?? '')?.[1];
  return count && `innodb:${server?.id}:${count}`;
}

/** A moment without a name: nobody else can find it. */
async function alone(clients: Client[]): Promise<string> {
  for (const client of clients.splice(1)) endSession(client);
  const [only] = clients;
  if (only) await begin(asConnection(only));
  return `session:${process.pid}:${only?.threadId}:${Date.now()}`;
}

/** A transaction that has looked at a table keeps others from altering or dropping it, which would end the snapshot. */
async function keepTables(connection: Connection, database: string): Promise<void> {
  const tables = await connection.query(
    `SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ${quoteLiteral(database)}
       AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY TABLE_NAME`,
  );
  for (let at = 0; at < tables.length; at += keptAtOnce) {
    const looks = tables
      .slice(at, at + keptAtOnce)
      .map(({ name }) => `(SELECT 1 FROM ${qualified(database, name ?? '')} LIMIT 0)`);
    await connection.query(looks.join(' UNION ALL '));
  }
}

function hold(connections: Connections, clients: Client[], position: string): HeldSnapshot {
  const idle = [...clients];
  const waiting: (() => void)[] = [];
  let alive = clients.length;
  const ended = () =>
    new MigrationError('source.moved', 'The sessions that held the database at one moment were lost.', {
      hint: 'Run again; what was copied is copied anew, so that it belongs together.',
    });
  return {
    position,
    async lend(doing, signal) {
      let client: Client | undefined;
      while (!client) {
        signal.throwIfAborted();
        if (alive === 0) throw ended();
        client = idle.shift();
        if (client && isBroken(client)) {
          client = undefined;
          alive--;
          continue;
        }
        if (!client) await new Promise<void>((resolve) => waiting.push(resolve));
      }
      const own = client;
      let killed: Promise<unknown> = Promise.resolve();
      const abort = () => {
        killed = connections.kill(own.threadId).catch(() => {});
      };
      signal.addEventListener('abort', abort);
      return {
        connection: asConnection(own),
        inWords: (error) => (signal.aborted ? signal.reason : toStoreError(error, connections.place, doing)),
        giveBack({ usable }) {
          signal.removeEventListener('abort', abort);
          // A kill that comes late must not hit what the next one asks.
          void killed.then(() => {
            if (usable && !isBroken(own)) idle.push(own);
            else {
              destroySession(own);
              alive--;
            }
            waiting.shift()?.();
          });
        },
      };
    },
    async [Symbol.asyncDispose]() {
      alive = 0;
      for (const client of clients) endSession(client);
      for (const wake of waiting.splice(0)) wake();
    },
  };
}
