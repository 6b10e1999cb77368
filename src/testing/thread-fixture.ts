/** A worker thread for worker-contract: opens the two SQLite files that it is told, then does as told. */
import { parentPort } from 'node:worker_threads';
import { LocalWorker } from '../move/local-worker.ts';
import { serveWorker } from '../move/serve-worker.ts';
import { createEnds } from '../store/ends.ts';
import { openSqlite } from './sqlite-database.ts';

if (!parentPort) throw new Error('thread-fixture.ts is started as a thread only');
serveWorker(parentPort, async (data, tick) => {
  const { from, to } = data as { readonly from: string; readonly to: string };
  const open = async () => createEnds(await openSqlite(from), await openSqlite(to));
  return new LocalWorker({ name: 'thread', run: 'r1', maxQuarantine: 0, open, ownsEnds: true, tick });
});
