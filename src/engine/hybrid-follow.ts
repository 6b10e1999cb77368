import { crossOver } from '../cutover/cutover.ts';
import type { MigrationError } from '../model/migration-error.ts';
import { Readiness } from '../follow/readiness.ts';
import { watch } from '../follow/watch.ts';
import { openHandover } from './handover.ts';
import { raise, recordStep, startFollowing, type Following, type Hybrid } from './hybrid.ts';
import { throwIfPaused } from './verify-steps.ts';

/** Failed attempts make a cutover that begins by itself wait longer, up to this many times as long. */
const longestWait = 64;

/** Follows until writers are at the target. `wanted`: a cutover was under way when the run was stopped. */
export async function followToTarget(hybrid: Hybrid, wanted: boolean): Promise<void> {
  const { index, run, lane } = hybrid;
  await run.enter(index, 'following');
  await lane.intake.close(lane.name, run.signal);
  await using following = await startFollowing(hybrid, lane, run.past.position(index) ?? '');
  try {
    for (let attempt = 0; ; attempt++) {
      await untilCutover(hybrid, following, wanted, Math.min(longestWait, 2 ** attempt));
      wanted = false;
      await following.flush();
      throwIfPaused(run);
      await run.enter(index, 'cutting-over');
      const refused = await crossToTarget(hybrid, following);
      await following.flush();
      if (!refused) return;
      await raise(hybrid, refusal(refused));
      throwIfPaused(run);
      await run.enter(index, 'following');
    }
  } finally {
    await following[Symbol.asyncDispose]();
    if (!run.signal.aborted) await following.flush();
  }
}

async function untilCutover(hybrid: Hybrid, following: Following, wanted: boolean, wait: number): Promise<void> {
  const { index, run, lane, cutover } = hybrid;
  const { everyMs, steadyMs } = run.pace;
  const readiness = new Readiness(cutover.budgetMs, steadyMs * wait);
  let waiting = wanted;
  for (;;) {
    const asked = await watch({
      run: lane.name,
      shipment: index,
      feed: lane.feed,
      follower: following.follower,
      applied: following.applied,
      prediction: following.prediction,
      readiness,
      crossing: 'cutover',
      wanted: waiting,
      everyMs,
      request: requestsOf(hybrid),
      enter: (phase) => run.enter(index, phase),
      record: (event) => run.record(event),
      tick: (tick) => run.tick(tick),
      signal: run.signal,
    });
    waiting = false;
    if (asked === 'cutover' || (asked === 'ready' && cutover.when === 'ready')) return;
    if (asked !== 'ready') await raise(hybrid, tooEarly(asked));
  }
}

/** Requests as they come, until the run is to pause or to stop, or following fails. */
export function requestsOf({ run }: Hybrid) {
  const stopped = AbortSignal.any([run.signal, run.pause]);
  return (ms: number, failed: AbortSignal) => run.requests.next(ms, AbortSignal.any([stopped, failed]));
}

async function crossToTarget(hybrid: Hybrid, { follower }: Following): Promise<MigrationError | undefined> {
  const { run, lane, cutover } = hybrid;
  const handover = await openHandover(hybrid);
  try {
    return await crossOver({
      run: lane.name,
      feed: lane.feed,
      intake: lane.intake,
      follower,
      options: cutover,
      check: (leftMs, signal) => handover.check(leftMs, signal),
      ...(cutover.reverse && { keepWayBack: (signal: AbortSignal) => handover.keepWayBack(signal) }),
      undo: (signal) => handover.undo(signal),
      open: (signal) => lane.intake.open(lane.name, signal),
      record: (step, more) => recordStep(hybrid, step, more),
      signal: run.signal,
    });
  } finally {
    await handover[Symbol.asyncDispose]();
  }
}

export const refusal = ({ code, message, hint }: MigrationError) => ({
  level: 'warning' as const,
  code,
  message: `${message} Writers were let go on where they were, and following goes on.`,
  ...(hint !== undefined && { hint }),
});

const tooEarly = (asked: string) => ({
  level: 'warning' as const,
  code: 'cutover.refused',
  message: `There was no switch yet, so \`${asked}\` has nothing to do.`,
  hint: '`waybill cancel RUN` lets go of the source before the switch.',
});
