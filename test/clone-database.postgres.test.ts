import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type pg from 'pg';
import { startCloneServers, type CloneServers } from '../src/testing/cloning.ts';
import { compareCatalogues } from '../src/testing/compare-catalogues.ts';
import { everythingRowsSql, everythingSql } from '../src/testing/everything-fixture.ts';
import { cloneOnce } from './clone-once.ts';

describe('cloning a database', () => {
  let servers: CloneServers;
  let everything: pg.Client;

  before(async () => {
    servers = await startCloneServers();
    everything = await servers.newDatabase('source', 'everything');
    await everything.query(everythingSql);
    await everything.query(everythingRowsSql);
  });
  after(() => servers[Symbol.asyncDispose]());

  for (const [words, end] of [
    ['a newer major version', 'target'],
    ['the same major version', 'source'],
  ] as const) {
    it(`carries every definition to ${words}`, async () => {
      const target = await servers.newDatabase(end, 'all_of_it');
      const { result, findings } = await cloneOnce(servers.url('source', 'everything'), servers.url(end, 'all_of_it'));
      assert.equal(result?.outcome, 'done', JSON.stringify({ result, findings }, undefined, 1));
      const differences = await compareCatalogues(everything, target);
      assert.deepEqual(differences, []);
    });
  }

  it('carries chosen schemas alone, with the extensions that they need', async () => {
    const target = await servers.newDatabase('target', 'one_schema');
    const from = `${servers.url('source', 'everything')}?schema=audit,public`;
    const { result, findings } = await cloneOnce(from, servers.url('target', 'one_schema'));
    assert.equal(result?.outcome, 'done', JSON.stringify({ result, findings }, undefined, 1));
    assert.deepEqual(await names(target, 'relation'), ['audit.orders', 'public.orders']);
    assert.deepEqual(await names(target, 'extension'), ['plpgsql']);
  });

  it('leaves out what belongs to tables that patterns leave out, and names what cannot be without them', async () => {
    const target = await servers.newDatabase('target', 'some_tables');
    const { result, findings } = await cloneOnce(
      servers.url('source', 'everything'),
      servers.url('target', 'some_tables'),
      {
        exclude: ['shop.orders*', 'Odd*', 'shop.down'],
      },
    );
    assert.equal(result?.outcome, 'done', JSON.stringify({ result, findings }, undefined, 1));
    const left = findings.filter(({ message }) => message.startsWith('Left out')).map(({ where }) => where);
    assert.deepEqual(left.map(String).toSorted(), [
      'line_order_id_placed_fkey on shop.line',
      'shop.all_totals',
      'shop.grouped',
      'shop.happier',
      'shop.on_totals',
      'shop.totals',
    ]);
    const relations = await names(target, 'relation');
    assert.ok(!relations.some((name) => /shop.orders|Odd|down|totals|grouped/.test(name)), relations.join());
    assert.ok(relations.includes('shop.line') && relations.includes('shop.happy') && relations.includes('shop.alone'));
  });

  it('refuses to leave out what a table that is carried is made of', async () => {
    const client = await servers.newDatabase('source', 'needing');
    await client.query(`CREATE SCHEMA lib; CREATE FUNCTION lib.one() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
      CREATE TABLE needs (id int DEFAULT lib.one(), CHECK (id <> lib.one()))`);
    await servers.newDatabase('target', 'needing');
    const { result, findings } = await cloneOnce(
      `${servers.url('source', 'needing')}?schema=public`,
      servers.url('target', 'needing'),
    );
    assert.equal(result, undefined);
    const errors = findings.filter(({ level }) => level === 'error').map(({ message }) => message);
    assert.deepEqual(errors, [
      'The default value for public.needs.id needs what the shipment leaves out.',
      'The constraint needs_id_check on public.needs needs what the shipment leaves out.',
    ]);
  });

  async function names(client: pg.Client, what: 'relation' | 'extension'): Promise<string[]> {
    const { rows } = await client.query<{ name: string }>(
      what === 'extension'
        ? 'SELECT extname AS name FROM pg_extension ORDER BY 1'
        : `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
             AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = c.oid AND e.deptype = 'e') ORDER BY 1`,
    );
    return rows.map(({ name }) => name);
  }
});
