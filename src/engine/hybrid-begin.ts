import { MigrationError } from '../model/migration-error.ts';
import { beginAnew } from './begin-anew.ts';
import { remaining } from './copy-steps.ts';
import type { Hybrid } from './hybrid.ts';

/** The source keeps its changes for this run, and is looked at as it was when that began. A run that goes on keeps to
 *  the moment it had, as long as that can be looked at or nothing is left to be copied. */
export async function beginKeeping(hybrid: Hybrid): Promise<void> {
  const { index, frozen, run } = hybrid;
  const before = run.past.position(index);
  if (before === undefined) return await keepAnew(hybrid);
  if ((await remaining(index, run)).items === 0) return;
  try {
    await frozen.renew(() => frozen.ends.source.snapshot?.(before, run.signal));
    if (frozen.position === before) return;
  } catch (error) {
    if (!(error instanceof MigrationError) || error.code !== 'source.moved') throw error;
  }
  await keepAnew(hybrid);
}

/** From another moment: what was copied before and reads differently now is copied again, and what the target has
 *  applied since the old moment is forgotten. */
export async function keepAnew(hybrid: Hybrid): Promise<void> {
  const { index, frozen, run, lane } = hybrid;
  const { name, feed, intake, options } = lane;
  // From here on neither the old moment nor the target's position means anything, wherever this is cut.
  if (run.past.position(index) !== undefined) {
    await run.record({ type: 'snapshot.taken', shipment: index, position: '' });
  }
  await intake.end(name, run.signal);
  await frozen.renew(() => feed.begin(name, options, run.signal));
  if (run.past.begun) await beginAnew(index, frozen, run);
  await run.record({ type: 'snapshot.taken', shipment: index, position: frozen.position ?? '' });
}
