import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { hasMariadb } from '../../testing/mariadb-server.ts';
import { openMysqlSubject, readTable, type MysqlSubject } from '../../testing/mysql-subject.ts';

const missing = !hasMariadb()
  ? 'apt-get install mariadb-server'
  : spawnSync('openssl', ['version']).status === 0
    ? false
    : 'apt-get install openssl';

describe('the mysql driver over TLS', { skip: missing }, () => {
  let folder: string;
  let subject: MysqlSubject;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'waybill-tls-'));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const words = `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=waybill -addext subjectAltName=DNS:localhost -keyout ${key} -out ${cert}`;
    execFileSync('openssl', words.split(' '), { stdio: 'ignore' });
    // The server runs as another user.
    chmodSync(folder, 0o755);
    chmodSync(key, 0o644);
    subject = await openMysqlSubject({ settings: { 'ssl-cert': cert, 'ssl-key': key } });
    await subject.admin.query(`CREATE TABLE t (id INT PRIMARY KEY, pad CHAR(200));
      INSERT INTO t SELECT seq, REPEAT('x', 200) FROM seq_1_to_20000`);
  });
  after(async () => {
    await subject?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const options of [
    {},
    { sslmode: 'require' },
    { sslmode: 'verify-full', sslrootcert: true },
    { sslmode: 'disable' },
  ]) {
    it(`reads with ${JSON.stringify(options)}`, async () => {
      const root = 'sslrootcert' in options ? { sslrootcert: join(folder, 'cert.pem') } : {};
      const named = 'sslrootcert' in options ? { host: 'localhost' } : {};
      await using store = await subject.open({ ...options, ...root }, 'test', 'root', named);
      assert.equal((await readTable(store.source, 't')).rows.length, 20_000);
    });
  }

  it('refuses a certificate that nobody vouches for, and says how to go on', async () => {
    await assert.rejects(subject.open({ sslmode: 'verify-full' }), (error: Error & { code: string; hint: string }) => {
      assert.equal(error.code, 'store.unreachable');
      assert.match(error.hint, /sslrootcert/);
      return true;
    });
  });
});
