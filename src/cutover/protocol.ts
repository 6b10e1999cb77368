import type { CutoverStep } from '../model/event.ts';
import { MigrationError } from '../model/migration-error.ts';
import type { Followed } from '../model/progress.ts';

/** What may follow what, of a cutover and of the way back alike. Up to `switching` everything can be undone by `thawed`;
 *  from there on a crash goes on forwards, because writers may already be at the other end. */
const next: Readonly<Record<CutoverStep, readonly CutoverStep[]>> = {
  asked: ['frozen', 'thawed'],
  frozen: ['drained', 'thawed'],
  drained: ['checked', 'thawed'],
  checked: ['counted', 'thawed'],
  counted: ['reversed', 'switching', 'thawed'],
  reversed: ['switching', 'thawed'],
  switching: ['switched'],
  switched: ['checked', 'asked'],
  thawed: ['asked'],
};

/** Throws `internal` for a step that must not come after `last`. */
export function assertStep(last: CutoverStep | undefined, step: CutoverStep): void {
  if (last === undefined ? step === 'asked' : next[last].includes(step)) return;
  throw new MigrationError('internal', `A cutover cannot go from ${last ?? 'nothing'} to ${step}.`);
}

/** Where a shipment stands between its two ends, as the journal tells it. */
export type Standing =
  /** Writers are at the source, or nobody has asked for anything. */
  | 'at source'
  /** Stopped on the way to the target: the source may be frozen. */
  | 'stopped going'
  /** Nothing but opening the target is left. */
  | 'going'
  | 'at target'
  /** The same on the way back. */
  | 'stopped returning'
  | 'returning'
  | 'returned';

export function standingOf({ steps, back, switched }: Followed): Standing {
  if (steps.switched !== undefined && back) return 'returned';
  if (steps.switching !== undefined && steps.switched === undefined) return back ? 'returning' : 'going';
  const stopped = steps.asked !== undefined && steps.thawed === undefined && steps.switched === undefined;
  if (stopped) return back ? 'stopped returning' : 'stopped going';
  return switched ? 'at target' : 'at source';
}
