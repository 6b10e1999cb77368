import type { RunEvent, Tick } from '../model/event.ts';
import type { Phase } from '../model/phase.ts';
import type { Lag } from '../model/lag.ts';
import type { RunRequest } from '../journal/journal.ts';
import type { Feed } from '../store/following.ts';
import { isRetryable } from '../store/retrying.ts';
import type { Applied } from './applied.ts';
import type { Follower } from './follow.ts';
import type { Prediction } from './prediction.ts';
import type { Readiness } from './readiness.ts';

export interface WatchInput {
  readonly run: string;
  readonly shipment: number;
  readonly feed: Feed;
  readonly follower: Follower;
  readonly applied: Applied;
  readonly prediction: Prediction;
  readonly readiness: Readiness;
  /** The request that waits until its budget would be kept. */
  readonly crossing: 'cutover' | 'rollback';
  /** It was asked for and has not begun. */
  readonly wanted: boolean;
  /** Milliseconds between two looks at the lag. */
  readonly everyMs: number;
  /** The oldest request, as soon as there is one or `ms` have passed. Rejects when the run is to stop. */
  readonly request: (ms: number, signal: AbortSignal) => Promise<RunRequest | undefined>;
  readonly enter: ((phase: Phase) => Promise<void>) | undefined;
  readonly record: (event: RunEvent) => Promise<void>;
  readonly tick: (tick: Tick) => void;
  readonly signal: AbortSignal;
}

/** Shows how far following is, and returns when there is something to do: any request at once, that to cross over when
 *  it would keep its budget; `ready` when it would have kept it for a while. */
export async function watch(input: WatchInput): Promise<RunRequest | 'ready'> {
  const { follower, readiness } = input;
  let { wanted } = input;
  const lastRecord = { at: performance.now() };
  for (;;) {
    const predictedMs = await look(input, lastRecord);
    if (wanted && readiness.fits(predictedMs)) return input.crossing;
    if (input.enter && readiness.look(performance.now(), predictedMs)) {
      await input.enter(readiness.ready ? 'ready' : 'following');
      if (readiness.ready) return 'ready';
    }
    const request = await input.request(input.everyMs, follower.failed);
    if (request === input.crossing) wanted = true;
    else if (request) return request;
  }
}

const recordEveryMs = 1000;

/** One look at the lag; the pause it implies. */
async function look(input: WatchInput, last: { at: number }): Promise<number | undefined> {
  const { shipment, follower, applied, prediction } = input;
  const lag = await lagOf(input);
  if (!lag) return undefined;
  const { position } = follower;
  const predictedMs = prediction.pauseMs(lag);
  const more = { lag, ...(predictedMs !== undefined && { predictedMs }) };
  const { transactions, changes } = applied;
  input.tick({ type: 'follow.progress', shipment, position, transactions, changes, ...more });
  if (performance.now() - last.at < recordEveryMs) return predictedMs;
  const event = applied.take(shipment, position, more);
  if (event) {
    last.at = performance.now();
    await input.record(event);
  }
  return predictedMs;
}

/** Undefined while the source cannot say: whoever follows notices that, too. */
async function lagOf({ run, feed, follower, signal }: WatchInput): Promise<Lag | undefined> {
  try {
    return await feed.lag(run, follower.position, signal);
  } catch (error) {
    if (isRetryable(error)) return undefined;
    throw error;
  }
}
