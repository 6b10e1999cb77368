import type { ChangeBatch, FeedOptions } from '../../../store/following.ts';
import { MigrationError } from '../../../model/migration-error.ts';
import type { Server } from '../clone/pair-servers.ts';
import { destroy } from '../connections.ts';
import { quoteLiteral, quoteName } from '../names.ts';
import { ChangeStream } from './change-stream.ts';
import type { FeedProgress } from './feed-progress.ts';
import { formatLsn, parseLsn } from './lsn.ts';
import { relationKey, type Relation } from './relation.ts';
import { ReplicationStream } from './replication-stream.ts';
import { createScope } from './scope.ts';
import { freeSlot, moved, slotState } from './slot.ts';
import { slotName } from './slot-name.ts';
import { createSynchronous } from './synchronous.ts';
import { acknowledge, watchSource } from './watch-source.ts';

/** Milliseconds between two words to the server, which ends sessions that say nothing (wal_sender_timeout). */
const statusEvery = 500;
const hurriedEvery = 5;
/** Kilobytes of a transaction that the source gathers in memory; a larger one goes through its disk. */
const decodingMemory = 256 * 1024;
const raiseDecodingMemory = `SELECT set_config(name, '${decodingMemory}', false) FROM pg_settings
  WHERE name = 'logical_decoding_work_mem' AND setting::int < ${decodingMemory}`;

/** Everything committed after `since`, in order. */
export async function* followChanges(
  server: Server,
  run: string,
  since: string,
  options: FeedOptions,
  progress: FeedProgress,
  signal: AbortSignal,
): AsyncGenerator<ChangeBatch> {
  const { connections } = server;
  const name = slotName(run);
  const scope = createScope(server.options.schema, options);
  const from = parseLsn(since);
  await connections.use('look at the replication slot', signal, async (connection) => {
    const { confirmed } = await slotState(connection, name, formatLsn(from));
    if (confirmed !== null && parseLsn(confirmed) > from) {
      throw moved(`Slot ${name} stands at ${confirmed}, behind which the target is (${formatLsn(from)})`);
    }
    await freeSlot(connection, name);
  });
  const changes = new ChangeStream(scope, from, (before, now) => {
    if (options.ddl === 'stop') throw altered(before, now);
  });
  const client = await connections.openReplication(name, signal, raiseDecodingMemory);
  const stream = new ReplicationStream(client, connections.place, changes);
  changes.valve = stream;
  const synchronous = createSynchronous(server, name, options.mode);
  const tell = () => stream.status(changes.received, progress.durable, true);
  const timer = setInterval(tell, statusEvery);
  let hurry: NodeJS.Timeout | undefined;
  const hurried = () => {
    if (progress.goal === undefined) return;
    changes.hurry(progress.goal);
    clearInterval(hurry);
    hurry = setInterval(() => (changes.hurried ? tell() : clearInterval(hurry)), hurriedEvery);
    tell();
  };
  progress.listener = {
    confirmed: () => {
      stream.status(changes.received, progress.durable, false);
      synchronous.confirmed(progress.durable, changes.received);
    },
    hurried,
    waiting: () => changes.waiting,
  };
  const watching = new AbortController();
  const abort = () => {
    changes.failed(signal.reason);
    destroy(client);
  };
  signal.addEventListener('abort', abort);
  const watch = watchSource(server, name, scope, options, changes, AbortSignal.any([signal, watching.signal]));
  try {
    await synchronous.begin(signal);
    stream.start(
      `START_REPLICATION SLOT ${quoteName(name)} LOGICAL ${formatLsn(from)} ` +
        `(proto_version '1', publication_names ${quoteLiteral(quoteName(name))})`,
    );
    hurried();
    for (;;) {
      const batch = await changes.next();
      signal.throwIfAborted();
      const findings = watch.findings.splice(0);
      if (batch.position !== undefined) {
        progress.given(parseLsn(batch.position), batch.committedAt, batch.transactions);
      }
      yield findings.length > 0 ? { ...batch, findings } : batch;
    }
  } catch (error) {
    if (error instanceof MigrationError && error.code === 'source.altered' && error.where !== undefined) {
      const { where } = error;
      await connections.use('look at the source', signal, (connection) => acknowledge(connection, name, scope, where));
    }
    throw error;
  } finally {
    clearInterval(timer);
    clearInterval(hurry);
    progress.listener = undefined;
    signal.removeEventListener('abort', abort);
    watching.abort();
    await watch.ended;
    await synchronous.end();
    await stream.end();
  }
}

function altered(before: Relation, now: Relation): MigrationError {
  const words = (relation: Relation) => relation.columns.map(({ name }) => name);
  const gone = words(before).filter((name) => !words(now).includes(name));
  const fresh = words(now).filter((name) => !words(before).includes(name));
  const what = [
    ...gone.map((name) => `column ${name} is gone`),
    ...fresh.map((name) => `column ${name} is new`),
    ...(gone.length + fresh.length === 0 ? ['a column, a type or its key changed'] : []),
    ...(relationKey(before) === relationKey(now) ? [] : [`it is called ${relationKey(now)} now`]),
  ];
  return new MigrationError('source.altered', `Table ${relationKey(before)} was altered: ${what.join(', ')}.`, {
    hint: 'Make the same change at the target, then resume; or let the job say `ddl: ignore`.',
    where: relationKey(before),
  });
}
