import type { PlanTotals } from '../journal/journal.ts';
import type { Lag } from '../model/lag.ts';
import { notFollowed, type Followed, type Progress } from '../model/progress.ts';
import type { Phase } from '../model/phase.ts';
import { createMeter } from './meter.ts';

/** Where a run stands, in figures: what terminal and JSON lines show. Speeds are per second. */
export interface Figures {
  readonly phase: 'preparing' | 'copying' | 'verifying' | FollowingPhase;
  readonly fraction: number;
  readonly items: number;
  readonly rows: number;
  readonly bytes: number;
  readonly bytesPerSecond: number;
  readonly rowsPerSecond: number;
  /** Absent while nothing can be foretold. */
  readonly secondsLeft?: number;
  /** Of a shipment that follows its source, or whose source follows its target. */
  readonly following?: FollowingFigures;
}

export type FollowingPhase = (typeof followingPhases)[number];
const followingPhases = ['following', 'ready', 'cutting-over', 'reverse-following', 'rolling-back'] as const;

export interface FollowingFigures {
  readonly transactions: number;
  readonly changes: number;
  readonly changesPerSecond: number;
  readonly lag?: Lag;
  /** How long a cutover would keep writers waiting. */
  readonly predictedSeconds?: number;
  /** How long the last one did. */
  readonly pauseSeconds?: number;
}

/** Feeds on a run's progress and works out speed and what is left. `totals` are the plan's. */
export function createFigures(totals: PlanTotals): (progress: Progress, now: number) => Figures {
  const meters = { bytes: createMeter(), rows: createMeter(), changes: createMeter() };
  let began = -1;
  return (progress, now) => {
    const phase = phaseOf(progress);
    const inFlight = phase === 'copying' ? Object.values(progress.inFlight) : [];
    const sum = (of: 'bytes' | 'rows') => progress.done[of] + inFlight.reduce((total, at) => total + at[of], 0);
    const [bytes, rows, items] = [sum('bytes'), sum('rows'), progress.done.items];
    if (phase === 'copying') {
      meters.bytes.add(now, bytes);
      meters.rows.add(now, rows);
      if (began < 0) began = now;
    }
    const followed = isFollowing(phase) ? activeFollowed(progress) : undefined;
    if (followed) meters.changes.add(now, followed.changes + followed.unrecorded.changes);
    const fraction = fractionOf({ items, rows, bytes }, totals.copy, phase);
    const [bytesPerSecond, rowsPerSecond] = [meters.bytes.rate(), meters.rows.rate()];
    const secondsLeft =
      phase === 'copying' && now - began > 1000 ? left(fraction, totals, bytesPerSecond, rowsPerSecond) : undefined;
    return {
      phase,
      fraction,
      items,
      rows,
      bytes,
      bytesPerSecond,
      rowsPerSecond,
      ...(secondsLeft !== undefined && { secondsLeft }),
      ...(followed && { following: followingFigures(followed, meters.changes.rate()) }),
    };
  };
}

function phaseOf({ phases }: Progress): Figures['phase'] {
  const active = Object.values(phases).findLast((phase) => phase !== 'done' && phase !== 'planned');
  if (active === 'verifying') return 'verifying';
  if (active !== undefined && isFollowing(active)) return active;
  return active === 'copying' || Object.values(phases).includes('done') ? 'copying' : 'preparing';
}

const isFollowing = (phase: Phase): phase is FollowingPhase => (followingPhases as readonly Phase[]).includes(phase);

/** Only one shipment at a time follows: the last of its job. */
export const activeFollowed = ({ followed }: Progress): Followed => Object.values(followed).at(-1) ?? notFollowed;

export function followingFigures(followed: Followed, changesPerSecond: number): FollowingFigures {
  const { transactions, changes, unrecorded, lag, predictedMs, pauseMs } = followed;
  return {
    transactions: transactions + unrecorded.transactions,
    changes: changes + unrecorded.changes,
    changesPerSecond,
    ...(lag && { lag }),
    ...(predictedMs !== undefined && { predictedSeconds: predictedMs / 1000 }),
    ...(pauseMs !== undefined && { pauseSeconds: pauseMs / 1000 }),
  };
}

interface Amount {
  readonly items: number;
  readonly rows: number;
  readonly bytes: number;
}

/** Bytes of tables are estimates, so rows count where there are any, and both where both move. */
function fractionOf(done: Amount, all: Amount, phase: Figures['phase']): number {
  const parts = [
    all.rows > 0 ? Math.min(1, done.rows / all.rows) : undefined,
    all.bytes > 0 ? Math.min(1, done.bytes / all.bytes) : undefined,
    all.rows + all.bytes === 0 && all.items > 0 ? Math.min(1, done.items / all.items) : undefined,
  ].filter((part) => part !== undefined);
  const fraction = parts.length === 0 ? 1 : parts.reduce((sum, part) => sum + part, 0) / parts.length;
  // Only a finished run shows 100 %.
  return phase === 'verifying' ? fraction : Math.min(0.999, fraction);
}

function left(
  fraction: number,
  { copy }: PlanTotals,
  bytesPerSecond: number,
  rowsPerSecond: number,
): number | undefined {
  const byBytes = copy.bytes > 0 && bytesPerSecond > 0 ? ((1 - fraction) * copy.bytes) / bytesPerSecond : undefined;
  const byRows = copy.rows > 0 && rowsPerSecond > 0 ? ((1 - fraction) * copy.rows) / rowsPerSecond : undefined;
  const known = [byBytes, byRows].filter((seconds) => seconds !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
