import { standingOf, type Standing } from '../cutover/protocol.ts';
import { MigrationError } from '../model/migration-error.ts';
import type { Shipment } from '../model/job.ts';
import type { RunContext } from './active-run.ts';
import { copySteps } from './copy-steps.ts';
import { followBack } from './hybrid-back.ts';
import { beginKeeping, keepAnew } from './hybrid-begin.ts';
import { followToTarget } from './hybrid-follow.ts';
import { followedOf, openHybrid, openWayBack, raise, recordStep, type Hybrid, type Lane } from './hybrid.ts';
import { keepBackup } from './keep-backup.ts';
import { throwIfPaused, verifySteps } from './verify-steps.ts';

/** Brings a shipment that follows its source from where it is to its end: copy, follow, cut over, compare and, when the
 *  job wants that, keep the way back open until it is taken or given up. */
export async function runHybrid(index: number, shipment: Shipment, run: RunContext): Promise<void> {
  const hybrid = await openHybrid(index, shipment, run);
  const standing = standingOf(followedOf(hybrid));
  await using back = needsWayBack(hybrid, standing) ? await openWayBack(hybrid) : undefined;
  await settle(hybrid, standing, back);
  if (standing === 'at source' || standing === 'stopped going') {
    await bringToTarget(hybrid, standing === 'stopped going');
  }
  if (standingOf(followedOf(hybrid)) === 'at target') await prove(hybrid);
  const end = await stayOrReturn(hybrid, back, standing === 'stopped returning');
  await letGoOfBoth(hybrid);
  await hybrid.frozen.ends.sink.sweep(run.header.id, run.signal);
  await run.enter(index, end);
}

const needsWayBack = (hybrid: Hybrid, standing: Standing): boolean =>
  standing !== 'at source' && standing !== 'stopped going' && followedOf(hybrid).reversedAt !== undefined;

/** Ends what an earlier life was stopped in the middle of: what can be undone is undone, what cannot goes on. */
async function settle(hybrid: Hybrid, standing: Standing, back: Lane | undefined): Promise<void> {
  const { index, lane, run } = hybrid;
  switch (standing) {
    case 'stopped going':
      await lane.feed.thaw(lane.name, run.signal);
      await recordStep(hybrid, 'thawed', { detail: 'the run was stopped' });
      return;
    case 'going':
      await run.enter(index, 'cutting-over');
      await lane.intake.open(lane.name, run.signal);
      await recordStep(hybrid, 'switched');
      return;
    case 'stopped returning':
      await back?.feed.thaw(back.name, run.signal);
      await recordStep(hybrid, 'thawed', { detail: 'the run was stopped', back: true });
      return;
    case 'returning':
      await lane.feed.thaw(lane.name, run.signal);
      await recordStep(hybrid, 'switched', { back: true });
      return;
    case 'at source':
    case 'at target':
    case 'returned':
  }
}

/** Begun anew this often, a shipment is given up: its source does not keep what happens long enough. */
const lives = 3;

async function bringToTarget(hybrid: Hybrid, wanted: boolean): Promise<void> {
  const { index, frozen, run } = hybrid;
  await beginKeeping(hybrid);
  await keepBackup(hybrid);
  for (let life = 1; ; life++) {
    try {
      await run.enter(index, 'copying');
      await copySteps(hybrid);
      throwIfPaused(run);
      // A view that is held for long keeps the source from tidying up.
      await frozen.renew(() => undefined);
      return await followToTarget(hybrid, wanted);
    } catch (error) {
      const moved = error instanceof MigrationError && error.code === 'source.moved';
      if (!moved || life >= lives || standingOf(followedOf(hybrid)) !== 'at source') throw error;
      await raise(hybrid, { level: 'warning', code: error.code, message: error.message });
      await run.enter(index, 'preparing');
      await keepAnew(hybrid);
    }
  }
}

/** Compares both ends as they stood at the switch, if that was not done while writers waited. */
async function prove(hybrid: Hybrid): Promise<void> {
  const { index, run, views } = hybrid;
  if (!followedOf(hybrid).proven) {
    await run.enter(index, 'verifying');
    if (!views.held) await raise(hybrid, tooLate);
    await verifySteps(hybrid, views.held ? { patient: true } : { detail: 'or written since the switch' });
    await recordStep(hybrid, 'checked', { detail: 'digests' });
  }
  await views.letGo();
}

const tooLate = {
  level: 'warning' as const,
  code: 'verify.differs',
  message:
    'The run was stopped between the switch and the comparison of both ends: what was written to the target since then looks like a difference.',
};

async function stayOrReturn(hybrid: Hybrid, back: Lane | undefined, wanted: boolean): Promise<'done' | 'rolled-back'> {
  const { index, run, lane } = hybrid;
  if (standingOf(followedOf(hybrid)) !== 'returned') {
    if (followedOf(hybrid).reversedAt === undefined) return 'done';
    // Nothing follows the old source any more: its log is let go.
    await lane.feed.end(lane.name, run.signal);
    await using opened = back ? undefined : await openWayBack(hybrid);
    const wayBack = back ?? opened;
    if (wayBack && (await followBack(hybrid, wayBack, wanted)) === 'finished') return 'done';
  } else await run.enter(index, 'rolling-back');
  return 'rolled-back';
}

/** What following left at both ends. Who may write stays as it is. */
async function letGoOfBoth(hybrid: Hybrid): Promise<void> {
  const { lane, run } = hybrid;
  if (followedOf(hybrid).reversedAt !== undefined) {
    await using back = await openWayBack(hybrid);
    await back.feed.end(back.name, run.signal);
    await back.intake.end(back.name, run.signal);
  }
  await lane.feed.end(lane.name, run.signal);
  await lane.intake.end(lane.name, run.signal);
}
