import type { Address } from '../../model/address.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { OptionValues } from '../../store/options.ts';
import type { Store } from '../../store/store.ts';
import { Connections } from './connections.ts';
import { mysqlOptions, type MysqlOptions } from './options.ts';
import { probeSource, probeTarget } from './probe.ts';
import { createSink } from './sink.ts';
import { createSource } from './source.ts';

/** Connects to the server, and throws where that fails. */
export async function openServer(address: Address, values: OptionValues, signal: AbortSignal): Promise<Store> {
  const connections = new Connections(address, readOptions(address, values));
  try {
    await connections.use('connect', signal, (connection) => connection.run('DO 0'));
  } catch (error) {
    await connections[Symbol.asyncDispose]();
    throw error;
  }
  const source = createSource(connections);
  return {
    address,
    source,
    sink: createSink(connections, source),
    probe: (role, stop) =>
      connections.use('look at the server', stop, async (connection) =>
        (role === 'source' ? probeSource : probeTarget)(connection, connections.place),
      ),
    [Symbol.asyncDispose]: () => connections[Symbol.asyncDispose](),
  };
}

/** What stands in the address wins over the options beside it, which may be no more than their defaults. */
function readOptions(address: Address, values: OptionValues): MysqlOptions {
  const { host: _, ...inAddress } = address.query;
  const parsed = mysqlOptions.strict().safeParse({ ...values, ...inAddress });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const name = issue?.code === 'unrecognized_keys' ? issue.keys.join(', ') : issue?.path.join('.');
  throw new MigrationError('config.invalid', `Option ${name} of ${address.text}: ${issue?.message}.`, {
    hint: `Known options: ${Object.keys(mysqlOptions.shape).join(', ')}.`,
    where: address.text,
  });
}
