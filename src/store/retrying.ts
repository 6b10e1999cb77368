import { MigrationError } from '../model/migration-error.ts';
import type { Finding } from '../model/finding.ts';
import { retry, retryUntilFirst, type RetryPolicy } from '../lib/retry.ts';
import { overlay } from './overlay.ts';
import { retryingFeed, retryingIntake } from './retrying-following.ts';
import type { Draft, Sink, Source, Store } from './store.ts';

export type StoreRetryPolicy = Omit<RetryPolicy, 'retryable'>;

/** Whether the code table says that trying again may help; anything but a MigrationError is a bug and is not repeated. */
export const isRetryable = (error: unknown): boolean => error instanceof MigrationError && error.retryable;

export const defaultRetryPolicy: RetryPolicy = {
  attempts: 6,
  withinMs: 120_000,
  baseMs: 200,
  capMs: 20_000,
  retryable: isRetryable,
};

/** A store that tries again what the store itself can repeat as a whole. Not repeated here:
 *  - read and write: a payload that was partly consumed cannot be had again from one end alone. The mover repeats the
 *    whole chunk with `retry()`.
 *  - lists and other streams that have given something.
 *  - backup: it consumes the list of items. */
export function retrying(store: Store, storePolicy: StoreRetryPolicy): Store {
  const policy: RetryPolicy = { ...storePolicy, retryable: isRetryable };
  return overlay(store, {
    get source() {
      return store.source && retryingSource(store.source, policy);
    },
    get sink() {
      return store.sink && retryingSink(store.sink, policy);
    },
    probe: (role, signal) => retry(() => store.probe(role, signal), policy, signal),
  });
}

function retryingSource(source: Source, policy: RetryPolicy): Source {
  return overlay(source, {
    get feed() {
      return source.feed && retryingFeed(source.feed, policy);
    },
    list: (report, signal) =>
      retryUntilFirst(() => reportedOnce((held) => source.list(held, signal), report), policy, signal),
    differing(target, since, report, signal) {
      const open = (held: Report) => source.differing?.(target, since, held, signal);
      if (!open(() => {})) return undefined;
      return retryUntilFirst(() => reportedOnce((held) => required(open(held)), report), policy, signal);
    },
    split: (item, targetBytes, signal) =>
      retryUntilFirst(() => source.split(item, targetBytes, signal), policy, signal),
    snapshot: (at, signal) => retry(async () => required(await source.snapshot?.(at, signal)), policy, signal),
    digest: (item, as, signal) => retry(async () => required(await source.digest?.(item, as, signal)), policy, signal),
    bucketDigests: (item, as, buckets, signal) =>
      retry(async () => required(await source.bucketDigests?.(item, as, buckets, signal)), policy, signal),
    rowPrints: (item, as, buckets, wanted, signal) =>
      retryUntilFirst(() => required(source.rowPrints?.(item, as, buckets, wanted, signal)), policy, signal),
  });
}

type Report = (finding: Finding) => void;

/** Holds findings back until the first page, so that those of a failed attempt are not reported twice. */
async function* reportedOnce<T>(open: (report: Report) => AsyncIterable<T>, report: Report): AsyncGenerator<T> {
  const held: Finding[] = [];
  let begun = false;
  for await (const page of open((finding) => (begun ? report(finding) : held.push(finding)))) {
    begun = true;
    held.splice(0).forEach(report);
    yield page;
  }
  held.forEach(report);
}

function retryingSink(sink: Sink, policy: RetryPolicy): Sink {
  return overlay(sink, {
    get intake() {
      return sink.intake && retryingIntake(sink.intake, policy);
    },
    exists: (as, signal) => retry(() => sink.exists(as, signal), policy, signal),
    draft: async (as, ticket, options, signal) =>
      retryingDraft(await retry(() => sink.draft(as, ticket, options, signal), policy, signal), policy),
    remove: (as, signal) => retry(() => sink.remove(as, signal), policy, signal),
    sweep: (run, signal) => retry(() => sink.sweep(run, signal), policy, signal),
    restore: (backup, signal) => retry(async () => sink.restore?.(backup, signal), policy, signal),
  });
}

function retryingDraft(draft: Draft, policy: RetryPolicy): Draft {
  return overlay(draft, {
    publish: (receipts, signal) => retry(() => draft.publish(receipts, signal), policy, signal),
    discard: (signal) => retry(() => draft.discard(signal), policy, signal),
  });
}

/** The overlay offers an ability only where the store has it. */
function required<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('the store lacks this ability');
  return value;
}
