import { standingOf } from '../cutover/protocol.ts';
import { MigrationError } from '../model/migration-error.ts';
import { notFollowed } from '../model/progress.ts';
import type { RunContext } from './active-run.ts';
import { openHybrid } from './hybrid.ts';
import { openEnds } from './open-ends.ts';

/** Gives a run up: writers are let into both ends, nothing is kept for the run any more, what is half-written at the
 *  target is removed. Whole items that arrived stay. Throws `cutover.refused` after a switch. */
export async function letGo(run: RunContext): Promise<void> {
  const { header, parts, signal } = run;
  for (const [index, shipment] of header.job.shipments.entries()) {
    const phase = run.progress().phases[index] ?? 'planned';
    if (phase === 'done' || phase === 'rolled-back') continue;
    if (shipment.strategy !== 'hybrid') {
      await using ends = await openEnds(shipment, parts.open, undefined, signal);
      await ends.sink.sweep(header.id, signal);
      continue;
    }
    const standing = standingOf(run.progress().followed[index] ?? notFollowed);
    if (standing !== 'at source' && standing !== 'stopped going') {
      throw new MigrationError(
        'cutover.refused',
        `Writers are at the target of ${shipment.name}: this run is not cancelled.`,
        {
          hint: '`waybill rollback RUN` goes back, `waybill finish RUN` gives up the way back.',
        },
      );
    }
    const { frozen, lane } = await openHybrid(index, shipment, run);
    await lane.feed.thaw(lane.name, signal);
    await frozen.renew(() => undefined);
    await lane.feed.end(lane.name, signal);
    await lane.intake.open(lane.name, signal);
    await lane.intake.end(lane.name, signal);
    await frozen.ends.sink.sweep(header.id, signal);
  }
}
