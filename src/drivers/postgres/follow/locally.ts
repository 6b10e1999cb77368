import type { Connection } from '../connection.ts';

/** In a transaction whose commit does not wait for a synchronous standby, which may be Waybill itself. */
export async function locally<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  return connection.transaction(async () => {
    await connection.run('SET LOCAL synchronous_commit = local');
    return work();
  });
}
