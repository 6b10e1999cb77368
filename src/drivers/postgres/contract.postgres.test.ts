import { after } from 'node:test';
import { parseAddress } from '../../model/address.ts';
import { crashSuite } from '../../testing/crash.ts';
import { faultySuite } from '../../testing/faulty-suite.ts';
import { systemPostgres } from '../../testing/postgres-server.ts';
import { openPostgresSubject } from '../../testing/postgres-subject.ts';
import { storeContract, type StoreSubject } from '../../testing/store-contract.ts';
import { never } from '../../testing/testing.ts';
import { postgresDriver } from './driver.ts';

// Debian's server where there is one: its pg_dump is as new as it, so backups are tried too.
const binaries = systemPostgres() ? 'system' : 'embedded';
const server = await openPostgresSubject(postgresDriver, binaries);
after(() => server[Symbol.asyncDispose]());

const subject: StoreSubject = {
  name: 'postgres',
  holds: 'tables',
  open: () => postgresDriver.open(parseAddress(server.url).address, {}, never),
  reset: server.reset,
  async openMissing() {
    const missing = server.url.replace(/[^/]*$/, 'missing');
    await using store = await postgresDriver.open(parseAddress(missing).address, {}, never);
    await store.probe('source', never);
  },
};

storeContract(subject);
crashSuite({ ...subject, cuts: 15 });
faultySuite(subject);
