import { createEnds } from '../store/ends.ts';
import { sampleTables } from '../testing/fixtures.ts';
import { planAll } from '../testing/move-all.ts';
import { chunksOf, memoryStore } from '../testing/testing.ts';
import { workerContract } from '../testing/worker-contract.ts';
import { LocalWorker } from './local-worker.ts';

workerContract('local', async () => {
  const from = await memoryStore(sampleTables({ people: 40 }).slice(0, 1));
  const to = await memoryStore([]);
  const [step] = await planAll(from, to, 'empty');
  if (!step) throw new Error('the sample gives no step');
  const chunks = await chunksOf(from.source, step.item, 1024);
  const open = () => Promise.resolve(createEnds(from, to));
  return {
    worker: new LocalWorker({ name: 'one', run: 'r1', maxQuarantine: 0, open, ownsEnds: true, tick: () => {} }),
    step,
    chunks,
    visible: () => to.sink.exists(step.as, AbortSignal.timeout(5000)),
  };
});
