import type { Item } from '../model/item.ts';

/** What verification has looked at. */
export interface Content {
  readonly key: string;
  readonly rows: number;
  readonly bytes: number;
}

export const content = (item: Item, rows = item.rows ?? 0): Content => ({ key: item.key, rows, bytes: item.bytes });
