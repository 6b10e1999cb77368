import { retry, type RetryPolicy } from '../lib/retry.ts';
import type { Feed, Intake } from './following.ts';
import { overlay } from './overlay.ts';

/** A feed that tries again what is asked of it once. Not repeated here: changes, which whoever follows begins again
 *  from what the target has, and lag, which is asked for again soon anyway. */
export function retryingFeed(feed: Feed, policy: RetryPolicy): Feed {
  return overlay(feed, {
    probe: (options, signal) => retry(() => feed.probe(options, signal), policy, signal),
    begin: (run, options, signal) => retry(() => feed.begin(run, options, signal), policy, signal),
    freeze: (run, how, signal) => retry(() => feed.freeze(run, how, signal), policy, signal),
    thaw: (run, signal) => retry(() => feed.thaw(run, signal), policy, signal),
    counters: (signal) => retry(() => feed.counters(signal), policy, signal),
    end: (run, signal) => retry(() => feed.end(run, signal), policy, signal),
  });
}

/** Batches are not repeated: after an error nobody but the target knows what it has. */
export function retryingIntake(intake: Intake, policy: RetryPolicy): Intake {
  return overlay(intake, {
    probe: (options, signal) => retry(() => intake.probe(options, signal), policy, signal),
    setCounters: (counters, signal) => retry(() => intake.setCounters(counters, signal), policy, signal),
    close: (run, signal) => retry(() => intake.close(run, signal), policy, signal),
    open: (run, signal) => retry(() => intake.open(run, signal), policy, signal),
    end: (run, signal) => retry(() => intake.end(run, signal), policy, signal),
  });
}
