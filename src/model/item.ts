import type { EntryAttributes } from './entry.ts';
import type { Json } from './model.ts';
import type { ForeignKeyShape, IndexShape, TableShape } from './shape.ts';

/** When an item moves. All items of a stage end before the next stage begins; `last` runs one after another in the
 *  plan's order (directories get their final times deepest first). */
export const stages = ['before', 'data', 'after', 'last'] as const;
export type Stage = (typeof stages)[number];

export type ItemKind =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'hard-link'
  | 'special'
  | 'table'
  | 'index'
  | 'foreign-key'
  | 'object'
  | 'batch';

/** What is moved as a whole. `key` is unique and stable within its store: it names the item in plans, journals,
 *  differences and bills. Bytes of a name that are not UTF-8 stand in it as lone surrogates (lib/byte-names.ts). */
export interface Item {
  readonly key: string;
  readonly kind: ItemKind;
  readonly stage: Stage;
  /** Content bytes as far as the source knows without reading; an estimate for tables. */
  readonly bytes: number;
  /** Rows as far as the source knows; exact only when the bill says so. */
  readonly rows?: number;
  /** Equal fingerprints on both ends mean unchanged content and attributes for an incremental run. */
  readonly fingerprint?: string;
  readonly shape?: TableShape;
  readonly index?: { readonly table: string; readonly index: IndexShape };
  readonly foreignKey?: { readonly table: string; readonly foreignKey: ForeignKeyShape };
  readonly entry?: EntryAttributes;
  /** Keys of items of the same stage that must be done before this one begins (an index after its table). */
  readonly after?: readonly string[];
  /** Tables: only the rows that meet this condition, in the source's own words. */
  readonly where?: string;
  /** Kind `object`: what only a store of the same kind understands (a function, an exclusion constraint). */
  readonly object?: Json;
  /** Kind `batch` only: small items that share one chunk. Made by plan/, never by a driver. */
  readonly members?: readonly Item[];
}

/** The unit of work, retry, checksum and resume: one part of an item. `id` is unique within the item and says what it
 *  covers; the other fields are the driver's own and must survive JSON. */
export interface Chunk {
  readonly id: string;
  readonly bytes: number;
  readonly rows?: number;
  /** Byte range `[from, to)` of a file, or a driver's own bounds, as text so that 64-bit values survive. */
  readonly range?: readonly [from: string, to: string];
  /** Only these rows: canonical keys, as `RowPrint.key` gives them. Made by an incremental plan. */
  readonly keys?: readonly string[];
}
