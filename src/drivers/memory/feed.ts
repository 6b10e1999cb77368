import type { FreezeOptions } from '../../model/job.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { Json } from '../../model/model.ts';
import type { ChangeBatch, Feed } from '../../store/following.ts';
import type { Session } from './session.ts';
import type { LoggedTransaction, MemoryChange, Space } from './space.ts';
import { takeView } from './view.ts';

/** A batch has about this many changes; a longer transaction comes in pieces. */
const batchChanges = 16;
const restMs = 1000;

/** Follows a space by its log. Positions are versions. */
export function memoryFeed(session: Session): Feed {
  const { space } = session;
  return {
    async probe() {
      session.assertOpen();
      return [];
    },

    async begin(run) {
      session.assertOpen();
      space.followers.set(run, { confirmed: space.version });
      trim(space);
      return takeView(session, undefined);
    },

    changes: (run, since, _options, signal) => readLog(session, run, Number(since), signal),

    confirm(run, position) {
      session.assertOpen();
      const follower = space.followers.get(run);
      if (!follower) return;
      follower.confirmed = Math.max(follower.confirmed, Number(position));
      trim(space);
    },

    async lag(run, position) {
      session.assertOpen();
      const behind = space.log.filter(({ version }) => version > Number(position));
      const kept = space.log.filter(({ version }) => version > (space.followers.get(run)?.confirmed ?? Infinity));
      const oldest = behind[0]?.at;
      return {
        bytes: bytesOf(behind),
        seconds: oldest === undefined ? 0 : (Date.now() - oldest) / 1000,
        transactions: behind.length,
        keptBytes: bytesOf(kept),
      };
    },

    reached: (position, goal) => Number(position) >= Number(goal),

    async freeze(run, how, signal) {
      session.assertOpen();
      space.frozenFor = run;
      await endWriters(space, how, signal);
      session.assertOpen();
      for (const listener of space.listeners) listener();
      return String(space.version);
    },

    async thaw(run) {
      session.assertOpen();
      if (space.frozenFor === run) space.frozenFor = undefined;
    },

    async counters(): Promise<Json> {
      session.assertOpen();
      return Object.fromEntries(space.counters);
    },

    async end(run) {
      session.assertOpen();
      space.followers.delete(run);
      trim(space);
    },
  };
}

async function* readLog(
  session: Session,
  run: string,
  since: number,
  signal: AbortSignal,
): AsyncGenerator<ChangeBatch> {
  const { space } = session;
  let at = since;
  for (;;) {
    signal.throwIfAborted();
    session.assertOpen();
    const follower = space.followers.get(run);
    if (!follower || at < follower.confirmed) {
      throw new MigrationError('source.moved', `memory:${space.name} no longer has what happened after ${at}.`, {
        where: `memory:${space.name}`,
      });
    }
    const from = at;
    const waiting = space.log.filter(({ version }) => version > from);
    // Taken now: while the caller has a batch in hand, more may happen.
    const end = space.version;
    for (const batch of inBatches(waiting)) {
      signal.throwIfAborted();
      yield batch;
    }
    if (end > (waiting.at(-1)?.version ?? at) || waiting.length === 0) yield nothingUntil(end);
    at = end;
    if (space.version === at) await somethingHappens(space, restMs, signal);
  }
}

function* inBatches(transactions: readonly LoggedTransaction[]): Generator<ChangeBatch> {
  let changes: MemoryChange[] = [];
  let ended = 0;
  for (const { version, at, changes: own } of transactions) {
    for (let from = 0; from < own.length; from += batchChanges) {
      const piece = own.slice(from, from + batchChanges);
      const isLast = from + batchChanges >= own.length;
      changes.push(...piece);
      if (isLast) ended += 1;
      if (changes.length < batchChanges && !(isLast && version === transactions.at(-1)?.version)) continue;
      yield batchOf(changes, isLast ? { position: String(version), at } : undefined, ended);
      changes = [];
      ended = 0;
    }
  }
}

const batchOf = (
  content: readonly MemoryChange[],
  end: { readonly position: string; readonly at: number } | undefined,
  transactions: number,
): ChangeBatch => ({
  position: end?.position,
  transactions,
  changes: content.length,
  bytes: content.length,
  committedAt: end?.at,
  content,
});

const nothingUntil = (version: number): ChangeBatch => ({
  position: String(version),
  transactions: 0,
  changes: 0,
  bytes: 0,
  committedAt: undefined,
  content: [],
});

async function endWriters(space: Space, { writers, waitMs }: FreezeOptions, signal: AbortSignal): Promise<void> {
  const until = performance.now() + waitMs;
  while (space.writers.size > 0 && performance.now() < until) {
    await somethingHappens(space, until - performance.now(), signal);
  }
  if (space.writers.size === 0) return;
  if (writers === 'end') {
    for (const writer of space.writers) writer.rollback();
    return;
  }
  throw new MigrationError('source.busy-writers', `memory:${space.name} has ${space.writers.size} transactions open.`, {
    where: `memory:${space.name}`,
  });
}

/** Resolves at the next commit or freeze, after `ms` at the latest. */
async function somethingHappens(space: Space, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = () => resolve();
  const timer = setTimeout(wake, ms);
  space.listeners.add(wake);
  signal.addEventListener('abort', wake);
  if (!signal.aborted) await promise;
  clearTimeout(timer);
  space.listeners.delete(wake);
  signal.removeEventListener('abort', wake);
  signal.throwIfAborted();
}

/** Nobody asks again for what every follower has confirmed. */
function trim(space: Space): void {
  const needed = Math.min(...[...space.followers.values()].map(({ confirmed }) => confirmed), Infinity);
  const first = space.log.findIndex(({ version }) => version > needed);
  space.log.splice(0, first < 0 ? space.log.length : first);
}

const bytesOf = (transactions: readonly LoggedTransaction[]): number =>
  transactions.reduce((sum, { bytes }) => sum + bytes, 0);
