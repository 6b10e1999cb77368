/** memory: stores that last as long as the process, for tests and demonstrations. `memory:name` opens the same state
 *  each time; what of it is durable and what a crash takes is told in space.ts and session.ts. */
import type { Finding } from '../../model/finding.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { Driver, Store } from '../../store/store.ts';
import { memoryOptions } from './options.ts';
import { Session } from './session.ts';
import { memorySink } from './sink.ts';
import { memorySource } from './source.ts';
import { hasMemorySpace, memorySpace } from './space.ts';

export const memoryDriver: Driver = {
  scheme: 'memory',
  title: 'Memory of this process',
  options: memoryOptions,
  example: 'memory:scratch',

  async open(address, values, signal): Promise<Store> {
    signal.throwIfAborted();
    memoryOptions.parse(values);
    if (address.path === '') {
      throw new MigrationError('address.invalid', 'The address memory: names no space.', {
        hint: 'Write memory:NAME; the same name opens the same state again.',
      });
    }
    const isNew = !hasMemorySpace(address.path);
    const session = new Session(memorySpace(address.path));
    return {
      address,
      source: memorySource(session),
      sink: memorySink(session),
      async probe(role): Promise<Finding[]> {
        if (role === 'target' || !isNew || session.space.items.size > 0) return [];
        throw new MigrationError('source.missing', `There is nothing in ${address.text}.`, {
          hint: 'A memory store is seen only by the process that filled it.',
          where: address.text,
        });
      },
      async [Symbol.asyncDispose]() {
        session.close();
      },
    };
  },
};
