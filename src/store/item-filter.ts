import { matchesGlob } from 'node:path';
import type { Item } from '../model/item.ts';
import type { Shipment } from '../model/job.ts';

/** Does the shipment carry the item? Indexes and foreign keys go with their table. */
export function createItemFilter(shipment: Pick<Shipment, 'include' | 'exclude'>): (item: Item) => boolean {
  const { include, exclude } = shipment;
  if (include.length === 0 && exclude.length === 0) return () => true;
  const matches = (name: string, patterns: readonly string[]) => patterns.some((pattern) => matchesGlob(name, pattern));
  return (item) => {
    const key = item.index?.table ?? item.foreignKey?.table ?? item.key;
    if (key === './') return true;
    const name = key.endsWith('/') ? key.slice(0, -1) : key;
    return (include.length === 0 || item.kind === 'directory' || matches(name, include)) && !matches(name, exclude);
  };
}
