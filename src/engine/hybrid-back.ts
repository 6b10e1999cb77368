import { crossOver } from '../cutover/cutover.ts';
import { Readiness } from '../follow/readiness.ts';
import { watch } from '../follow/watch.ts';
import { refusal, requestsOf } from './hybrid-follow.ts';
import { followedOf, raise, recordStep, startFollowing, type Following, type Hybrid, type Lane } from './hybrid.ts';
import { throwIfPaused } from './verify-steps.ts';

/** The old source, still frozen for everybody else, follows the target until the way back is given up (`finished`) or
 *  taken (`returned`). `wanted`: it was being taken when the run was stopped. */
export async function followBack(hybrid: Hybrid, back: Lane, wanted: boolean): Promise<'finished' | 'returned'> {
  const { index, run } = hybrid;
  await run.enter(index, 'reverse-following');
  await using following = await startFollowing(hybrid, back, followedOf(hybrid).reversedAt ?? '');
  try {
    for (;;) {
      const asked = await untilAsked(hybrid, back, following, wanted);
      await following.flush();
      if (asked === 'finish') return 'finished';
      throwIfPaused(run);
      await run.enter(index, 'rolling-back');
      const refused = await crossBack(hybrid, back, following);
      await following.flush();
      if (!refused) return 'returned';
      wanted = false;
      await raise(hybrid, refusal(refused));
      throwIfPaused(run);
      await run.enter(index, 'reverse-following');
    }
  } finally {
    await following[Symbol.asyncDispose]();
    if (!run.signal.aborted) await following.flush();
  }
}

async function untilAsked(hybrid: Hybrid, back: Lane, following: Following, wanted: boolean) {
  const { index, run, cutover } = hybrid;
  const { everyMs, steadyMs } = run.pace;
  for (;;) {
    const asked = await watch({
      run: back.name,
      shipment: index,
      feed: back.feed,
      follower: following.follower,
      applied: following.applied,
      prediction: following.prediction,
      readiness: new Readiness(cutover.budgetMs, steadyMs),
      crossing: 'rollback',
      wanted,
      everyMs,
      request: requestsOf(hybrid),
      enter: undefined,
      record: (event) => run.record(event),
      tick: (tick) => run.tick(tick),
      signal: run.signal,
    });
    if (asked === 'finish' || asked === 'rollback') return asked;
    await raise(hybrid, {
      level: 'warning',
      code: 'cutover.refused',
      message: `The switch is done, so \`${asked}\` has nothing to do.`,
      hint: '`waybill rollback RUN` goes back, `waybill finish RUN` gives up the way back.',
    });
  }
}

/** The same passage as a cutover, the other way: what the target has is brought to the old source, then writers are let
 *  in there again. The target stays frozen. */
function crossBack(hybrid: Hybrid, back: Lane, { follower }: Following) {
  const { run, lane, cutover } = hybrid;
  // The command points clients to the target; whoever goes back points them back.
  const { command: _, ...options } = cutover;
  return crossOver({
    run: back.name,
    feed: back.feed,
    intake: back.intake,
    follower,
    options,
    check: async () => 'position',
    undo: async () => {},
    open: (signal) => lane.feed.thaw(lane.name, signal),
    record: (step, more) => recordStep(hybrid, step, { ...more, back: true }),
    signal: run.signal,
  });
}
