import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { sampleTables } from '../testing/fixtures.ts';
import { planAll } from '../testing/move-all.ts';
import { openSqlite } from '../testing/sqlite-database.ts';
import { both, carryAll, chunksOf, memoryStore, never } from '../testing/testing.ts';
import { workerContract } from '../testing/worker-contract.ts';
import { startThread, ThreadWorker } from './thread-worker.ts';

const entry = new URL(`../testing/thread-fixture${extname(import.meta.url)}`, import.meta.url);

workerContract('thread', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-thread-'));
  const paths = { from: join(folder, 'from.db'), to: join(folder, 'to.db') };
  const sample = await memoryStore(sampleTables({ people: 40 }).slice(0, 1));
  {
    await using filled = both(await openSqlite(paths.from));
    await carryAll(sample.source, filled.sink);
    await filled.sink.sweep('r1', never);
  }
  const from = both(await openSqlite(paths.from));
  const to = both(await openSqlite(paths.to));
  const [step] = await planAll(from, to, 'empty');
  if (!step) throw new Error('the sample gives no step');
  const chunks = await chunksOf(from.source, step.item, 1024);
  return {
    worker: await ThreadWorker.start({ name: 'thread', thread: startThread(entry), data: paths, tick: () => {} }),
    step,
    chunks,
    async visible() {
      await using look = both(await openSqlite(paths.to));
      return await look.sink.exists(step.as, never);
    },
    async end() {
      await from[Symbol.asyncDispose]();
      await to[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
});
