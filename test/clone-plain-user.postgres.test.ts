import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startCloneServers, type CloneServers } from '../src/testing/cloning.ts';
import { compareCatalogues } from '../src/testing/compare-catalogues.ts';
import { everythingRowsSql, everythingSql } from '../src/testing/everything-fixture.ts';
import { cloneOnce } from './clone-once.ts';

describe('cloning as a user who is no superuser', () => {
  let cloning: CloneServers;
  before(async () => {
    cloning = await startCloneServers();
    const root = await cloning.newDatabase('source', 'theirs');
    await root.query(everythingSql);
    await root.query(everythingRowsSql);
    await root.query(
      `CREATE ROLE reader LOGIN PASSWORD 'x'; CREATE ROLE seller; CREATE PUBLICATION all_of_it FOR ALL TABLES`,
    );
  });
  after(() => cloning[Symbol.asyncDispose]());

  it('is refused with the grants that are missing', async () => {
    await cloning.newDatabase('target', 'refused');
    const { result, findings } = await cloneOnce(
      cloning.url('source', 'theirs', 'reader'),
      cloning.url('target', 'refused'),
    );
    assert.equal(result, undefined);
    const errors = findings.filter(({ level }) => level === 'error');
    const text = errors.map(({ message, hint }) => `${message} ${hint}`).join('\n');
    assert.match(text, /User reader may not read .*audit.orders/);
    assert.match(text, /GRANT USAGE ON SCHEMA .*"shop"/);
    assert.match(text, /Row security hides rows of shop.customer|may not read/);
    assert.match(text, /may not read large object 50001, 50002, 50003/);
    assert.match(text, /may not read where .*shop.alone.* stand/);
  });

  it('carries all that such a user may read and make, and names the rest', async () => {
    const root = await cloning.connect('source', 'theirs');
    await root.query(`GRANT USAGE ON SCHEMA shop, audit, "Odd.schema ""quoted""" TO reader;
      GRANT SELECT ON ALL TABLES IN SCHEMA shop, audit, public, "Odd.schema ""quoted""" TO reader;
      GRANT SELECT ON ALL SEQUENCES IN SCHEMA shop TO reader; ALTER ROLE reader BYPASSRLS;
      GRANT SELECT ON LARGE OBJECT 50001, 50002, 50003 TO reader`);
    const target = await cloning.newDatabase('target', 'mine');
    await target.query(
      `CREATE ROLE writer LOGIN; GRANT CREATE ON DATABASE mine TO writer; GRANT CREATE ON SCHEMA public TO writer`,
    );
    const { result, findings } = await cloneOnce(
      cloning.url('source', 'theirs', 'reader'),
      cloning.url('target', 'mine', 'writer'),
    );
    assert.equal(result?.outcome, 'done', JSON.stringify({ result, findings }, undefined, 1));
    const named = findings.filter(({ message }) => message.startsWith('Left out')).map(({ where }) => String(where));
    assert.deepEqual(named, ['event trigger ddl_log', 'publication all_of_it', 'publication everything']);
    const roles = findings.find(({ code }) => code === 'target.roles');
    assert.match(roles?.message ?? '', /cannot act for postgres, reader/);
    const differences = await compareCatalogues(root, target, { without: ['event trigger', 'publication'] });
    assert.deepEqual(differences, []);
  });
});
