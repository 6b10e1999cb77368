import type { CutoverStep, RunEvent, Tick, WorkTick } from './event.ts';
import type { Lag } from './lag.ts';
import type { Difference } from './difference.ts';
import type { ErrorRecord } from './migration-error.ts';
import type { BackupRecord } from './event.ts';
import type { Phase } from './phase.ts';
import type { Reject } from './receipt.ts';

export type RunState = 'planned' | 'running' | 'paused' | 'failed' | EndState;

/** A run that has one of these is over: nothing is left to resume. */
export const endStates = ['done', 'differs', 'rolled-back', 'cancelled'] as const;
export type EndState = (typeof endStates)[number];

export const isOver = (state: RunState): state is EndState => (endStates as readonly RunState[]).includes(state);

interface Differences {
  readonly count: number;
  readonly first: readonly { readonly shipment: number; readonly difference: Difference }[];
}

/** A run as its events tell it; displays, metrics, status and the bill's totals read this. Memory is bounded: lists
 *  keep their first `listLimit` entries and a count. */
export interface Progress {
  readonly state: RunState;
  readonly phases: Readonly<Record<number, Phase>>;
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  /** Durable at the target. */
  readonly done: { readonly items: number; readonly chunks: number; readonly bytes: number; readonly rows: number };
  /** Read but not yet recorded, by worker: from ticks only. */
  readonly inFlight: Readonly<Record<string, Omit<WorkTick, 'type' | 'worker'>>>;
  /** By shipment that follows its source. */
  readonly followed: Readonly<Record<number, Followed>>;
  readonly removed: number;
  readonly verified: number;
  readonly rejects: { readonly count: number; readonly first: readonly Reject[] };
  readonly failures: {
    readonly count: number;
    readonly first: readonly { readonly step: number; readonly error: ErrorRecord }[];
  };
  readonly differences: Differences;
  readonly backups: Readonly<Record<number, BackupRecord>>;
  readonly error: ErrorRecord | undefined;
}

/** How far following has come, and what a cutover has done so far. */
export interface Followed {
  readonly position: string;
  readonly transactions: number;
  readonly changes: number;
  readonly bytes: number;
  readonly lag: Lag | undefined;
  readonly predictedMs: number | undefined;
  /** From ticks: applied, and not yet recorded. */
  readonly unrecorded: { readonly transactions: number; readonly changes: number };
  /** When each step of the last cutover, or of the way back, was done; emptied when one begins. */
  readonly steps: Readonly<Partial<Record<CutoverStep, number>>>;
  /** The steps are those of the way back. */
  readonly back: boolean;
  /** Clients write to the target. */
  readonly switched: boolean;
  /** Both ends were compared as they stood at the switch. */
  readonly proven: boolean;
  /** From where the target's changes are kept for the way back. */
  readonly reversedAt: string | undefined;
  /** How long writers were kept out by the last switch, in milliseconds. */
  readonly pauseMs: number | undefined;
}

export const notFollowed: Followed = {
  position: '',
  transactions: 0,
  changes: 0,
  bytes: 0,
  lag: undefined,
  predictedMs: undefined,
  unrecorded: { transactions: 0, changes: 0 },
  steps: {},
  back: false,
  switched: false,
  proven: false,
  reversedAt: undefined,
  pauseMs: undefined,
};

const listLimit = 1000;

export const noProgress: Progress = {
  state: 'planned',
  phases: {},
  startedAt: undefined,
  endedAt: undefined,
  done: { items: 0, chunks: 0, bytes: 0, rows: 0 },
  inFlight: {},
  followed: {},
  removed: 0,
  verified: 0,
  rejects: { count: 0, first: [] },
  failures: { count: 0, first: [] },
  differences: { count: 0, first: [] },
  backups: {},
  error: undefined,
};

/** The one fold of a run's events; pure. `chunk.written` of a step that is restarted later stays counted in
 *  `done.bytes`: the figures say what was carried, not what exists. */
export function advance(progress: Progress, event: RunEvent | Tick): Progress {
  switch (event.type) {
    case 'run.started':
      return { ...progress, state: 'running', startedAt: progress.startedAt ?? event.at };
    case 'run.resumed':
      return { ...progress, state: 'running', endedAt: undefined, error: undefined };
    case 'phase.changed':
      return {
        ...progress,
        phases: { ...progress.phases, [event.shipment]: event.phase },
        inFlight: {},
        // Verification that was cut short begins again, and finds the same differences again.
        ...(event.phase === 'verifying' && { differences: dropShipment(progress.differences, event.shipment) }),
      };
    case 'chunk.written': {
      const { bytes, rows, rejects, members } = event.receipt;
      const { items, chunks } = progress.done;
      const done = {
        items: items + (members?.length ?? 0),
        chunks: chunks + 1,
        bytes: progress.done.bytes + bytes,
        rows: progress.done.rows + rows,
      };
      return {
        ...progress,
        done,
        rejects: append(progress.rejects, rejects ?? []),
        inFlight: without(progress, event.step, event.receipt.chunk),
      };
    }
    case 'item.published':
      return { ...progress, done: { ...progress.done, items: progress.done.items + event.items } };
    case 'item.removed':
      return { ...progress, removed: progress.removed + event.items };
    case 'item.failed':
      return {
        ...progress,
        failures: append(progress.failures, [{ step: event.step, error: event.error }]),
        rejects: append(progress.rejects, event.rejects ?? []),
      };
    case 'item.verified':
      return { ...progress, verified: progress.verified + 1 };
    case 'difference.found':
      return {
        ...progress,
        differences: append(progress.differences, [{ shipment: event.shipment, difference: event.difference }]),
      };
    case 'backup.kept':
      return { ...progress, backups: { ...progress.backups, [event.shipment]: event.backup } };
    case 'run.paused':
      return { ...progress, state: 'paused', endedAt: event.at, inFlight: {} };
    case 'run.finished': {
      return {
        ...progress,
        state: stateAfter(event) ?? progress.state,
        endedAt: event.at,
        error: event.error,
        inFlight: {},
      };
    }
    case 'changes.applied': {
      const before = progress.followed[event.shipment] ?? notFollowed;
      const { position, lag, predictedMs } = event;
      const sums = {
        transactions: before.transactions + event.transactions,
        changes: before.changes + event.changes,
        bytes: before.bytes + event.bytes,
      };
      const now = {
        ...before,
        ...sums,
        position,
        lag: lag ?? before.lag,
        predictedMs: predictedMs ?? before.predictedMs,
        unrecorded: notFollowed.unrecorded,
      };
      return { ...progress, followed: { ...progress.followed, [event.shipment]: now } };
    }
    case 'cutover.step': {
      const now = afterStep(progress.followed[event.shipment] ?? notFollowed, event);
      return { ...progress, followed: { ...progress.followed, [event.shipment]: now } };
    }
    case 'follow.progress': {
      const before = progress.followed[event.shipment] ?? notFollowed;
      const { position, lag, transactions, changes, predictedMs } = event;
      const now = { ...before, position, lag, predictedMs, unrecorded: { transactions, changes } };
      return { ...progress, followed: { ...progress.followed, [event.shipment]: now } };
    }
    case 'chunk.progress':
    case 'verify.progress': {
      const { type: _, worker, ...at } = event;
      return { ...progress, inFlight: { ...progress.inFlight, [worker]: at } };
    }
    case 'item.opened':
    case 'item.restarted':
    case 'chunks.dropped':
    case 'snapshot.taken':
    case 'finding.raised':
      return progress;
  }
}

/** The state that an event brings a run into, if it changes it. */
export function stateAfter(event: RunEvent): RunState | undefined {
  switch (event.type) {
    case 'run.started':
    case 'run.resumed':
      return 'running';
    case 'run.paused':
      return 'paused';
    case 'run.finished':
      return event.outcome;
    default:
      return undefined;
  }
}

/** What a step of a cutover changes. The pause begins when freezing begins, which `asked` is recorded right before. */
function afterStep(before: Followed, event: RunEvent & { readonly type: 'cutover.step' }): Followed {
  const { step, at, back = false, position, detail } = event;
  const steps = { ...(step === 'asked' ? {} : before.steps), [step]: at };
  const now = { ...before, steps, back };
  if (step === 'checked' && !back) return { ...now, proven: detail === 'digests' };
  if (step === 'reversed') return { ...now, reversedAt: position };
  if (step !== 'switched') return now;
  return { ...now, switched: !back, pauseMs: at - (steps.asked ?? at) };
}

function dropShipment({ count, first }: Differences, shipment: number): Differences {
  const rest = first.filter((found) => found.shipment !== shipment);
  return { count: rest.length === 0 ? 0 : count - (first.length - rest.length), first: rest };
}

function append<T>(list: { readonly count: number; readonly first: readonly T[] }, more: readonly T[]) {
  if (more.length === 0) return list;
  const room = Math.max(0, listLimit - list.first.length);
  return { count: list.count + more.length, first: [...list.first, ...more.slice(0, room)] };
}

function without(progress: Progress, step: number, chunk: string): Progress['inFlight'] {
  const entries = Object.entries(progress.inFlight).filter(([, at]) => at.step !== step || at.chunk !== chunk);
  return Object.fromEntries(entries);
}
