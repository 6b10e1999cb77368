import type { Driver } from '../store/store.ts';
import { fsDriver } from './fs/driver.ts';
import { memoryDriver } from './memory/driver.ts';
import { postgresDriver } from './postgres/driver.ts';
import { sqliteDriver } from './sqlite/driver.ts';

/** Every store this installation opens. A new driver is one line here. */
export const drivers: readonly Driver[] = [fsDriver, memoryDriver, postgresDriver, sqliteDriver];
