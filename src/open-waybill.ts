import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { SecretKeeper } from './config/secrets.ts';
import { drivers } from './drivers/all.ts';
import { createEngine } from './engine/create-engine.ts';
import type { Engine } from './engine/engine.ts';
import { openSqliteJournal } from './journal/sqlite-journal.ts';
import { Threads } from './move/threads.ts';
import { openStore } from './open-store.ts';
import { packageVersion } from './package-version.ts';
import { createRegistry } from './store/registry.ts';
import { writeBill } from './verify/write-bill.ts';

export interface WaybillOptions {
  /** Journal, bills and signing key; made when it is not there. */
  readonly stateFolder: string;
  /** Fetches the secrets that jobs refer to; see createSecretKeeper. */
  readonly secrets: SecretKeeper;
}

/** The composition root: an engine with this installation's drivers, over the journal of a state folder. */
export async function openWaybill({ stateFolder, secrets }: WaybillOptions): Promise<Engine> {
  const journal = await openSqliteJournal(stateFolder);
  return createEngine({
    journal,
    open: openStore(createRegistry(drivers), secrets),
    threads: new Threads(threadEntry()),
    async writeBill(run) {
      const { json, html } = await writeBill({ journal, run, stateFolder, version: packageVersion() });
      return { json, html };
    },
  });
}

/** The same module as source in the checkout, compiled in the package. */
function threadEntry(): URL {
  const source = new URL('./worker-thread.ts', import.meta.url);
  return existsSync(fileURLToPath(source)) ? source : new URL('./worker-thread.js', import.meta.url);
}
