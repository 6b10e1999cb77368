import type { Address } from '../../model/address.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { OptionValues } from '../../store/options.ts';
import type { Store } from '../../store/store.ts';
import { Connections } from './connections.ts';
import { pairServers, type Server } from './clone/pair-servers.ts';
import { defaultSchema, postgresOptions, type PostgresOptions } from './options.ts';
import { serverVersion } from './backup.ts';
import { findProgram } from './client-program.ts';
import { probeTarget } from './probe.ts';
import { createSink } from './sink.ts';
import { createSource } from './source.ts';

/** Connects to the server, and throws where that fails. */
export async function openServer(address: Address, values: OptionValues, signal: AbortSignal): Promise<Store> {
  const options = readOptions(address, values);
  const connections = new Connections(address, options);
  try {
    await connections.use('connect', signal, (connection) => connection.run('SELECT 1'));
  } catch (error) {
    await connections[Symbol.asyncDispose]();
    throw error;
  }
  const { user, database } = connections.place;
  const store: Store = {
    address,
    source: createSource(connections, options),
    sink: createSink(connections, options),
    probe: (role, stop) =>
      connections.use('look at the server', stop, async (connection) =>
        role === 'target' ? probeTarget(connection, options.schema ?? defaultSchema, user, database) : [],
      ),
    async probeBackup(stop) {
      const version = await connections.use('look at the server', stop, serverVersion);
      await findProgram('pg_dump', version);
    },
    pairWith(target, filter) {
      const peer = servers.get(target);
      return peer && pairServers(server, peer, filter);
    },
    [Symbol.asyncDispose]: () => connections[Symbol.asyncDispose](),
  };
  const server: Server = { store, connections, options };
  servers.set(store, server);
  return store;
}

/** What this driver opened, so that a store knows another of its kind. */
const servers = new WeakMap<Store, Server>();

/** What stands in the address wins over the options beside it, which may be no more than their defaults. */
function readOptions(address: Address, values: OptionValues): PostgresOptions {
  const { host: _, ...inAddress } = address.query;
  const parsed = postgresOptions.strict().safeParse({ ...values, ...inAddress });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const name = issue?.code === 'unrecognized_keys' ? issue.keys.join(', ') : issue?.path.join('.');
  throw new MigrationError('config.invalid', `Option ${name} of ${address.text}: ${issue?.message ?? 'invalid'}.`, {
    hint: `PostgreSQL takes ${Object.keys(postgresOptions.shape).join(', ')}.`,
    where: address.text,
  });
}
