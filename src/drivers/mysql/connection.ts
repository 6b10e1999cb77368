import type { Duplex, Readable } from 'node:stream';
import type { Connection as ClientConnection, ResultSetHeader } from 'mysql2';

/** A row of a query: every value as the server prints it. */
export type TextRow = Readonly<Record<string, string | null>>;

/** One session. Queries throw what the client throws; the pool puts it in Waybill's words. */
export interface Connection {
  readonly id: number;
  readonly stream: Duplex;
  query<R extends TextRow>(sql: string): Promise<readonly R[]>;
  /** Runs a statement; gives the rows it touched. */
  run(sql: string): Promise<number>;
  /** Runs a LOAD DATA LOCAL, which asks for `input`. */
  load(sql: string, input: () => Readable): Promise<{ readonly rows: number; readonly warnings: number }>;
  /** Runs `work` in one transaction: committed when it resolves, else rolled back. */
  transaction<T>(work: () => Promise<T>): Promise<T>;
}

export function asConnection(client: ClientConnection): Connection {
  const send = (sql: string, input?: () => Readable) => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    client.query({ sql, ...(input && { infileStreamFactory: input }) }, (error, result) => {
      if (error) reject(error);
      else resolve(result);
    });
    return promise;
  };
  const run = async (sql: string) => {
    const result = (await send(sql)) as Partial<ResultSetHeader> | undefined;
    return result?.affectedRows ?? 0;
  };
  return {
    id: client.threadId,
    get stream() {
      return (client as unknown as { stream: Duplex }).stream;
    },
    async query<R extends TextRow>(sql: string) {
      return (await send(sql)) as readonly R[];
    },
    run,
    async load(sql, input) {
      const result = (await send(sql, input)) as Partial<ResultSetHeader> | undefined;
      return { rows: result?.affectedRows ?? 0, warnings: result?.warningStatus ?? 0 };
    },
    async transaction(work) {
      await run('START TRANSACTION');
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
