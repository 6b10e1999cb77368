import { matchesGlob } from 'node:path';
import type { Item } from '../model/item.ts';
import type { Shipment } from '../model/job.ts';

/** What the patterns of a shipment say of a key. */
export interface KeyFilter {
  /** Matches `include`, or there is none, and does not match `exclude`. */
  carries(key: string): boolean;
  /** Matches `exclude`. */
  excludes(key: string): boolean;
}

export function createKeyFilter({ include, exclude }: Pick<Shipment, 'include' | 'exclude'>): KeyFilter {
  const matches = (key: string, patterns: readonly string[]) => patterns.some((pattern) => matchesGlob(key, pattern));
  const excludes = (key: string) => matches(key, exclude);
  return { carries: (key) => (include.length === 0 || matches(key, include)) && !excludes(key), excludes };
}

/** Does the shipment carry the item? Indexes and foreign keys go with their table. Objects were chosen by their store,
 *  which knows what they belong to (Store.pairWith). */
export function createItemFilter(shipment: Pick<Shipment, 'include' | 'exclude'>): (item: Item) => boolean {
  const { include, exclude } = shipment;
  if (include.length === 0 && exclude.length === 0) return () => true;
  const filter = createKeyFilter(shipment);
  return (item) => {
    if (item.kind === 'object') return true;
    const key = item.index?.table ?? item.foreignKey?.table ?? item.key;
    if (key === './') return true;
    const name = key.endsWith('/') ? key.slice(0, -1) : key;
    return item.kind === 'directory' ? !filter.excludes(name) : filter.carries(name);
  };
}
