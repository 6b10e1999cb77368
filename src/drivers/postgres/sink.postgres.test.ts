import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Item } from '../../model/item.ts';
import type { Into } from '../../model/job.ts';
import type { MigrationError } from '../../model/migration-error.ts';
import type { ForeignKeyShape, IndexShape } from '../../model/shape.ts';
import { RowWriter } from '../../store/rows/row-writer.ts';
import {
  chunk,
  cities,
  city,
  cityShape,
  draftOptions,
  encode,
  never,
  openPostgresSubject,
  payload,
  tableItem,
  withCode,
} from '../../testing/postgres-subject.ts';
import { postgresDriver } from './driver.ts';

const subject = await openPostgresSubject(postgresDriver);
const { sink, source, admin, value, reset, writeAll, load } = subject;

describe('the postgres sink', () => {
  after(() => subject[Symbol.asyncDispose]());

  describe('a table', () => {
    it('is not visible before publish, and whole after it, with key, numbering and no name of the staging table', async () => {
      await reset();
      const rows = cities(1, 500);
      const draft = await sink.draft(city, undefined, draftOptions('empty'), never);
      const receipt = await writeAll(draft, rows);
      assert.equal(receipt.rows, 499);
      assert.equal(await sink.exists(city, never), false);
      await draft.publish([receipt], never);
      assert.equal(await sink.exists(city, never), true);
      assert.equal(await value(`SELECT nextval(pg_get_serial_sequence('city', 'id'))::int`), 1000);
      const { rows: names } = await admin.query<{ conname: string }>(
        `SELECT conname FROM pg_constraint WHERE conrelid = 'city'::regclass ORDER BY 1`,
      );
      // PostgreSQL 18 names NOT NULL constraints too.
      const others = names.map(({ conname }) => conname).filter((name) => !/^city_(id|name)_not_null$/.test(name));
      assert.deepEqual(others, ['city_pkey']);
      assert.equal(await value(`SELECT reloptions FROM pg_class WHERE relname = 'city'`), null);
    });

    it('stores a chunk once, however often it is written', async () => {
      await reset();
      const rows = cities(1, 250);
      const draft = await sink.draft(city, undefined, draftOptions('empty'), never);
      const first = await draft.write(chunk('a'), payload(rows), never);
      let read = 0;
      async function* again() {
        for (const row of rows) {
          read++;
          yield encode([row]);
        }
      }
      assert.deepEqual(await draft.write(chunk('a'), { format: 'rows', parts: again(), rejects: [] }, never), first);
      assert.equal(read, rows.length);
      const both = await Promise.allSettled([
        draft.write(chunk('b'), payload(cities(300, 400)), never),
        draft.write(chunk('b'), payload(cities(300, 400)), never),
      ]);
      assert.ok(both.some(({ status }) => status === 'fulfilled'));
      const other = await draft.write(chunk('b'), payload(cities(300, 400)), never);
      await draft.publish(
        [
          { chunk: 'a', ...first, digest: '' },
          { chunk: 'b', ...other, digest: '' },
        ],
        never,
      );
      assert.equal(await value('SELECT count(*)::int FROM city'), 349);
    });

    it('keeps nothing of a chunk whose source fails or that is aborted', async () => {
      await reset();
      const draft = await sink.draft(city, undefined, draftOptions('empty'), never);
      async function* failing() {
        yield encode(cities(1, 100));
        throw new Error('the disk is on fire');
      }
      await assert.rejects(
        draft.write(chunk('a'), { format: 'rows', parts: failing(), rejects: [] }, never),
        /the disk is on fire/,
      );
      const stop = new AbortController();
      async function* endless() {
        for (let at = 0; ; at += 100) {
          if (at === 1000) stop.abort(new Error('enough'));
          yield encode(cities(at, at + 100));
        }
      }
      await assert.rejects(
        draft.write(chunk('a'), { format: 'rows', parts: endless(), rejects: [] }, stop.signal),
        /enough/,
      );
      await draft.publish([await writeAll(draft, cities(1, 11))], never);
      assert.equal(await value('SELECT count(*)::int FROM city'), 10);
    });

    it('can be written again after its connection was lost in the middle of a chunk', async () => {
      await reset();
      const draft = await sink.draft(city, undefined, draftOptions('empty'), never);
      async function* cut() {
        for (let at = 0; at < 20_000; at += 100) {
          if (at === 5000) {
            await admin.query(
              `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'waybill'`,
            );
          }
          yield encode(cities(at, at + 100));
        }
      }
      await assert.rejects(
        draft.write(chunk('a'), { format: 'rows', parts: cut(), rejects: [] }, never),
        (error: MigrationError) => {
          assert.ok(error.retryable);
          return withCode('store.unreachable')(error);
        },
      );
      await draft.publish([await writeAll(draft, cities(1, 11))], never);
      assert.equal(await value('SELECT count(*)::int FROM city'), 10);
    });

    it('is found again by its ticket, also after it was published', async () => {
      await reset();
      const settings = draftOptions('empty');
      const first = await sink.draft(city, undefined, settings, never);
      const receipt = await writeAll(first, cities(1, 50));
      const second = await sink.draft(city, first.ticket, settings, never);
      assert.equal(second.published, false);
      await second.publish([receipt], never);
      await second.publish([receipt], never);
      const third = await sink.draft(city, first.ticket, settings, never);
      assert.equal(third.published, true);
      await third.publish([receipt], never);
      assert.equal(await value('SELECT count(*)::int FROM city'), 49);
    });

    it('is lost when its ticket is unknown, its staging table is gone or a promised chunk is missing', async () => {
      await reset();
      const settings = draftOptions('empty');
      await assert.rejects(sink.draft(city, 'rother_1', settings, never), withCode('draft.lost'));
      const draft = await sink.draft(city, undefined, settings, never);
      const receipt = await writeAll(draft, cities(1, 50));
      await assert.rejects(
        draft.publish([receipt, { ...receipt, chunk: 'b' }], never),
        withCode('draft.lost', /chunk b/),
      );
      await assert.rejects(draft.publish([], never), withCode('draft.lost', /chunk a/));
      await admin.query(`DROP TABLE _waybill.${draft.ticket}`);
      await assert.rejects(draft.write(chunk('c'), payload(cities(1, 5)), never), withCode('draft.lost'));
      await assert.rejects(sink.draft(city, draft.ticket, settings, never), withCode('draft.lost'));
    });

    it('that is already there is refused, replaced, added to or merged as asked', async () => {
      await reset();
      await load(cities(1, 11));
      await assert.rejects(sink.draft(city, undefined, draftOptions('empty'), never), withCode('target.not-empty'));
      await load(cities(1, 6), 'replace');
      assert.equal(await value('SELECT count(*)::int FROM city'), 5);
      const before = await source.digest!(city, city, never);
      const appended = await load(cities(6, 8), 'append');
      assert.deepEqual(appended.base, { rows: 5, digest: before.digest });
      assert.equal(await value('SELECT count(*)::int FROM city'), 7);
      await load(
        [
          [2, 'renamed'],
          [40, 'new'],
        ],
        'merge',
        ['["1"]', '["3"]'],
      );
      assert.equal(
        await value(`SELECT string_agg(id || ':' || name, ',' ORDER BY id) FROM city WHERE id < 4 OR id > 7`),
        '2:renamed,40:new',
      );
      assert.equal(await value(`SELECT nextval(pg_get_serial_sequence('city', 'id'))::int`), 1000);
      await assert.rejects(load(cities(6, 7), 'append'), withCode('index.broken', /\(id\)=\(6\)/));
    });

    it('keeps its indexes, grants and references when it is replaced', async () => {
      await reset();
      await load(cities(1, 11));
      await admin.query(
        `CREATE TABLE visit (city integer REFERENCES city); INSERT INTO visit VALUES (3); GRANT SELECT ON city TO pg_monitor WITH GRANT OPTION; CREATE INDEX by_name ON city (name DESC) WHERE id > 2`,
      );
      const draft = await sink.draft(city, undefined, { into: 'replace', run: 'rkeep', step: 1 }, never);
      await draft.publish([await writeAll(draft, cities(1, 6))], never);
      await sink.sweep('rkeep', never);
      assert.equal(await value(`SELECT convalidated FROM pg_constraint WHERE conrelid = 'visit'::regclass`), true);
      assert.match(String(await value(`SELECT pg_get_indexdef('by_name'::regclass)`)), /name DESC\) WHERE \(id > 2\)/);
      assert.equal(await value(`SELECT has_table_privilege('pg_monitor', 'city', 'SELECT WITH GRANT OPTION')`), true);
    });

    it('is not replaced under a view, which would be lost', async () => {
      await reset();
      await load(cities(1, 3));
      await admin.query('CREATE VIEW big_city AS SELECT * FROM city');
      await assert.rejects(
        sink.draft(city, undefined, draftOptions('replace'), never),
        withCode('store.unsupported', /big_city/),
      );
    });

    it('can be filled before the table that it refers to', async () => {
      await reset();
      await load(cities(1, 3));
      await admin.query(
        `ALTER TABLE city ADD mayor integer; CREATE TABLE visit (city integer PRIMARY KEY REFERENCES city)`,
      );
      const visit = tableItem({
        name: 'visit',
        columns: [{ ...cityShape.columns[0]!, name: 'city' }],
        primaryKey: ['city'],
        unique: [],
      });
      const draft = await sink.draft(visit, undefined, { into: 'merge', run: 'rorder', step: 1 }, never);
      const writer = new RowWriter();
      writer.beginRow(1);
      writer.integer(77, 32);
      async function* parts() {
        yield writer.take();
      }
      const stored = await draft.write(chunk('a'), { format: 'rows', parts: parts(), rejects: [] }, never);
      await draft.publish([{ chunk: 'a', ...stored, digest: '' }], never);
      assert.equal(await value(`SELECT convalidated FROM pg_constraint WHERE conname = 'visit_city_fkey'`), false);
      await load(cities(77, 78), 'merge');
      await sink.sweep('rorder', never);
      assert.equal(await value(`SELECT convalidated FROM pg_constraint WHERE conname = 'visit_city_fkey'`), true);
    });

    it('whose references no longer hold at the end of the run is named, until they do', async () => {
      await reset();
      await load(cities(1, 11));
      await admin.query(`CREATE TABLE visit (city integer REFERENCES city); INSERT INTO visit VALUES (9)`);
      const draft = await sink.draft(city, undefined, { into: 'replace', run: 'rbroken', step: 1 }, never);
      await draft.publish([await writeAll(draft, cities(1, 6))], never);
      const broken = withCode('reference.broken', /visit_city_fkey of table visit.*\(city\)=\(9\)/);
      await assert.rejects(sink.sweep('rbroken', never), broken);
      await assert.rejects(sink.sweep('rbroken', never), broken);
      await admin.query('DELETE FROM visit');
      await sink.sweep('rbroken', never);
    });

    it('says which rows share a key that must be unique', async () => {
      await reset();
      await assert.rejects(
        load([
          [1, 'a'],
          [1, 'b'],
        ]),
        withCode('index.broken', /table city.*\(id\)=\(1\)/),
      );
      assert.equal(await sink.exists(city, never), false);
    });

    it('names row and column of a value that does not fit, without the value', async () => {
      await reset();
      const draft = await sink.draft(city, undefined, draftOptions('empty'), never);
      const long = 'secret '.repeat(5);
      await assert.rejects(
        draft.write(
          chunk('a'),
          payload([
            [1, 'fits'],
            [2, long],
          ]),
          never,
        ),
        (error: MigrationError) => {
          assert.doesNotMatch(error.message, /secret/);
          return withCode('value.unfit', /row 2 of the chunk, column name/)(error);
        },
      );
      const nul = Buffer.from(encode([[1, 'a@b']]));
      nul[nul.indexOf(0x40)] = 0;
      async function* parts() {
        yield nul;
      }
      await assert.rejects(
        draft.write(chunk('a'), { format: 'rows', parts: parts(), rejects: [] }, never),
        withCode('value.nul', /column name/),
      );
    });

    it('leaves nothing behind when it is discarded and swept', async () => {
      await reset();
      const draft = await sink.draft(city, undefined, { into: 'empty', run: 'rgone', step: 1 }, never);
      await writeAll(draft, cities(1, 5));
      await draft.discard(never);
      await sink.draft(city, undefined, { into: 'empty', run: 'rgone', step: 2 }, never);
      await sink.sweep('rgone', never);
      await sink.sweep('rgone', never);
      assert.equal(await value(`SELECT to_regnamespace('_waybill')`), null);
    });
  });

  describe('an index', () => {
    const index = (shape: Partial<IndexShape> = {}): Item => ({
      key: 'city.index.city_name',
      kind: 'index',
      stage: 'after',
      bytes: 0,
      index: {
        table: 'city',
        index: { name: 'city_name', columns: [{ name: 'name', descending: true }], unique: false, ...shape },
      },
    });
    const build = async (item: Item, into: Into = 'empty') => {
      const draft = await sink.draft(item, undefined, draftOptions(into), never);
      await draft.publish([], never);
      return draft;
    };

    it('is built once', async () => {
      await reset();
      await load(cities(1, 10));
      assert.equal((await build(index())).published, false);
      assert.equal((await build(index())).published, true);
      await assert.rejects(build(index({ unique: true })), withCode('target.not-empty'));
      await build(index({ unique: true }), 'replace');
      await sink.remove(index(), never);
      assert.equal(await sink.exists(index(), never), false);
    });

    it('names the keys that are there twice', async () => {
      await reset();
      await load([
        [1, 'Rome'],
        [2, 'Paris'],
        [3, 'Rome'],
      ]);
      await assert.rejects(build(index({ unique: true })), withCode('index.broken', /\["Rome"\] 2 times/));
    });
  });

  describe('a foreign key', () => {
    const shape: ForeignKeyShape = {
      name: 'city_capital',
      columns: ['id'],
      references: 'country',
      referencedColumns: ['id'],
      onDelete: 'cascade',
      onUpdate: 'no action',
      deferred: true,
    };
    const item: Item = {
      key: 'city.foreign-key.city_capital',
      kind: 'foreign-key',
      stage: 'after',
      bytes: 0,
      foreignKey: { table: 'city', foreignKey: shape },
    };
    const add = async () => {
      const draft = await sink.draft(item, undefined, draftOptions('empty'), never);
      await draft.publish([], never);
      return draft;
    };

    it('is added once, checked', async () => {
      await reset();
      await load(cities(1, 10));
      await admin.query('CREATE TABLE country AS SELECT id FROM city; ALTER TABLE country ADD PRIMARY KEY (id)');
      assert.equal((await add()).published, false);
      assert.equal((await add()).published, true);
      const items = (await Array.fromAsync(source.list(() => {}, never))).flat();
      assert.deepEqual(
        items.map(({ key }) => key),
        ['city', 'city.foreign-key.city_capital', 'country'],
      );
      assert.deepEqual(items[1]?.foreignKey?.foreignKey, shape);
      await sink.remove(item, never);
      assert.equal(await sink.exists(item, never), false);
    });

    it('that does not hold names the rows by key and is not there afterwards', async () => {
      await reset();
      await load(cities(1, 10));
      await admin.query(
        'CREATE TABLE country AS SELECT id FROM city WHERE id NOT IN (4, 7); ALTER TABLE country ADD PRIMARY KEY (id)',
      );
      await assert.rejects(
        add(),
        withCode(
          'reference.broken',
          /row \["4"\] refers to \["4"\], row \["7"\] refers to \["7"\]: no such row in country/,
        ),
      );
      assert.equal(await sink.exists(item, never), false);
    });
  });
});
