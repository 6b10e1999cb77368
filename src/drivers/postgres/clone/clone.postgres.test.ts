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
});
