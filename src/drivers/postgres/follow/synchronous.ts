import type { FollowOptions } from '../../../model/job.ts';
import type { Server } from '../clone/pair-servers.ts';
import type { Connection } from '../connection.ts';
import { quoteLiteral, quoteName } from '../names.ts';

/** Bytes that the target may be behind when commits at the source begin to wait for it. */
const near = 1024n * 1024n;

/** Commits at the source wait for the target from when it has caught up until following ends. */
export interface Synchronous {
  /** Nobody waits for a process that was killed while others waited for it, until this one has caught up. */
  begin(signal: AbortSignal): Promise<void>;
  confirmed(durable: bigint, received: bigint): void;
  end(): Promise<void>;
}

export function createSynchronous(server: Server, name: string, mode: FollowOptions['mode']): Synchronous {
  const never = new AbortController().signal;
  let switching: Promise<void> | undefined;
  const off = (signal: AbortSignal) =>
    server.connections.use('end the synchronous mode', signal, (connection) => endSynchronous(connection, name));
  return {
    begin: off,
    confirmed(durable, received) {
      if (mode !== 'synchronous' || switching || received - durable > near) return;
      switching = server.connections
        .use('begin the synchronous mode', never, (connection) => beginSynchronous(connection, name))
        // Tried again with the next confirmation; what the role may not do was said by the probe.
        .catch(() => (switching = undefined));
    },
    async end() {
      await switching;
      if (switching) await off(never).catch(() => {});
    },
  };
}

const setting = `SELECT setting FROM pg_settings WHERE name = 'synchronous_standby_names'`;

async function beginSynchronous(connection: Connection, name: string): Promise<void> {
  const [row] = await connection.query<{ setting: string }>(setting);
  // Somebody's own list stays: either we are in it, or the probe refused it.
  if (row?.setting !== '') return;
  await connection.run(`ALTER SYSTEM SET synchronous_standby_names = ${quoteLiteral(quoteName(name))}`);
  await connection.run('SELECT pg_reload_conf()');
}

/** Sets commits at the source free. Safe to repeat. */
export async function endSynchronous(connection: Connection, name: string): Promise<void> {
  const [row] = await connection.query<{ setting: string }>(setting);
  if (row?.setting !== quoteName(name)) return;
  await connection.run('ALTER SYSTEM RESET synchronous_standby_names');
  await connection.run('SELECT pg_reload_conf()');
}
