import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { createSecretKeeper } from '../../../config/secrets.ts';
import type { Shipment } from '../../../model/job.ts';
import { openWaybill } from '../../../open-waybill.ts';
import { compareCatalogues } from '../../../testing/compare-catalogues.ts';
import { everythingSql } from '../../../testing/everything-fixture.ts';
import { startPostgres, type PostgresServer } from '../../../testing/postgres-server.ts';

const settings = { fsync: 'off', max_connections: '60' };
const never = new AbortController().signal;

describe('cloning a database', () => {
  let source: PostgresServer;
  let newer: PostgresServer;
  const clients: pg.Client[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'waybill-clone-'));

  before(async () => {
    source = await startPostgres({ binaries: 'system', settings });
    newer = await startPostgres({ settings });
    const client = await connect(source.url());
    await client.query('CREATE DATABASE everything');
    const fill = await connect(source.url('everything'));
    await fill.query(everythingSql);
  });
  after(async () => {
    for (const client of clients) await client.end();
    await source?.[Symbol.asyncDispose]();
    await newer?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  async function connect(url: string): Promise<pg.Client> {
    const client = new pg.Client(url);
    await client.connect();
    clients.push(client);
    return client;
  }

  async function newDatabase(server: PostgresServer, name: string): Promise<pg.Client> {
    await (await connect(server.url())).query(`CREATE DATABASE ${name}`);
    return connect(server.url(name));
  }

  async function clone(from: string, to: string, more: Partial<Shipment> = {}) {
    await using engine = await openWaybill({
      stateFolder: join(folder, 'state'),
      secrets: createSecretKeeper({ env: {}, readFile: () => Promise.resolve('') }),
    });
    const shipment: Shipment = {
      name: 'clone',
      from: { address: from, options: {} },
      to: { address: to, options: {} },
      strategy: 'full',
      into: 'empty',
      verify: 'digests',
      deletions: false,
      include: [],
      exclude: [],
      chunkBytes: 2 ** 20,
      ...more,
    };
    await using plan = await engine.plan(
      { name: 'clone', shipments: [shipment], workers: 2, maxQuarantine: 0 },
      { signal: never },
    );
    if (!plan.startable) return { findings: plan.findings, result: undefined };
    const run = await engine.start(plan, { signal: never });
    return { findings: plan.findings, result: await run.result };
  }

  for (const [words, end] of [
    ['a newer major version', () => newer],
    ['the same major version', () => source],
  ] as const) {
    it(`carries every definition to ${words}`, async () => {
      const target = await newDatabase(end(), 'all_of_it');
      const { result, findings } = await clone(source.url('everything'), end().url('all_of_it'));
      assert.equal(result?.outcome, 'done', JSON.stringify({ result, findings }, undefined, 1));
      const differences = await compareCatalogues(await connect(source.url('everything')), target);
      assert.deepEqual(differences, []);
    });
  }

  it('carries chosen schemas alone, with the extensions that they need', async () => {
    const target = await newDatabase(newer, 'one_schema');
    const from = `${source.url('everything')}?schema=audit,public`;
    const { result, findings } = await clone(from, newer.url('one_schema'));
    assert.equal(result?.outcome, 'done', JSON.stringify({ result, findings }, undefined, 1));
    assert.deepEqual(await names(target, 'relation'), ['audit.orders', 'public.orders']);
    assert.deepEqual(await names(target, 'extension'), ['plpgsql']);
  });

  it('leaves out what belongs to tables that patterns leave out, and names what cannot be without them', async () => {
    const target = await newDatabase(newer, 'some_tables');
    const { result, findings } = await clone(source.url('everything'), newer.url('some_tables'), {
      exclude: ['shop.orders*', 'Odd*', 'shop.down'],
    });
    assert.equal(result?.outcome, 'done', JSON.stringify({ result, findings }, undefined, 1));
    const left = findings.filter(({ message }) => message.startsWith('Left out')).map(({ where }) => where);
    assert.deepEqual(
      left.toSorted((a, b) => (String(a) < String(b) ? -1 : 1)),
      [
        'line_order_id_placed_fkey on shop.line',
        'shop.all_totals',
        'shop.grouped',
        'shop.happier',
        'shop.on_totals',
        'shop.totals',
      ],
    );
    const relations = await names(target, 'relation');
    assert.ok(!relations.some((name) => /shop.orders|Odd|down|totals|grouped/.test(name)), relations.join());
    assert.ok(relations.includes('shop.line') && relations.includes('shop.happy') && relations.includes('shop.alone'));
  });

  it('refuses to leave out what a table that is carried is made of', async () => {
    const client = await newDatabase(source, 'needing');
    await client.query(`CREATE SCHEMA lib; CREATE FUNCTION lib.one() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
      CREATE TABLE needs (id int DEFAULT lib.one(), CHECK (id <> lib.one()))`);
    await newDatabase(newer, 'needing');
    const { result, findings } = await clone(`${source.url('needing')}?schema=public`, newer.url('needing'));
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
