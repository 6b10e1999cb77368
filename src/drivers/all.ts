import type { Driver } from '../store/store.ts';
import { postgresDriver } from './postgres/driver.ts';
import { sqliteDriver } from './sqlite/driver.ts';

/** Every store this installation opens. A new driver is one line here. */
export const drivers: readonly Driver[] = [sqliteDriver, postgresDriver];
