/** drivers: one folder per kind of store, each behind the contract of src/store. Promise: no driver knows another, and
 *  nothing else in the house knows any of them; this list is their only door. Callers: cli and the composition root.
 *  A new driver is a folder and one line here. */
import type { Driver } from '../store/store.ts';
import { fsDriver } from './fs/driver.ts';
import { memoryDriver } from './memory/driver.ts';
import { mysqlDriver } from './mysql/driver.ts';
import { postgresDriver } from './postgres/driver.ts';
import { sqliteDriver } from './sqlite/driver.ts';
import { csvDriver, jsonDriver, parquetDriver } from './tabular/driver.ts';

export const drivers: readonly Driver[] = [
  fsDriver,
  memoryDriver,
  mysqlDriver,
  postgresDriver,
  sqliteDriver,
  csvDriver,
  jsonDriver,
  parquetDriver,
];
