import { memoryDriver } from './driver.ts';
import { dropMemorySpace } from './space.ts';
import { crashSuite } from '../../testing/crash.ts';
import { faultySuite } from '../../testing/faulty-suite.ts';
import { storeContract } from '../../testing/store-contract.ts';
import { never } from '../../testing/testing.ts';

const address = (path: string) => ({ scheme: 'memory', text: `memory:${path}`, path, query: {} });

storeContract({
  name: 'memory',
  holds: 'both',
  open: () => memoryDriver.open(address('contract'), {}, never),
  reset: async () => dropMemorySpace('contract'),
  async openMissing() {
    await using store = await memoryDriver.open(address('never filled'), {}, never);
    await store.probe('source', never);
  },
});

crashSuite({
  name: 'memory',
  holds: 'both',
  open: () => memoryDriver.open(address('crash'), {}, never),
  reset: async () => dropMemorySpace('crash'),
});

for (const holds of ['entries', 'tables'] as const) {
  faultySuite({
    name: `memory with ${holds}`,
    holds,
    open: () => memoryDriver.open(address('faulty'), {}, never),
    reset: async () => dropMemorySpace('faulty'),
  });
}
