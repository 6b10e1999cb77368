/** sqlite: database files of SQLite. What opens them is loaded when one is opened. */
import type { Driver } from '../../store/store.ts';
import { sqliteOptions } from './options.ts';

export const sqliteDriver: Driver = {
  scheme: 'sqlite',
  title: 'SQLite database file',
  options: sqliteOptions,
  example: 'sqlite:shop.db',
  local: true,
  async open(address, values, signal) {
    const { openDatabase } = await import('./open-database.ts');
    signal.throwIfAborted();
    return openDatabase(address, sqliteOptions.parse(values));
  },
};
