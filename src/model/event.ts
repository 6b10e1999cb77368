import type { Difference } from './difference.ts';
import type { Finding } from './finding.ts';
import type { Item } from './item.ts';
import type { Lag } from './lag.ts';
import type { Into } from './job.ts';
import type { Json } from './model.ts';
import type { ErrorRecord } from './migration-error.ts';
import type { Phase } from './phase.ts';
import type { Receipt, Reject } from './receipt.ts';

/** Everything that happens in a run. Journal, resume, terminal, dashboard and metrics read these and nothing else. */
export type RunEvent =
  | { readonly type: 'run.started'; readonly at: number; readonly workers: readonly string[] }
  | { readonly type: 'phase.changed'; readonly shipment: number; readonly phase: Phase; readonly at: number }
  /** The source stands at this position; a resume goes on only from the same one. '': what was kept there is let go. */
  | { readonly type: 'snapshot.taken'; readonly shipment: number; readonly position: string }
  | { readonly type: 'backup.kept'; readonly shipment: number; readonly backup: BackupRecord }
  | { readonly type: 'item.opened'; readonly step: number; readonly ticket: string; readonly base?: BaseContent }
  | { readonly type: 'chunk.written'; readonly step: number; readonly receipt: Receipt }
  /** `items`: 1, or 0 for a batch, whose members count as they are written. */
  | { readonly type: 'item.published'; readonly step: number; readonly items: number }
  | { readonly type: 'item.removed'; readonly step: number; readonly items: number }
  /** All that was recorded of the item so far no longer counts: its draft is lost or its source moved. `item` is how
   *  it looks at the source now. */
  | {
      readonly type: 'item.restarted';
      readonly step: number;
      readonly reason: string;
      readonly item?: Item;
      readonly into?: Into;
    }
  | {
      readonly type: 'item.failed';
      readonly step: number;
      readonly error: ErrorRecord;
      readonly rejects?: readonly Reject[];
    }
  /** These chunks of an item no longer count: the source moved on and reads differently there now. */
  | { readonly type: 'chunks.dropped'; readonly step: number; readonly chunks: readonly string[] }
  /** Changes up to this position are durable at the target. Recorded now and then; the target knows better. */
  | {
      readonly type: 'changes.applied';
      readonly shipment: number;
      readonly at: number;
      readonly position: string;
      readonly transactions: number;
      readonly changes: number;
      readonly bytes: number;
      readonly lag?: Lag;
      /** How long a cutover would keep the source still, as far as can be told. */
      readonly predictedMs?: number;
    }
  /** A step of a cutover is done, or, with `back`, of the way back after one. */
  | {
      readonly type: 'cutover.step';
      readonly shipment: number;
      readonly step: CutoverStep;
      readonly at: number;
      readonly back?: true;
      readonly position?: string;
      readonly detail?: string;
    }
  | { readonly type: 'item.verified'; readonly step: number; readonly equal: boolean }
  | { readonly type: 'difference.found'; readonly shipment: number; readonly difference: Difference }
  | { readonly type: 'finding.raised'; readonly shipment: number; readonly finding: Finding }
  | { readonly type: 'run.paused'; readonly at: number; readonly reason: string }
  | { readonly type: 'run.resumed'; readonly at: number }
  | { readonly type: 'run.finished'; readonly at: number; readonly outcome: Outcome; readonly error?: ErrorRecord };

/** In the order they are taken (cutover/protocol.ts). `reversed`: the target keeps its changes for the way back;
 *  `switching`: from here on there is no return, a crash goes on forwards; `thawed` undoes what came before that. */
export const cutoverSteps = [
  'asked',
  'frozen',
  'drained',
  'checked',
  'counted',
  'reversed',
  'switching',
  'switched',
  'thawed',
] as const;
export type CutoverStep = (typeof cutoverSteps)[number];

/** What the target already held when an item was opened for append: the digest adds to the receipts'. */
export interface BaseContent {
  readonly rows: number;
  readonly digest: string;
}

/** A pre-image that `restore` can put back. `detail` is the driver's own. */
export interface BackupRecord {
  readonly path: string;
  readonly bytes: number;
  readonly digest: string;
  readonly detail: Json;
}

/** `differs` ends with exit code 3: something was not carried or is not equal, and the bill names it. */
export type Outcome = 'done' | 'differs' | 'failed' | 'cancelled' | 'rolled-back';

/** A momentary figure for displays: not journaled, may be dropped. */
export type Tick = WorkTick | FollowTick;

export interface WorkTick {
  readonly type: 'chunk.progress' | 'verify.progress';
  readonly step: number;
  readonly worker: string;
  /** Key at the source, for people. */
  readonly item?: string;
  readonly chunk: string;
  readonly bytes: number;
  readonly rows: number;
}

/** How far following is; what is counted here reaches the journal with the next `changes.applied`. */
export interface FollowTick {
  readonly type: 'follow.progress';
  readonly shipment: number;
  readonly position: string;
  /** Applied since the last `changes.applied`. */
  readonly transactions: number;
  readonly changes: number;
  readonly lag: Lag;
  readonly predictedMs?: number;
}
