import type { Chunk, Item } from '../model/item.ts';
import { eachPart } from './each-part.ts';
import { overlay } from './overlay.ts';
import type { Source, Store } from './store.ts';

/** How far a chunk has been read. Figures grow within a read and start again from 0 when it is repeated. */
export interface Seen {
  readonly item: Item;
  readonly chunk: Chunk;
  readonly bytes: number;
  /** Members of a batch; of a table as many rows as the bytes so far stand for, by the chunk's own figures. */
  readonly rows: number;
}

/** A store that tells what passes when it is read: once per part, so `seen` must be quick. */
export function observed(store: Store, seen: (seen: Seen) => void): Store {
  return overlay(store, {
    get source() {
      return store.source && observedSource(store.source, seen);
    },
  });
}

/** The same for one source. */
export function observedSource(source: Source, seen: (seen: Seen) => void): Source {
  return overlay(source, {
    async read(chunk, item, as, format, signal) {
      const payload = await source.read(chunk, item, as, format, signal);
      let bytes = 0;
      let rows = 0;
      return eachPart(payload, (size) => {
        bytes += size.bytes;
        rows += size.rows;
        seen({ item, chunk, bytes, rows: format === 'rows' ? rowsSoFar(chunk, bytes) : rows });
      });
    },
  });
}

const rowsSoFar = ({ rows = 0, bytes }: Chunk, seen: number): number =>
  Math.round(rows * Math.min(1, seen / Math.max(1, bytes)));
