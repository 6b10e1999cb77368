import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { postgresDriver } from '../src/drivers/postgres/driver.ts';
import { parseAddress } from '../src/model/address.ts';
import type { RunEvent } from '../src/model/event.ts';
import type { Store } from '../src/store/store.ts';
import { startCloneServers, type CloneServers } from '../src/testing/cloning.ts';
import { compareCatalogues } from '../src/testing/compare-catalogues.ts';
import { everythingRowsSql, everythingSql } from '../src/testing/everything-fixture.ts';
import { moveAll } from '../src/testing/move-all.ts';
import { never } from '../src/testing/testing.ts';
import { workplace } from './run-waybill.ts';

const oneOfEach = `
  CREATE TYPE mood AS ENUM ('a', 'b'); CREATE TABLE item (id serial PRIMARY KEY, mood mood, note text); CREATE INDEX ON item (note);
  INSERT INTO item (mood, note) SELECT 'a', 'n' || i FROM generate_series(1, 100) i;
  CREATE TABLE line (item int REFERENCES item, no int, UNIQUE (item, no)); INSERT INTO line SELECT i, 1 FROM generate_series(1, 50) i;
  CREATE TABLE part (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
  CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2020-01-01') TO ('2030-01-01'); CREATE INDEX ON part (day);
  CREATE MATERIALIZED VIEW sums AS SELECT count(*) FROM line; SELECT lo_from_bytea(7001, 'x');
  CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER t BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION f();
  CREATE FUNCTION g() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION g()`;

/** The mover's own tests know stores that are both. */
const sinkOf = ({ sink }: Store) => (sink ? { sink } : {});

describe('a clone that is killed', () => {
  let servers: CloneServers;
  before(async () => {
    servers = await startCloneServers();
  });
  after(() => servers[Symbol.asyncDispose]());

  it('goes on to the same catalogue whichever event was durable at the target and not yet recorded', async () => {
    const source = await servers.newDatabase('source', 'small');
    await source.query(oneOfEach);
    const target = await servers.newDatabase('target', 'small');
    const journal: string[] = [];
    const died = new Set<string>();
    for (let lives = 1; ; lives++) {
      assert.ok(lives < 100, 'it comes to an end');
      await using from = await postgresDriver.open(parseAddress(servers.url('source', 'small')).address, {}, never);
      await using to = await postgresDriver.open(parseAddress(servers.url('target', 'small')).address, {}, never);
      const pair = from.pairWith?.(to, { carries: () => true, excludes: () => false });
      assert.ok(pair);
      const recording = (event: RunEvent, record: () => void) => {
        const name = `${event.type} ${'step' in event ? event.step : ''}`;
        if (!died.has(name)) {
          died.add(name);
          throw new Error('killed');
        }
        record();
      };
      const ended = await moveAll({
        from: { ...pair.from, ...sinkOf(pair.to) },
        to: pair.to,
        into: 'empty',
        journal,
        recording,
      }).then(
        () => true,
        (error: Error) => {
          assert.equal(error.message, 'killed', error.stack ?? '');
          return false;
        },
      );
      await pair.from[Symbol.asyncDispose]();
      if (ended) break;
    }
    assert.ok(died.size > 30, `${died.size} places to die at`);
    assert.deepEqual(await compareCatalogues(source, target), []);
    const { rows } = await target.query(
      "SELECT count(*)::int AS items, max(id) AS last, nextval('public.item_id_seq')::int AS next FROM public.item",
    );
    assert.deepEqual(rows, [{ items: 100, last: 100, next: 101 }]);
  });

  it('by SIGKILL is resumed to the same catalogue, and leaves nothing of its own behind', async () => {
    const source = await servers.newDatabase('source', 'killed');
    await source.query(everythingSql);
    await source.query(everythingRowsSql);
    const target = await servers.newDatabase('target', 'killed');
    using place = workplace();
    // Events that are seen before the process is killed.
    for (const [life, events] of [3, 60, 170].entries()) {
      const words =
        life === 0
          ? ['run', servers.url('source', 'killed'), servers.url('target', 'killed'), '--json']
          : ['resume', 'latest', '--json'];
      const child = place.start(...words);
      let seen = '';
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        seen += text;
        if ((seen.match(/"type":"(item|chunk)\./g) ?? []).length >= events) child.kill('SIGKILL');
      });
      await once(child, 'close');
      assert.equal(child.signalCode, 'SIGKILL', seen.slice(-1000));
    }
    const { code, stdout, stderr } = await place.waybill('resume', 'latest', '--json');
    assert.equal(code, 0, stdout.slice(-3000) + stderr);
    assert.deepEqual(await compareCatalogues(source, target), []);
    const left = await target.query(`SELECT FROM pg_namespace WHERE nspname = '_waybill'`);
    assert.equal(left.rowCount, 0);
  });
});
