import type { Item } from '../model/item.ts';
import { compareNames } from '../lib/byte-names.ts';

export interface Pair {
  readonly source?: Item;
  readonly target?: Item;
}

/** Joins two listings by key; both must ascend. Memory holds one page of each. */
export async function* compareListings(
  source: AsyncIterable<readonly Item[]>,
  target: AsyncIterable<readonly Item[]>,
): AsyncGenerator<readonly Pair[]> {
  const a = cursor(source);
  const b = cursor(target);
  await a.fill();
  await b.fill();
  try {
    while (a.page.length > 0 || b.page.length > 0) {
      const pairs: Pair[] = [];
      while (a.at < a.page.length && b.at < b.page.length) {
        const x = a.page[a.at] as Item;
        const y = b.page[b.at] as Item;
        const order = x.key === y.key ? 0 : compareNames(x.key, y.key);
        if (order <= 0) a.at += 1;
        if (order >= 0) b.at += 1;
        pairs.push(order === 0 ? { source: x, target: y } : order < 0 ? { source: x } : { target: y });
      }
      if (b.page.length === 0) for (; a.at < a.page.length; a.at++) pairs.push({ source: a.page[a.at] as Item });
      if (a.page.length === 0) for (; b.at < b.page.length; b.at++) pairs.push({ target: b.page[b.at] as Item });
      yield pairs;
      if (a.at >= a.page.length) await a.fill();
      if (b.at >= b.page.length) await b.fill();
    }
  } finally {
    await a.close();
    await b.close();
  }
}

function cursor(listing: AsyncIterable<readonly Item[]>) {
  const iterator = listing[Symbol.asyncIterator]();
  return {
    page: [] as readonly Item[],
    at: 0,
    /** An empty page means the listing has ended. */
    async fill(): Promise<void> {
      this.at = 0;
      do {
        const next = await iterator.next();
        this.page = next.done ? [] : next.value;
        if (next.done) return;
      } while (this.page.length === 0);
    },
    async close(): Promise<void> {
      await iterator.return?.();
    },
  };
}
