import { after, describe } from 'node:test';
import { parseAddress } from '../../model/address.ts';
import { crashSuite } from '../../testing/crash.ts';
import { faultySuite } from '../../testing/faulty-suite.ts';
import { hasMariadb } from '../../testing/mariadb-server.ts';
import { openMysqlSubject } from '../../testing/mysql-subject.ts';
import { storeContract, type StoreSubject } from '../../testing/store-contract.ts';
import { never } from '../../testing/testing.ts';
import { mysqlDriver } from './driver.ts';

if (hasMariadb()) {
  const secret = 'a password of the tests';
  const server = await openMysqlSubject({
    password: secret,
    // Nothing is lost when the machine stays up, which is all that these suites need.
    settings: { 'innodb-flush-log-at-trx-commit': '2', 'sync-binlog': '0' },
  });
  after(() => server[Symbol.asyncDispose]());
  const subject: StoreSubject = {
    name: 'mysql',
    holds: 'tables',
    open: () => server.open(),
    reset: server.reset,
    async openMissing() {
      const { address } = parseAddress(server.server.url('missing'));
      await using store = await mysqlDriver.open(address, { password: secret }, never);
      await store.probe('source', never);
    },
    secret,
  };
  storeContract(subject);
  crashSuite({ ...subject, cuts: 15 });
  faultySuite(subject);
} else {
  describe('store contract: mysql', { skip: 'apt-get install mariadb-server' }, () => {});
}
