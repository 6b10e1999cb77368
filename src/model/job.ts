/** What the user wants moved, as the engine takes it: parsed, defaults filled in, secrets still references. */
export interface Job {
  readonly name: string;
  readonly shipments: readonly Shipment[];
  /** How many workers move chunks at once. */
  readonly workers: number;
  /** Rows or entries that may be left out, named in the bill, before a run fails. */
  readonly maxQuarantine: number;
}

export const intos = ['empty', 'append', 'replace', 'merge'] as const;
/** What happens to what the target already holds: `empty` refuses, `append` adds, `replace` swaps whole items,
 *  `merge` updates by key and adds. */
export type Into = (typeof intos)[number];

export const strategies = ['full', 'incremental'] as const;
export type StrategyName = (typeof strategies)[number];

export const depths = ['counts', 'digests', 'every-byte'] as const;
/** How far verification looks: counts and attributes; digests that the stores compute or that were taken while
 *  writing; or every byte and row read back from both ends. */
export type Depth = (typeof depths)[number];

export interface Shipment {
  readonly name: string;
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly strategy: StrategyName;
  readonly into: Into;
  readonly verify: Depth;
  /** Incremental: items and rows that the source no longer has are removed at the target. */
  readonly deletions: boolean;
  /** Keeps a pre-image of what will be replaced in this folder. */
  readonly backup?: string;
  /** Glob patterns on item keys; empty include means all. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Wished size of a chunk, in bytes. */
  readonly chunkBytes: number;
  /** Limit for the bytes read per second, over all workers. */
  readonly bytesPerSecond?: number;
}

export interface Endpoint {
  /** Never holds a secret: a password stands in `options.password` as a reference (`${env:PGPASSWORD}`). */
  readonly address: string;
  /** Driver options as the driver's own schema names them. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
}
