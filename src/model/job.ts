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

/** What moves: everything once; what is new or changed; or everything, and then the changes until cutover. */
export const strategies = ['full', 'incremental', 'hybrid'] as const;
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
  /** Conditions in the source's own words, by pattern on table keys: only these rows. */
  readonly where?: Readonly<Record<string, string>>;
  /** Columns that are not carried, by pattern on table keys. */
  readonly omit?: Readonly<Record<string, readonly string[]>>;
  /** Strategy hybrid only, and then always there. */
  readonly follow?: FollowOptions;
  readonly cutover?: CutoverOptions;
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

export const ddlChoices = ['stop', 'ignore'] as const;
export const followModes = ['asynchronous', 'synchronous'] as const;
export interface FollowOptions {
  /** synchronous: a commit at the source returns when the target has it, too. */
  readonly mode: (typeof followModes)[number];
  /** What happens when a definition changes at the source: the run stops, or goes on and reports it. */
  readonly ddl: (typeof ddlChoices)[number];
  /** Bytes of log that the source may keep for this run; beyond it the run stops before the source's disk is full. */
  readonly keptBytes: number;
}

export const writerChoices = ['wait', 'end'] as const;
export interface FreezeOptions {
  /** Transactions under way at the source: wait for them, or end them after `waitMs`. */
  readonly writers: (typeof writerChoices)[number];
  readonly waitMs: number;
}

export const cutoverTimes = ['asked', 'ready'] as const;
export interface CutoverOptions extends FreezeOptions {
  /** asked: `waybill cutover RUN` begins it; ready: it begins by itself. */
  readonly when: (typeof cutoverTimes)[number];
  /** Longest time the source may stand still; beyond it it is thawed and following goes on. */
  readonly budgetMs: number;
  /** After the switch the old source follows the target, so that `waybill rollback` loses nothing. */
  readonly reverse: boolean;
  /** Program and arguments that point clients to the target, run between drain and opening it. */
  readonly command?: readonly string[];
}
