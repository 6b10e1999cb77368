/** Entry of a worker thread: the composition root again, since a thread opens its own stores. */
import { readFile } from 'node:fs/promises';
import { parentPort } from 'node:worker_threads';
import { createSecretKeeper } from './config/secrets.ts';
import { drivers } from './drivers/all.ts';
import { runWorkerThread } from './engine/worker-data.ts';
import { openStore } from './open-store.ts';
import { createRegistry } from './store/registry.ts';

if (!parentPort) throw new Error('worker-thread.ts is started as a thread only');
const secrets = createSecretKeeper({ env: process.env, readFile: (path) => readFile(path, 'utf8') });
runWorkerThread(parentPort, openStore(createRegistry(drivers), secrets));
