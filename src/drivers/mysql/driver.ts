/** The mysql driver: MySQL 8 and MariaDB 10.5 and later. Rows are read by the binary protocol and leave the socket as
 *  neutral rows. What opens a database is loaded when one is opened. */
import type { Driver } from '../../store/store.ts';
import { mysqlOptions } from './options.ts';

export const mysqlDriver: Driver = {
  scheme: 'mysql',
  title: 'MySQL or MariaDB database',
  options: mysqlOptions,
  example: 'mysql://app@db.example:3306/shop',
  async open(address, values, signal) {
    const { openServer } = await import('./open-server.ts');
    return openServer(address, values, signal);
  },
};
