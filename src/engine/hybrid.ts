import type { CutoverStep } from '../model/event.ts';
import type { Finding } from '../model/finding.ts';
import type { CutoverOptions, FollowOptions, Shipment } from '../model/job.ts';
import { MigrationError } from '../model/migration-error.ts';
import { notFollowed, type Followed } from '../model/progress.ts';
import { Applied } from '../follow/applied.ts';
import { Follower } from '../follow/follow.ts';
import { Prediction } from '../follow/prediction.ts';
import { fitsPause, predictedCheckMs } from './predicted-check.ts';
import type { Ends } from '../store/ends.ts';
import type { Feed, FeedOptions, Intake } from '../store/following.ts';
import type { RunContext, ShipmentContext } from './active-run.ts';
import { FrozenEnds } from './frozen-ends.ts';
import { openEnds } from './open-ends.ts';
import { Views } from './views.ts';

/** One direction of following between two opened ends. */
export interface Lane {
  /** Names what both ends keep for it: two databases of one server must not mix them up. */
  readonly name: string;
  readonly feed: Feed;
  readonly intake: Intake;
  readonly options: FeedOptions;
}

/** An opened shipment that follows. */
export interface Hybrid extends ShipmentContext {
  readonly lane: Lane;
  readonly cutover: CutoverOptions;
  readonly views: Views;
}

export async function openHybrid(index: number, shipment: Shipment, run: RunContext): Promise<Hybrid> {
  const { cutover, follow } = shipment;
  if (!cutover || !follow)
    throw new MigrationError('internal', `Shipment ${shipment.name} does not say how it follows.`);
  let frozen = run.frozen.get(index);
  if (!frozen) {
    frozen = new FrozenEnds(await openEnds(shipment, run.parts.open, run.budgets[index], run.signal), undefined);
    run.frozen.set(index, frozen);
    // What a store can do may depend on what it finds.
    await frozen.ends.from.probe('source', run.signal);
    await frozen.ends.to.probe('target', run.signal);
  }
  return {
    index,
    shipment,
    frozen,
    run,
    cutover,
    lane: laneOf(frozen.ends, run.header.id, feedOptionsOf(shipment, follow)),
    views: new Views(frozen),
  };
}

function feedOptionsOf({ include, exclude, where, omit }: Shipment, follow: FollowOptions): FeedOptions {
  return { ...follow, include, exclude, ...(where && { where }), ...(omit && { omit }) };
}

/** Throws `store.unsupported` when one of the ends cannot follow or be followed. */
export function laneOf({ source, sink, from, to }: Ends, name: string, options: FeedOptions): Lane {
  const { feed } = source;
  const { intake } = sink;
  if (!feed) throw new MigrationError('store.unsupported', `${from.address.text} cannot be followed.`);
  if (!intake) throw new MigrationError('store.unsupported', `${to.address.text} cannot follow another store.`);
  return { name, feed, intake, options };
}

/** The same shipment the other way round. Its ends are closed with the returned object. */
export async function openWayBack({ shipment, run, lane }: Hybrid): Promise<Lane & AsyncDisposable> {
  const reversed: Shipment = { ...shipment, from: shipment.to, to: shipment.from };
  const ends = await openEnds(reversed, run.parts.open, undefined, run.signal);
  try {
    await ends.from.probe('source', run.signal);
    await ends.to.probe('target', run.signal);
    // Whoever writes to the target must not wait for the store that they have left.
    const options: FeedOptions = { ...lane.options, mode: 'asynchronous' };
    const back = laneOf(ends, wayBackName(run), options);
    return { ...back, [Symbol.asyncDispose]: () => ends[Symbol.asyncDispose]() };
  } catch (error) {
    await ends[Symbol.asyncDispose]();
    throw error;
  }
}

export const wayBackName = ({ header }: RunContext): string => `${header.id}back`;

export const followedOf = ({ index, run }: ShipmentContext): Followed => run.progress().followed[index] ?? notFollowed;

/** Begins to follow along a lane. */
export async function startFollowing(hybrid: Hybrid, lane: Lane, since: string) {
  const { index, run } = hybrid;
  const { name, feed, intake, options } = lane;
  const applied = new Applied();
  const checkMs = await predictedCheckMs(hybrid);
  const inPause = fitsPause(hybrid.shipment, checkMs, hybrid.cutover.budgetMs) ? checkMs : 0;
  const prediction = new Prediction((await fixedMs(lane, run.signal)) + inPause);
  const follower = new Follower({
    run: name,
    feed,
    intake,
    options,
    since,
    onApplied(batch, ms) {
      applied.add(batch);
      prediction.applied(batch.bytes, ms);
    },
    onFinding: (finding) => raise(hybrid, finding),
    signal: run.signal,
  });
  return {
    follower,
    applied,
    prediction,
    /** Records what was applied and is not yet recorded. */
    async flush() {
      const event = applied.take(index, follower.position, {});
      if (event) await run.record(event);
    },
    [Symbol.asyncDispose]: () => follower[Symbol.asyncDispose](),
  };
}

export type Following = Awaited<ReturnType<typeof startFollowing>>;

/** What freezing, counting and opening cost is told by how long both ends take to answer: each is a few answers. */
async function fixedMs({ name, feed, intake }: Lane, signal: AbortSignal): Promise<number> {
  const began = performance.now();
  await feed.counters(signal);
  await intake.position(name, signal);
  return 10 + 5 * (performance.now() - began);
}

export const raise = ({ index, run }: ShipmentContext, finding: Finding): Promise<void> =>
  run.record({ type: 'finding.raised', shipment: index, finding });

export const recordStep = (
  { index, run }: ShipmentContext,
  step: CutoverStep,
  more: { readonly position?: string; readonly detail?: string; readonly back?: true } = {},
): Promise<void> => run.record({ type: 'cutover.step', shipment: index, step, at: Date.now(), ...more });
