/** cutover: brings writers from one end to the other without losing a change, or leaves everything as it was.
 *  Promise: never two ends that are written to, never a frozen source forgotten, never a switch that is not drained.
 *  Callers: engine. The way back is the same passage in the other direction (rollback.ts). */
import type { CutoverStep } from '../model/event.ts';
import type { CutoverOptions } from '../model/job.ts';
import { MigrationError, toMigrationError } from '../model/migration-error.ts';
import type { Feed, Intake } from '../store/following.ts';
import { Budget } from './budget.ts';
import { runCommand } from './command.ts';
import { assertStep } from './protocol.ts';

/** One direction, with everything open that is needed on the way: nothing is opened while writers wait. */
export interface Passage {
  readonly run: string;
  readonly feed: Feed;
  readonly intake: Intake;
  /** Whoever brings the changes over. */
  readonly follower: { readonly position: string; reach(goal: string, signal: AbortSignal): Promise<void> };
  readonly options: CutoverOptions;
  /** Looks whether both ends are equal, if that fits in the time left. Throws `verify.differs`. */
  readonly check: (leftMs: number, signal: AbortSignal) => Promise<'digests' | 'position'>;
  /** Has the far end keep its changes from now on; gives the position. Not for the way back. */
  readonly keepWayBack?: (signal: AbortSignal) => Promise<string>;
  /** Undoes keepWayBack, and what check has opened. */
  readonly undo: (signal: AbortSignal) => Promise<void>;
  /** Lets writers in at the far end. Safe to repeat. */
  readonly open: (signal: AbortSignal) => Promise<void>;
  readonly record: (
    step: CutoverStep,
    more?: { readonly position?: string; readonly detail?: string },
  ) => Promise<void>;
  readonly signal: AbortSignal;
}

/** What sends a cutover back without ending the run. */
const goesOn: readonly string[] = ['cutover.over-budget', 'source.busy-writers', 'cutover.command-failed'];

/** Crosses over. Gives undefined when it is done, or why the near end was let go on. Throws when neither is known to
 *  have happened, or when following cannot go on. */
export async function crossOver(passage: Passage): Promise<MigrationError | undefined> {
  const { run, feed, options, signal, open } = passage;
  const record = inOrder(passage.record);
  await record.now('asked');
  using budget = new Budget(options.budgetMs, signal);
  try {
    await prepare(passage, budget, record);
  } catch (thrown) {
    const never = new AbortController().signal;
    const error = toMigrationError(thrown);
    await feed.thaw(run, never);
    await passage.undo(never);
    await record.now('thawed', { detail: error.code });
    if (!goesOn.includes(error.code)) throw thrown;
    return error;
  }
  // Should this fail, nobody knows whether it is durable: the source stays frozen, and a resume reads which it is.
  await record.now('switching');
  await open(signal);
  await record.now('switched');
  return undefined;
}

/** Everything up to the point of no return. */
async function prepare(passage: Passage, budget: Budget, record: ReturnType<typeof inOrder>): Promise<void> {
  const { run, feed, intake, follower, options, check, keepWayBack } = passage;
  const { signal } = budget;
  const goal = await feed.freeze(run, options, signal);
  record.later('frozen', { position: goal });
  await follower.reach(goal, signal);
  await assertThere(passage, goal, signal);
  record.later('drained', { position: follower.position });
  const detail = await check(budget.leftMs, signal);
  record.later('checked', { position: follower.position, detail });
  await intake.setCounters(await feed.counters(signal), signal);
  record.later('counted');
  if (keepWayBack) record.later('reversed', { position: await keepWayBack(signal) });
  if (options.command) await runCommand(options.command, signal);
  signal.throwIfAborted();
}

/** The last word has the target itself. */
async function assertThere({ run, feed, intake, follower }: Passage, goal: string, signal: AbortSignal): Promise<void> {
  const position = (await intake.position(run, signal)) ?? follower.position;
  if (feed.reached(position, goal)) return;
  throw new MigrationError('internal', `The target stands at ${position}, the source at ${goal}: this is not drained.`);
}

/** Steps that can be undone need not be durable before the next one is taken, only before the point of no return: the
 *  journal keeps their order. */
function inOrder(write: Passage['record']) {
  let last: CutoverStep | undefined;
  let waiting: Promise<void>[] = [];
  const step: Passage['record'] = (name, more) => {
    assertStep(last, name);
    last = name;
    return write(name, more);
  };
  return {
    later(...args: Parameters<Passage['record']>) {
      const written = step(...args);
      written.catch(() => {});
      waiting.push(written);
    },
    async now(...args: Parameters<Passage['record']>) {
      const before = waiting;
      waiting = [];
      await Promise.all([...before, step(...args)]);
    },
  };
}
