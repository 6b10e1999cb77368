import { matchesGlob } from 'node:path';
import { createItemFilter } from '../../../store/item-filter.ts';
import type { FeedOptions } from '../../../store/following.ts';

/** Which part of a database is followed. Tables by key, `schema.table`. */
export interface Scope {
  /** Undefined: every schema but the system's and Waybill's own. */
  readonly schema: string | undefined;
  carries(table: string): boolean;
  /** Condition for the rows that are carried. */
  where(table: string): string | undefined;
  omits(table: string, column: string): boolean;
  /** What the target has no place for is left out instead of stopping the run. */
  readonly lenient: boolean;
}

export function createScope(schema: string | undefined, options: FeedOptions): Scope {
  const { include = [], exclude = [], where = {}, omit = {} } = options;
  const filter = createItemFilter({ include, exclude });
  return {
    schema,
    lenient: options.ddl === 'ignore',
    carries: (key) => filter({ key, kind: 'table', stage: 'data', bytes: 0 }),
    where: (key) => Object.entries(where).find(([pattern]) => matchesGlob(key, pattern))?.[1],
    omits: (key, column) =>
      Object.entries(omit).some(([pattern, columns]) => matchesGlob(key, pattern) && columns.includes(column)),
  };
}
