import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { crashSuite } from '../../testing/crash.ts';
import { faultySuite } from '../../testing/faulty-suite.ts';
import { storeContract, type StoreSubject } from '../../testing/store-contract.ts';
import { never } from '../../testing/testing.ts';
import { fsDriver } from './driver.ts';

const folder = mkdtempSync(join(tmpdir(), 'waybill-fs-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const open = (name: string) => {
  const path = join(folder, name);
  return fsDriver.open({ scheme: 'file', text: path, path, query: {} }, {}, never);
};

const subject: StoreSubject = {
  name: 'folder',
  holds: 'entries',
  open: () => open('tree'),
  reset: async () => rmSync(join(folder, 'tree'), { recursive: true, force: true }),
  async openMissing() {
    await using store = await open('missing');
    await store.probe('source', never);
  },
};

storeContract(subject);
crashSuite(subject);
faultySuite(subject);
