import { connect as connectSocket } from 'node:net';
import type pg from 'pg';
import type { QueryResultRow, Submittable } from 'pg';

/** One session of a pool. Queries throw what the client throws; the pool puts it in Waybill's words. */
export interface Connection {
  query<R extends QueryResultRow>(text: string, values?: readonly unknown[]): Promise<readonly R[]>;
  /** Runs a statement; gives the rows it touched. */
  run(text: string, values?: readonly unknown[]): Promise<number>;
  submit<T extends Submittable>(query: T): T;
  /** Runs `work` in one transaction: committed when it resolves, else rolled back. */
  transaction<T>(work: () => Promise<T>, mode?: string): Promise<T>;
}

export function asConnection(client: pg.Client): Connection {
  const run = async (text: string, values: readonly unknown[] = []) => {
    const result = await client.query(text, values.length === 0 ? undefined : [...values]);
    return result.rowCount ?? 0;
  };
  return {
    async query<R extends QueryResultRow>(text: string, values: readonly unknown[] = []) {
      const result = await client.query<R>(text, values.length === 0 ? undefined : [...values]);
      return result.rows;
    },
    run,
    submit: (query) => client.query(query),
    async transaction(work, mode = '') {
      await run(`BEGIN ${mode}`);
      let result;
      try {
        result = await work();
      } catch (error) {
        // A rollback that fails means a broken connection, which ends the transaction too.
        await run('ROLLBACK').catch(() => {});
        throw error;
      }
      await run('COMMIT');
      return result;
    },
  };
}

/** Asks the server to give up what the session is doing. Goes over a connection of its own and is never answered. */
export function requestCancel(client: pg.Client, host: string, port: number): void {
  const { processID, secretKey } = client as unknown as { processID: number | null; secretKey: number | null };
  if (processID === null || secretKey === null) return;
  const packet = Buffer.alloc(16);
  packet.writeInt32BE(16, 0);
  packet.writeInt32BE(80_877_102, 4);
  packet.writeInt32BE(processID, 8);
  packet.writeInt32BE(secretKey, 12);
  const socket = host.startsWith('/') ? connectSocket(`${host}/.s.PGSQL.${port}`) : connectSocket(port, host);
  socket.on('error', () => {});
  socket.end(packet);
}
