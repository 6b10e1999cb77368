/** The postgres driver: PostgreSQL 12 and later as a target. Tables are staged in a schema of Waybill's own and moved
 *  into place whole; the source side serves verification and incremental comparison.
 *  What happens at the server on an abort: the running statement is cancelled and its transaction rolled back.
 *  What opens a database is loaded when one is opened. */
import type { Driver } from '../../store/store.ts';
import { postgresOptions } from './options.ts';

export const postgresDriver: Driver = {
  scheme: 'postgres',
  title: 'PostgreSQL database',
  options: postgresOptions,
  example: 'postgres://app@db.example:5432/shop?schema=public',
  async open(address, values, signal) {
    const { openServer } = await import('./open-server.ts');
    return openServer(address, values, signal);
  },
};
