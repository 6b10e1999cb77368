import type { Finding } from '../../model/finding.ts';
import type { Chunk, Item } from '../../model/item.ts';
import type { Reject } from '../../model/receipt.ts';
import type { TableShape } from '../../model/shape.ts';
import type { HeldFiles } from './file-blocks.ts';
import type { TableFiles } from './find-files.ts';

export interface Described {
  readonly shape: TableShape;
  readonly rows: number;
  readonly bytes: number;
}

/** Reads tables of one kind of file. */
export interface TableReader {
  /** Undefined: there is no table to be had, and `report` was told why. */
  describe(
    table: TableFiles,
    held: HeldFiles,
    report: (finding: Finding) => void,
    signal: AbortSignal,
  ): Promise<Described | undefined>;
  split(table: TableFiles, targetBytes: number, held: HeldFiles, signal: AbortSignal): AsyncIterable<Chunk>;
  /** The rows of a chunk, or all. What cannot be read as the columns of `as` goes to `rejects`. */
  read(
    table: TableFiles,
    range: Chunk['range'],
    item: Item,
    as: Item,
    held: HeldFiles,
    rejects: Reject[],
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}
