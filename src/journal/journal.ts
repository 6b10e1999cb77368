/** journal: what is durably done, and nothing else. Append-only; events carry no secret and no row value.
 *  Promise: when record() resolves, the event survives a power cut, and so do all events recorded before it.
 *  Callers: engine (the one writer), verify (reads). Format: docs/journal-format.md. */
import type { RunEvent } from '../model/event.ts';
import type { RunState } from '../model/progress.ts';
import type { Job } from '../model/job.ts';
import type { Finding } from '../model/finding.ts';
import type { Step } from '../model/step.ts';

export interface Journal extends AsyncDisposable {
  /** Stores a run and its whole plan, at once or not at all. */
  create(run: RunHeader, steps: AsyncIterable<readonly Step[]> | Iterable<readonly Step[]>): Promise<void>;
  /** Newest first, without reading their events. */
  runs(): Promise<readonly JournaledRun[]>;
  /** Throws `run.unknown`. */
  header(run: string): Promise<RunHeader>;
  /** In order of seq, in pages. */
  steps(run: string): AsyncIterable<readonly Step[]>;
  /** Appends. Events recorded while a write is under way share the next one (group commit). */
  record(run: string, event: RunEvent): Promise<void>;
  /** In the order recorded, in pages; `after` is a sequence number, 0 for all. */
  replay(run: string, after?: number): AsyncIterable<readonly JournaledEvent[]>;
  /** Leaves a request for whoever works on the run, now or later. Durable when it resolves. */
  ask(run: string, request: RunRequest): Promise<void>;
  /** Requests not yet taken, oldest first; taking them forgets them. */
  takeRequests(run: string): Promise<readonly RunRequest[]>;
  /** Holds the run for this process until disposed. Throws `run.busy` while another living process holds it. */
  claim(run: string): Promise<Disposable>;
}

/** `finish`: give up the way back after a switch. `cancel`: let go of both ends, now. */
export type RunRequest = 'cutover' | 'rollback' | 'finish' | 'pause' | 'cancel';

export interface RunHeader {
  readonly id: string;
  readonly createdAt: number;
  readonly job: Job;
  readonly findings: readonly Finding[];
  /** Counts of the plan: what it will copy, keep and remove. */
  readonly totals: PlanTotals;
}

/** A run and where its events have brought it. */
export interface JournaledRun extends RunHeader {
  readonly state: RunState;
  /** Carried so far. */
  readonly bytes: number;
  readonly rows: number;
  /** Who claimed it last; may have ended since. */
  readonly holder?: { readonly pid: number; readonly host: string };
}

export interface PlanTotals {
  readonly copy: Totals;
  readonly keep: Totals;
  readonly remove: Totals;
  readonly estimatedSeconds?: number;
}

export interface Totals {
  readonly items: number;
  readonly bytes: number;
  readonly rows: number;
}

export interface JournaledEvent {
  readonly seq: number;
  readonly event: RunEvent;
}
