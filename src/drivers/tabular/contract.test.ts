import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { crashSuite } from '../../testing/crash.ts';
import { faultySuite } from '../../testing/faulty-suite.ts';
import { storeContract } from '../../testing/store-contract.ts';
import { never } from '../../testing/testing.ts';
import { parseAddress } from '../../model/address.ts';
import { csvDriver, jsonDriver, parquetDriver } from './driver.ts';

const folder = mkdtempSync(join(tmpdir(), 'waybill-tabular-'));
after(() => rmSync(folder, { recursive: true, force: true }));

for (const driver of [csvDriver, jsonDriver, parquetDriver]) {
  const subject = (name: string) => {
    const path = join(folder, `${driver.scheme}-${name}`);
    return {
      name: driver.scheme,
      holds: 'tables',
      constraints: false,
      open: () => driver.open(parseAddress(`${driver.scheme}:${path}`).address, {}, never),
      reset: async () => rmSync(path, { recursive: true, force: true }),
    } as const;
  };
  storeContract({
    ...subject('contract'),
    async openMissing() {
      const { address } = parseAddress(`${driver.scheme}:${join(folder, 'missing')}`);
      await using store = await driver.open(address, {}, never);
      await store.probe('source', never);
    },
  });
  crashSuite({ ...subject('crash'), cuts: 25 });
  faultySuite(subject('faulty'));
}
