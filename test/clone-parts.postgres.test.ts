import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startCloneServers, type CloneServers } from '../src/testing/cloning.ts';
import { compareCatalogues } from '../src/testing/compare-catalogues.ts';
import { cloneOnce } from './clone-once.ts';

describe('a clone that is not plain', () => {
  let servers: CloneServers;
  before(async () => {
    servers = await startCloneServers();
  });
  after(() => servers[Symbol.asyncDispose]());

  const clone = (name: string, more: Parameters<typeof cloneOnce>[2] = {}) =>
    cloneOnce(servers.url('source', name), servers.url('target', name), more);

  it('carries chosen rows, and columns without their values', async () => {
    const source = await servers.newDatabase('source', 'chosen');
    await source.query(`CREATE TABLE orders (id int PRIMARY KEY, placed date, note text, total int);
      INSERT INTO orders SELECT i, date '2024-01-01' + i, 'note ' || i, i FROM generate_series(1, 100) i; CREATE TABLE other AS SELECT 1 AS one`);
    const target = await servers.newDatabase('target', 'chosen');
    const { result, findings } = await clone('chosen', {
      where: { 'public.orders': "placed > '2024-02-20' AND id % 2 = 0" },
      omit: { 'public.orders': ['note'] },
    });
    assert.equal(result?.outcome, 'done', JSON.stringify({ result, findings }));
    const { rows } = await target.query(
      'SELECT count(*)::int AS n, min(id) AS first, count(note)::int AS notes, sum(total)::int AS sum FROM orders',
    );
    assert.deepEqual(rows, [{ n: 25, first: 52, notes: 0, sum: 1900 }]);
  });

  it('names rows that refer to nothing by key, and carries everything else', async () => {
    const source = await servers.newDatabase('source', 'orphaned');
    await source.query(`CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int PRIMARY KEY, parent int CONSTRAINT own REFERENCES parent);
      CREATE TABLE other (id int PRIMARY KEY REFERENCES parent); INSERT INTO parent VALUES (1); INSERT INTO other VALUES (1);
      SET session_replication_role = replica; INSERT INTO child VALUES (10, 1), (11, 7), (12, NULL)`);
    const target = await servers.newDatabase('target', 'orphaned');
    const { result } = await clone('orphaned');
    assert.equal(result?.outcome, 'differs');
    assert.equal(result?.exit, 3);
    const [failure] = result?.progress.failures.first ?? [];
    assert.equal(failure?.error.code, 'reference.broken');
    assert.match(
      failure?.error.message ?? '',
      /own of table public.child.*row \["11"\] refers to \["7"\]: no such row in public.parent/,
    );
    const left = await compareCatalogues(source, target);
    assert.deepEqual(
      left.map((line) => line.slice(0, 34)),
      ['- constraint: public.child own FOR'],
    );
  });

  it('refuses a target that holds a table of the same name, and replaces what it will carry when told to', async () => {
    const source = await servers.newDatabase('source', 'again');
    await source.query(`CREATE TYPE mood AS ENUM ('a'); CREATE TABLE a (id int PRIMARY KEY, mood mood); CREATE TABLE b (a int REFERENCES a);
      ALTER TABLE a ADD COLUMN b int; CREATE UNIQUE INDEX ON b (a); ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b (a);
      CREATE VIEW grouped AS SELECT id, mood FROM a GROUP BY id; CREATE FUNCTION f() RETURNS mood LANGUAGE sql AS 'SELECT mood FROM grouped';
      CREATE MATERIALIZED VIEW m AS SELECT * FROM grouped; INSERT INTO a VALUES (1, 'a'); INSERT INTO b VALUES (1); SELECT lo_from_bytea(99, 'x')`);
    const target = await servers.newDatabase('target', 'again');
    await target.query(`CREATE TABLE stays (id int); INSERT INTO stays VALUES (1)`);
    const first = await clone('again');
    assert.equal(first.result?.outcome, 'done', JSON.stringify(first));
    const refused = await clone('again');
    assert.equal(refused.result, undefined);
    assert.ok(refused.findings.some(({ code }) => code === 'target.not-empty'));
    await source.query(`ALTER TABLE a ADD COLUMN more text DEFAULT 'x'; INSERT INTO a VALUES (2, 'a')`);
    const replaced = await clone('again', { into: 'replace' });
    assert.equal(replaced.result?.outcome, 'done', JSON.stringify(replaced));
    const differences = await compareCatalogues(source, target);
    assert.deepEqual(
      differences.filter((line) => !line.includes('stays')),
      [],
    );
    assert.equal((await target.query('SELECT FROM public.a')).rowCount, 2);
    assert.equal((await target.query('SELECT FROM public.stays')).rowCount, 1);
    for (const into of ['append', 'merge'] as const) {
      const { findings } = await clone('again', { into });
      assert.match(findings.find(({ level }) => level === 'error')?.hint ?? '', /into: empty.*into: replace/);
    }
  });

  it('creates roles when asked to, and carries owners, grants and default rights then', async () => {
    const source = await servers.newDatabase('source', 'owned');
    await source.query(`CREATE ROLE "Own er" LOGIN PASSWORD 'secret' CONNECTION LIMIT 5; CREATE ROLE readers; GRANT readers TO "Own er"; COMMENT ON ROLE readers IS 'they read';
      CREATE TABLE t (id serial PRIMARY KEY, a int, b int); ALTER TABLE t OWNER TO "Own er"; GRANT SELECT (a), UPDATE (b) ON t TO readers; GRANT INSERT ON t TO PUBLIC;
      CREATE VIEW v AS SELECT 1 AS one; GRANT SELECT ON v TO readers; ALTER DEFAULT PRIVILEGES FOR ROLE "Own er" GRANT SELECT ON TABLES TO readers;
      SELECT lo_from_bytea(4711, 'x'); ALTER LARGE OBJECT 4711 OWNER TO "Own er"; GRANT SELECT ON LARGE OBJECT 4711 TO readers`);
    const target = await servers.newDatabase('target', 'owned');
    const without = await clone('owned');
    assert.equal(without.result?.outcome, 'done');
    assert.match(
      without.findings.find(({ code }) => code === 'target.roles')?.message ?? '',
      /cannot act for Own er, readers/,
    );
    const { result, findings } = await clone('owned', { into: 'replace', toOptions: { roles: 'create' } });
    assert.equal(result?.outcome, 'done', JSON.stringify({ result, findings }));
    assert.deepEqual(await compareCatalogues(source, target, { owners: true }), []);
    const question = `SELECT rolname, rolpassword, rolconnlimit FROM pg_authid WHERE rolname = 'Own er'`;
    assert.deepEqual((await target.query(question)).rows, (await source.query(question)).rows);
    const { rows } = await target.query(
      `SELECT pg_get_userbyid(lomowner) AS owner, lomacl::text AS acl FROM pg_largeobject_metadata WHERE oid = 4711`,
    );
    assert.deepEqual(rows, [{ owner: 'Own er', acl: '{"\\"Own er\\"=rw/\\"Own er\\"","readers=r/\\"Own er\\""}' }]);
    const defaults = await target.query('SELECT FROM pg_default_acl');
    assert.equal(defaults.rowCount, 1);
  });

  it('names at plan time the extension that the target lacks, and the program that would read a newer source', async () => {
    await servers.newDatabase('target', 'newer');
    await servers.newDatabase('source', 'newer');
    const { result, findings } = await cloneOnce(servers.url('target', 'newer'), servers.url('source', 'newer'));
    assert.equal(result, undefined);
    const missing = findings.find(({ code }) => code === 'tool.missing');
    assert.match(
      `${missing?.message} ${missing?.hint}`,
      /needs pg_dump 18 or later.*apt-get install postgresql-client-18/,
    );
    assert.ok(findings.some(({ code }) => code === 'target.older'));
  });

  it('leaves an index out that is not valid at the source, and says so', async () => {
    const source = await servers.newDatabase('source', 'invalid');
    await source.query('CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1)');
    await source.query('CREATE UNIQUE INDEX CONCURRENTLY broken ON t (a)').catch(() => {});
    const target = await servers.newDatabase('target', 'invalid');
    const { result, findings } = await clone('invalid');
    assert.equal(result?.outcome, 'done');
    assert.match(
      findings.find(({ code }) => code === 'index.broken')?.message ?? '',
      /broken of table public.t is not valid/,
    );
    assert.equal((await target.query(`SELECT FROM pg_class WHERE relname = 'broken'`)).rowCount, 0);
  });

  it('makes and replaces more objects than one transaction can lock', async () => {
    const source = await servers.newDatabase('source', 'many');
    await source.query(
      `DO $$ BEGIN FOR i IN 1..260 LOOP EXECUTE format('CREATE TABLE t%s (id serial)', i); END LOOP; END $$`,
    );
    const target = await servers.newDatabase('target', 'many');
    for (const into of ['empty', 'replace'] as const) {
      const { result } = await clone('many', { into });
      assert.equal(result?.outcome, 'done', JSON.stringify(result));
      assert.deepEqual(await compareCatalogues(source, target), []);
    }
  });
});
