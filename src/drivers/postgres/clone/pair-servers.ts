import type { KeyFilter } from '../../../store/item-filter.ts';
import type { Feed } from '../../../store/following.ts';
import type { Source, Store } from '../../../store/store.ts';
import type { Connections } from '../connections.ts';
import { createFeed } from '../follow/feed.ts';
import { createIntake } from '../follow/intake.ts';
import type { PostgresOptions } from '../options.ts';
import { createCloneSink } from './clone-sink.ts';
import { createCloneSource } from './clone-source.ts';
import { probePair } from './probe-pair.ts';

/** Where a source is carried to, and what of it. */
export interface Peer {
  readonly to: Server;
  readonly filter: KeyFilter;
}

/** An opened database. */
export interface Server {
  readonly store: Store;
  readonly connections: Connections;
  readonly options: PostgresOptions;
}

/** Two PostgreSQL databases move everything between them: schemas as they are, rows in their own types, and what
 *  happens meanwhile. Undefined when the target names another schema than the source: tables are then carried as
 *  between strangers, from one schema into the other. */
export function pairServers(
  from: Server,
  to: Server,
  filter: KeyFilter,
): { readonly from: Store; readonly to: Store } | undefined {
  if (to.options.schema !== undefined && to.options.schema !== from.options.schema) return undefined;
  // Both ends look at the same part of their database.
  const target: Server = { ...to, options: { ...to.options, ...schemaOf(from) } };
  const source = createCloneSource(from, { to: target, filter });
  const feed = createFeed(from);
  const intake = createIntake(target);
  return {
    from: {
      address: from.store.address,
      source: { ...source, ...(feed && { feed: readingAtItsBegin(feed, source) }) },
      probe: (role, signal) => probePair(role, from, target, filter, signal),
      async [Symbol.asyncDispose]() {
        await source[Symbol.asyncDispose]();
        await from.store[Symbol.asyncDispose]();
      },
    },
    to: {
      address: to.store.address,
      source: createCloneSource(target),
      sink: { ...createCloneSink(target), ...(intake && { intake }) },
      probe: (role, signal) => probePair(role, from, target, filter, signal),
      ...(to.store.probeBackup && { probeBackup: (signal) => to.store.probeBackup?.(signal) ?? Promise.resolve() }),
      [Symbol.asyncDispose]: () => to.store[Symbol.asyncDispose](),
    },
  };
}

/** What is read from the source after `begin` is as it was then, in this process too. */
function readingAtItsBegin(feed: Feed, source: Source): Feed {
  return {
    ...feed,
    async begin(run, options, signal) {
      const kept = await feed.begin(run, options, signal);
      const seen = await source.snapshot?.(kept.position, signal);
      return {
        position: kept.position,
        async [Symbol.asyncDispose]() {
          await seen?.[Symbol.asyncDispose]();
          await kept[Symbol.asyncDispose]();
        },
      };
    },
  };
}

const schemaOf = ({ options }: Server) => (options.schema === undefined ? {} : { schema: options.schema });
