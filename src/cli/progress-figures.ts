import type { PlanTotals } from '../journal/journal.ts';
import type { Progress } from '../model/progress.ts';
import { createMeter } from './meter.ts';

/** Where a run stands, in figures: what terminal and JSON lines show. Speeds are per second. */
export interface Figures {
  readonly phase: 'preparing' | 'copying' | 'verifying';
  readonly fraction: number;
  readonly items: number;
  readonly rows: number;
  readonly bytes: number;
  readonly bytesPerSecond: number;
  readonly rowsPerSecond: number;
  /** Absent while nothing can be foretold. */
  readonly secondsLeft?: number;
}

/** Feeds on a run's progress and works out speed and what is left. `totals` are the plan's. */
export function createFigures(totals: PlanTotals): (progress: Progress, now: number) => Figures {
  const meters = { bytes: createMeter(), rows: createMeter() };
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
    };
  };
}

function phaseOf({ phases }: Progress): Figures['phase'] {
  const active = Object.values(phases).findLast((phase) => phase !== 'done' && phase !== 'planned');
  if (active === 'verifying') return 'verifying';
  return active === 'copying' || Object.values(phases).includes('done') ? 'copying' : 'preparing';
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
