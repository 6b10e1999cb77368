import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { parseAddress } from '../../model/address.ts';
import { rowsDigest } from '../../model/digest.ts';
import type { LogicalType } from '../../model/shape.ts';
import { createRowDigest } from '../../store/rows/row-digest.ts';
import { RowWriter } from '../../store/rows/row-writer.ts';
import {
  chunk,
  cities,
  city,
  digestOf,
  draftOptions,
  encode,
  never,
  openPostgresSubject,
  tableItem,
  withCode,
} from '../../testing/postgres-subject.ts';
import { postgresDriver } from './driver.ts';

const subject = await openPostgresSubject(postgresDriver);
const { sink, source, admin, value, reset, load } = subject;

describe('the postgres store', () => {
  after(() => subject[Symbol.asyncDispose]());

  describe('a table', () => {
    it('has the digest at the server that the rows had on their way', async () => {
      await reset();
      const rows = cities(1, 700);
      await load(rows);
      assert.deepEqual((await source.digest!(city, city, never)).digest, digestOf(rows));
      const { rows: counts, sums } = await source.bucketDigests!(city, city, 16, never);
      assert.equal(
        counts.reduce((a, b) => a + b),
        699,
      );
      assert.equal(rowsDigest(sums.reduce((a, b) => a + b)), digestOf(rows));
    });

    it('is read back as the bytes that were written, whole or by keys', async () => {
      await reset();
      const rows = cities(1, 300);
      await load(rows);
      const read = async (keys?: readonly string[]) => {
        const content = await source.read({ ...chunk('all'), ...(keys && { keys }) }, city, city, 'rows', never);
        assert.ok(content.format === 'rows');
        return Buffer.concat(await Array.fromAsync(content.parts, (part) => Buffer.from(part)));
      };
      assert.deepEqual(await read(), encode(rows));
      assert.deepEqual(await read(['["7"]', '["9"]', '["900"]']), encode([rows[6]!, rows[8]!]));
    });

    it('gives one print per row of the wanted buckets, under the key as text', async () => {
      await reset();
      await load(cities(1, 2100));
      const pages = await Array.fromAsync(source.rowPrints!(city, city, 4, new Set([0, 1, 2, 3]), never));
      assert.deepEqual(
        pages.map((page) => page.length),
        [1000, 1000, 99],
      );
      const some = await Array.fromAsync(source.rowPrints!(city, city, 4, new Set([2]), never));
      const { rows } = await source.bucketDigests!(city, city, 4, never);
      assert.equal(some.flat().length, rows[2]);
      assert.ok(pages.flat().some(({ key }) => key === '["42"]'));
    });
  });

  it('holds a value of every type as it was written', async () => {
    await reset();
    const types: readonly (readonly [LogicalType, (writer: RowWriter) => boolean, string])[] = [
      [{ kind: 'integer', bits: 16 }, (to) => to.integer(-32768, 16), '-32768'],
      [{ kind: 'integer', bits: 64 }, (to) => to.integer(-(2n ** 63n), 64), '-9223372036854775808'],
      [{ kind: 'decimal' }, (to) => to.decimal('-12345678901234567890.10', {}), '-12345678901234567890.10'],
      [{ kind: 'decimal', scale: 3 }, (to) => to.decimal('0.5', { scale: 3 }), '0.500'],
      [{ kind: 'float', bits: 32 }, (to) => to.float(1.5, 32), '1.5'],
      [{ kind: 'float', bits: 64 }, (to) => to.float(-0, 64), '-0'],
      [{ kind: 'text' }, (to) => to.text(`tab\t, "quote", 𝕎 and \\`), `tab\t, "quote", 𝕎 and \\`],
      [{ kind: 'bytes' }, (to) => to.binary(Buffer.from([0, 255])), '\\x00ff'],
      [{ kind: 'boolean' }, (to) => to.boolean(true), 'true'],
      [{ kind: 'date' }, (to) => to.date('0001-01-01'), '0001-01-01'],
      [{ kind: 'time' }, (to) => to.time('23:59:59.999999'), '23:59:59.999999'],
      [
        { kind: 'timestamp', zone: false },
        (to) => to.timestamp('1969-12-31 23:59:59.5', false),
        '1969-12-31 23:59:59.5',
      ],
      [
        { kind: 'timestamp', zone: true },
        (to) => to.timestamp('2024-02-29 12:00:00+02', true),
        '2024-02-29 10:00:00+00',
      ],
      [
        { kind: 'uuid' },
        (to) => to.uuid('00112233-4455-6677-8899-aabbccddeeff'),
        '00112233-4455-6677-8899-aabbccddeeff',
      ],
      [{ kind: 'json', binary: false }, (to) => to.json('{"b": 1, "a": 2}', false), '{"b": 1, "a": 2}'],
      [{ kind: 'json', binary: true }, (to) => to.json('{"a": 1}', true), '{"a": 1}'],
    ];
    const columns = types.map(([type], at) => ({ name: `c${at}`, type, declared: '', nullable: true }));
    const item = tableItem({ name: 'types', columns, primaryKey: [], unique: [] });
    const writer = new RowWriter();
    writer.beginRow(types.length);
    for (const [type, write] of types) assert.ok(write(writer), type.kind);
    writer.beginRow(types.length);
    for (const _ of types) writer.null();
    const part = writer.take();
    const draft = await sink.draft(item, undefined, draftOptions('empty'), never);
    async function* parts() {
      yield part;
    }
    const stored = await draft.write(chunk('a'), { format: 'rows', parts: parts(), rejects: [] }, never);
    await draft.publish([{ chunk: 'a', ...stored, digest: '' }], never);
    await admin.query(`SET TimeZone = 'UTC'`);
    for (const [at, [, , expected]] of types.entries()) {
      assert.equal(await value(`SELECT c${at}::text FROM types WHERE c8`), expected);
    }
    const digest = createRowDigest(types.length);
    digest.update(part);
    assert.deepEqual((await source.digest!(item, item, never)).digest, rowsDigest(digest.sum));
    const prints = (await Array.fromAsync(source.rowPrints!(item, item, 1, new Set([0]), never))).flat();
    assert.ok(prints.every(({ key, hash }) => key === JSON.stringify([`#${hash.toString(16).padStart(16, '0')}`])));
    const [page] = await Array.fromAsync(source.list(() => {}, never));
    assert.deepEqual(
      page?.[0]?.shape?.columns.map(({ type }) => type.kind),
      types.map(([type]) => type.kind),
    );
  });

  it('gives up a statement at the server when it is aborted', async () => {
    await reset();
    await load(cities(1, 2001));
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('no longer wanted')), 50);
    await admin.query('CREATE VIEW slow AS SELECT a.* FROM city a, city b, city c');
    await assert.rejects(source.digest!({ ...city, key: 'slow' }, city, stop.signal), /no longer wanted/);
    for (let tries = 0; ; tries++) {
      const busy = await value(
        `SELECT count(*)::int FROM pg_stat_activity WHERE application_name = 'waybill' AND state = 'active'`,
      );
      if (busy === 0) break;
      assert.ok(tries < 100, 'the statement still runs');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });

  it('lists a table as it was shaped', async () => {
    await reset();
    await load(cities(1, 3));
    const [page] = await Array.fromAsync(source.list(() => {}, never));
    const { item } = sink.adapt(city);
    assert.deepEqual(page?.[0]?.shape?.primaryKey, item.shape?.primaryKey);
    assert.deepEqual(
      page?.[0]?.shape?.columns.map(({ name, type, nullable, identity }) => ({ name, type, nullable, identity })),
      item.shape?.columns.map(({ name, type, nullable, identity }) => ({ name, type, nullable, identity })),
    );
  });

  it('finds nothing to object to in a fresh server, but fsync', async () => {
    await reset();
    assert.deepEqual(
      (await subject.store.probe('target', never)).map(({ code }) => code),
      ['target.not-durable'],
    );
  });

  it('says what a user lacks', async () => {
    await admin.query(`DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN`);
    await using poor = await postgresDriver.open(
      parseAddress(subject.url.replace('//postgres@', '//reader@')).address,
      {},
      never,
    );
    const findings = await poor.probe('target', never);
    assert.deepEqual(
      findings.filter(({ level }) => level === 'error').map(({ code }) => code),
      ['store.denied', 'store.denied'],
    );
    await assert.rejects(poor.sink!.draft(city, undefined, draftOptions('empty'), never), withCode('store.denied'));
  });

  it('tells apart a missing database, an unreachable port and a mistyped option', async () => {
    const open = (url: string) => postgresDriver.open(parseAddress(url).address, {}, never);
    await assert.rejects(
      open(subject.url.replace(/postgres$/, 'nowhere')),
      withCode('source.missing', /no database nowhere/),
    );
    await assert.rejects(open('postgres://me@127.0.0.1:1/x'), withCode('store.unreachable', /127\.0\.0\.1:1/));
    await assert.rejects(open(`${subject.url}?shema=x`), withCode('config.invalid', /shema/));
  });
});
