/** engine: the façade. It joins plan, move, verify and journal, and has no policy of its own.
 *  Promise: every event reaches the journal before anybody else hears of it. Callers: cli, server, src/index.ts. */
import type { Difference } from '../model/difference.ts';
import type { RunEvent, Tick } from '../model/event.ts';
import type { Finding } from '../model/finding.ts';
import type { Depth, Job } from '../model/job.ts';
import type { ErrorRecord } from '../model/migration-error.ts';
import type { EndState, Progress, RunState } from '../model/progress.ts';
import type { PlanTotals, RunHeader, RunRequest } from '../journal/journal.ts';
import type { PlannedShipment } from '../plan/plan.ts';

export interface Engine extends AsyncDisposable {
  /** Looks at both ends of every shipment and writes nothing. Findings of level error are in the plan, not thrown;
   *  what makes planning itself impossible (unreachable, unknown scheme) throws. Dispose the plan if it is not started. */
  plan(job: Job, options: PlanOptions): Promise<Plan>;
  /** Throws `plan.refused` when the plan has errors. */
  start(plan: Plan, options: RunOptions): Promise<Run>;
  /** Goes on with a paused, failed or killed run. Throws `run.unknown`, `run.busy`. A finished run resolves at once. */
  resume(run: string, options: RunOptions): Promise<Run>;
  /** Compares both ends of a finished run again. Yields every difference as it is found. */
  verify(run: string, options: VerifyOptions): Promise<Verification>;
  /** Puts back what the run replaced, from the backups named in its bill. */
  restore(run: string, options: { readonly signal: AbortSignal }): Promise<void>;
  /** Leaves a request for whoever works on the run. `held`: somebody does, in this or another process; otherwise
   *  `resume` meets it. Throws `cutover.refused` when the run could not meet it. */
  ask(run: string, request: RunRequest): Promise<{ readonly held: boolean; readonly seq: number }>;
  /** Events of a run that another process works on, after the sequence number, as they are recorded. Ends when nobody
   *  works on the run any more. */
  watch(run: string, after: number, signal: AbortSignal): AsyncIterable<RunEvent>;
  runs(): Promise<readonly RunSummary[]>;
  status(run: string): Promise<{ readonly header: RunHeader; readonly progress: Progress }>;
}

export interface PlanOptions {
  readonly signal: AbortSignal;
  /** Entries and rows looked at so far, for a display while a large inventory is taken. */
  readonly onProgress?: (seen: { readonly shipment: string; readonly items: number; readonly rows: number }) => void;
}

export interface Plan extends AsyncDisposable {
  readonly id: string;
  readonly job: Job;
  readonly shipments: readonly PlannedShipment[];
  readonly findings: readonly Finding[];
  readonly totals: PlanTotals;
  /** False when a finding is an error: start() would refuse. */
  readonly startable: boolean;
}

export interface RunOptions {
  readonly signal: AbortSignal;
  /** Journaled events, in order, each after it is durable. */
  readonly onEvent?: (event: RunEvent) => void;
  /** Momentary figures; may be dropped. */
  readonly onTick?: (tick: Tick) => void;
}

export interface Run {
  readonly id: string;
  /** Folded from all events so far, ticks included. */
  progress(): Progress;
  /** Resolves when the run has ended or is paused; rejects never. */
  readonly result: Promise<RunResult>;
  /** Ends as paused after the chunks in flight are recorded. */
  pause(reason: string): void;
}

export interface RunResult {
  readonly run: string;
  readonly outcome: EndState | 'failed' | 'paused';
  readonly exit: number;
  readonly error?: ErrorRecord;
  /** Paths of the signed bill and of its page; absent when paused. */
  readonly bill?: { readonly json: string; readonly html: string };
  readonly progress: Progress;
}

export interface VerifyOptions {
  readonly signal: AbortSignal;
  readonly depth: Depth;
  readonly onDifference?: (shipment: string, difference: Difference) => void;
  readonly onTick?: (tick: Tick) => void;
}

export interface Verification {
  readonly equal: boolean;
  readonly items: number;
  readonly rows: number;
  readonly bytes: number;
  /** At most the first 1 000; `differenceCount` counts all. */
  readonly differences: readonly { readonly shipment: string; readonly difference: Difference }[];
  readonly differenceCount: number;
}

export interface RunSummary {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly state: RunState;
  readonly bytes: number;
  readonly rows: number;
}
