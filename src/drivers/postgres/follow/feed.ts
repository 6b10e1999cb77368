import type { Feed, FeedOptions } from '../../../store/following.ts';
import { MigrationError } from '../../../model/migration-error.ts';
import type { Snapshot } from '../../../store/store.ts';
import type { Server } from '../clone/pair-servers.ts';
import { destroy } from '../connections.ts';
import { sqlState, toStoreError } from '../store-error.ts';
import { readCounters } from './counters.ts';
import { followChanges } from './follow-changes.ts';
import { freeze, thaw } from './freeze.ts';
import { formatLsn, parseLsn, plainLsn } from './lsn.ts';
import { probeFeed } from './probe-feed.ts';
import { createPublication, dropPublication, remembered } from './publication.ts';
import { createScope } from './scope.ts';
import { createSlot, dropSlot, slotState } from './slot.ts';
import { slotName } from './slot-name.ts';
import { sourceTables } from './source-tables.ts';
import { createProgress, type FeedProgress } from './feed-progress.ts';
import { endSynchronous } from './synchronous.ts';

/** Follows a database by logical replication: a publication and a slot of the run's own, read with pgoutput. */
export function createFeed(server: Server): Feed | undefined {
  const { connections, options } = server;
  const runs = new Map<string, FeedProgress>();
  const progressOf = (run: string): FeedProgress => {
    const known = runs.get(run) ?? createProgress();
    runs.set(run, known);
    return known;
  };
  return {
    probe: (wanted, signal) => probeFeed(server, wanted, signal),
    begin: (run, wanted, signal) => begin(server, run, wanted, signal),
    changes: (run, since, wanted, signal) => followChanges(server, run, since, wanted, progressOf(run), signal),
    confirm(run, position) {
      progressOf(run).confirm(parseLsn(position));
    },
    lag: (run, position, signal) =>
      connections.use('look at the replication slot', signal, async (connection) => {
        const state = await slotState(connection, slotName(run), plainLsn(position));
        const { seconds, transactions } = progressOf(run).behind(parseLsn(position));
        return { bytes: state.behind, seconds, transactions, keptBytes: state.keptBytes };
      }),
    reached: (position, goal) => parseLsn(position) >= parseLsn(goal),
    async freeze(run, how, signal) {
      const goal = await connections.use('freeze the source', signal, (connection) =>
        freeze(connection, slotName(run), how),
      );
      progressOf(run).hurry(parseLsn(goal));
      return goal;
    },
    thaw: (run, signal) =>
      connections.use('let writers in again', signal, (connection) => thaw(connection, slotName(run))),
    counters: (signal) =>
      connections.use('read the sequences', signal, (connection) => readCounters(connection, options.schema)),
    async end(run, signal) {
      await connections.use(`end following for run ${run}`, signal, async (connection) => {
        await endSynchronous(connection, slotName(run));
        await dropSlot(connection, slotName(run));
        await dropPublication(connection, slotName(run));
      });
      runs.delete(run);
    },
  };
}

async function begin(
  { connections, options }: Server,
  run: string,
  wanted: FeedOptions,
  signal: AbortSignal,
): Promise<Snapshot> {
  const name = slotName(run);
  const scope = createScope(options.schema, wanted);
  await connections.use('make a publication', signal, async (connection) => {
    await endSynchronous(connection, name);
    if ((await remembered(connection, name))?.frozen !== undefined) await thaw(connection, name);
    await dropSlot(connection, name);
    const tables = (await sourceTables(connection, scope)).filter(({ persistence }) => persistence === 'p');
    await connection.transaction(() => createPublication(connection, name, tables, scope));
  });
  // Reading begins behind the publication: a slot does not see one that is younger than the change.
  const client = await connections.openReplication(name, signal);
  const abort = () => destroy(client);
  signal.addEventListener('abort', abort);
  try {
    const { position, snapshot } = await createSlot(client, name);
    return {
      position: `${formatLsn(parseLsn(position))} ${snapshot}`,
      [Symbol.asyncDispose]: async () => {
        signal.removeEventListener('abort', abort);
        await client.end().catch(() => {});
      },
    };
  } catch (error) {
    signal.removeEventListener('abort', abort);
    destroy(client);
    signal.throwIfAborted();
    if (sqlState(error) === '53400') {
      throw new MigrationError('store.busy', 'The source has no replication slot left.', {
        hint: 'Raise max_replication_slots, or drop slots that nobody reads: SELECT * FROM pg_replication_slots',
        cause: error,
      });
    }
    throw toStoreError(error, connections.place, 'make a replication slot');
  }
}
