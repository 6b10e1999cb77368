import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { MigrationError } from '../../../model/migration-error.ts';
import { followOptions, openFollowedPair, type FollowedPair } from '../../../testing/followed-pair.ts';
import { startPostgres } from '../../../testing/postgres-server.ts';
import { never } from '../../../testing/testing.ts';

const settings = { wal_level: 'logical', max_prepared_transactions: '5' };

for (const [title, binaries] of [
  ['from PostgreSQL 18 into 18', 'embedded'],
  ['from PostgreSQL 15 into 18', 'system'],
] as const) {
  describe(`following ${title}`, async () => {
    const [source, target] = await Promise.all([startPostgres({ settings, binaries }), startPostgres({ settings })]);
    const open = () => openFollowedPair(source, target);

    after(async () => {
      await source[Symbol.asyncDispose]();
      await target[Symbol.asyncDispose]();
    });

    const equal = async (pair: FollowedPair, ...tables: string[]) => {
      for (const table of tables) {
        const { from, to } = await pair.rows(table);
        assert.deepEqual(to, from, table);
      }
    };

    it('carries inserts, updates and deletes in whole transactions, and goes on where the target stands', async () => {
      await using pair = await open();
      await pair.both('CREATE TABLE city (id int PRIMARY KEY, name text, people int)');
      await using _ = await pair.begin();
      await pair.from.query(`INSERT INTO city SELECT i, 'city ' || i, i FROM generate_series(1, 1000) i`);
      await pair.from.query('UPDATE city SET people = people + 1 WHERE id % 2 = 0');
      await pair.from.query('DELETE FROM city WHERE id % 5 = 0');
      const first = await pair.catchUp();
      assert.equal(first.changes, 1700);
      assert.equal(first.transactions, 3);
      await equal(pair, 'city');
      await pair.reopen();
      await pair.from.query(`UPDATE city SET name = E'odd \\t\\n\\\\ "name" {,}' WHERE id < 10`);
      assert.equal((await pair.catchUp()).changes, 8);
      await equal(pair, 'city');
    });

    it('gives what the snapshot does not show as changes, and nothing twice', async () => {
      await using pair = await open();
      await pair.both('CREATE TABLE t (id int PRIMARY KEY)');
      await pair.from.query('INSERT INTO t VALUES (1)');
      await using snapshot = await pair.begin();
      await pair.from.query('INSERT INTO t VALUES (2)');
      await pair.from.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await pair.from.query(`SET TRANSACTION SNAPSHOT '${snapshot.position.split(' ')[1]}'`);
      const seen = await pair.from.query('SELECT * FROM t');
      await pair.from.query('COMMIT');
      assert.deepEqual(seen.rows, [{ id: 1 }]);
      await pair.to.query('INSERT INTO t VALUES (1)');
      assert.equal((await pair.catchUp()).changes, 1);
      await equal(pair, 't');
    });

    it('carries a value of every type as a copy of the table would', async () => {
      await using pair = await open();
      await pair.both(`
        CREATE TYPE mood AS ENUM ('sad', 'ok, "fine"', 'NULL');
        CREATE TYPE place AS (name text, at point, tags text[]);
        CREATE DOMAIN positive AS int CHECK (VALUE > 0);
        CREATE DOMAIN labels AS text[];
        CREATE DOMAIN spot AS place;
        CREATE TYPE span AS RANGE (subtype = numeric);
        CREATE TABLE kinds (
          id int PRIMARY KEY, b boolean, i2 smallint, i8 bigint, n numeric, n2 numeric(10,2), f4 real, f8 double precision,
          m money, c char(5), v varchar(10), t text, by bytea, ts timestamp, tz timestamptz, d date, ti time, tt timetz,
          iv interval, u uuid, j json, jb jsonb, x xml, ip inet, ci cidr, ma macaddr, bi bit(3), vb bit varying, po point,
          bo box, li line, pa path, pg polygon, cr circle, seg lseg, tv tsvector, tq tsquery, e mood, p place, dp positive, dl labels, ds spot,
          r int4range, mr int4multirange, sp span, ia int[], iaa int[][], ta text[], ea mood[], pla place[], ba bytea[],
          boa box[], o oid, rc regclass, nm name, ch "char", lsn pg_lsn, jp jsonpath, snap pg_snapshot)`);
      await using _ = await pair.begin();
      const values = [
        `1, true, -32768, 9223372036854775807, 'NaN', 1.50, '-0', '-0', '$1,234.56', 'ab', 'x y', E'tab\\t nl\\n cr\\r bs\\\\ q" \\b\\f\\v {a,b} \\\\N NULL é 漢 🦉', '\\x00ff5c0a', '2024-02-29 23:59:59.999999', '294276-12-31 23:59:59+00',
         '4713-01-01 BC', '24:00', '12:00:00.5+05:30', '-1 year 2 mons -3 days 04:05:06.789', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a":  1, "a": [2]}', '{"b": 1e2, "c": null}', '<a b="c">d</a>', '::1', '10.0.0.0/8', '08:00:2b:01:02:03', B'101', B'', '(1.5,-2)',
         '((0,0),(1,1))', '{1,2,3}', '[(0,0),(1,2)]', '((0,0),(1,2),(2,0))', '<(1,2),3>', '[(0,0),(1,1)]', 'a:1A fat:2', 'fat & (rat | !cat)', 'ok, "fine"', ROW('a "b", c', '(1,2)', ARRAY['x,y', NULL, '']), 5, ARRAY['l,"1', NULL], ROW('z', NULL, NULL)::place,
         '[1,5)', '{[1,2),[5,9)}', '[1.5,)', '{1,NULL,3}', '{{1,2},{3,4}}', ARRAY['a"b', E'c\\\\d', NULL, 'NULL', ''], '{sad,"NULL"}', ARRAY[ROW('p', '(0,0)', NULL)::place], ARRAY['\\x01'::bytea],
         '{(1,1),(0,0);(2,2),(1,1)}', 4294967295, 'pg_class', 'n', 'c', '16/B374D848', '$.a[*] ? (@ > 1)', '10:20:10,14,15'`,
        `2${', NULL'.repeat(58)}`,
        `3, false, 0, 0, 'Infinity', 0, 'NaN', 'Infinity', '-$0.01', '', '', '', '', 'infinity', '-infinity', '-infinity', '00:00', '00:00+00', '0', '00000000-0000-0000-0000-000000000000',
         'null', 'null', '', '1.2.3.4', '::/0', '00:00:00:00:00:00', B'000', B'1', '(0,0)', '((1,1),(1,1))', '{1,0,0}', '((0,0),(1,2))', '((0,0))', '<(0,0),0>', '[(0,0),(0,0)]', '', '', 'sad', ROW(NULL, NULL, '{}'), 1, '{}', ROW('', NULL, '{}')::place, 'empty', '{}', 'empty',
         '{}', '{}', '{}', '{}', '{}', '{}', '{}', 0, 0, '', '', '0/0', '$', '1:1:'`,
      ];
      for (const value of values)
        await pair.from.query(`INSERT INTO kinds VALUES (${value.replace("'Infinity', 0, 'NaN'", "'NaN', 0, 'NaN'")})`);
      await pair.catchUp();
      await equal(pair, 'kinds');
      // Now the same as updates, one for each row, and every value once more.
      await pair.from.query('UPDATE kinds SET id = id');
      const before = await pair.rows('kinds');
      await pair.from.query(`CREATE TEMP TABLE shuffled AS SELECT * FROM kinds`);
      const { rows: columns } = await pair.from.query<{ name: string }>(
        `SELECT attname AS name FROM pg_attribute WHERE attrelid = 'kinds'::regclass AND attnum > 1 ORDER BY attnum`,
      );
      const set = columns.map(({ name }) => `${name} = s.${name}`).join(', ');
      await pair.from.query(`UPDATE kinds k SET ${set} FROM shuffled s WHERE s.id = k.id % 3 + 1`);
      await pair.catchUp();
      await equal(pair, 'kinds');
      assert.notDeepEqual((await pair.rows('kinds')).to, before.to);
      // And as text, byte for byte.
      const bytes = async (client: FollowedPair['from']) =>
        (
          await client.query<Record<string, string>>(
            `SELECT md5(string_agg(format('%s', k), ';' ORDER BY id)) AS hash FROM kinds k`,
          )
        ).rows;
      assert.deepEqual(await bytes(pair.to), await bytes(pair.from));
    });

    it('leaves large values that an update did not touch as they are', async () => {
      await using pair = await open();
      await pair.both(`CREATE TABLE doc (id int PRIMARY KEY, body text, other text, n int);
        ALTER TABLE doc ALTER body SET STORAGE EXTERNAL, ALTER other SET STORAGE EXTERNAL`);
      await using _ = await pair.begin();
      await pair.from.query(
        `INSERT INTO doc SELECT i, repeat('body' || i, 5000), repeat('x' || i, 5000), 0 FROM generate_series(1, 20) i`,
      );
      await pair.catchUp();
      await pair.from.query('UPDATE doc SET n = n + 1');
      await pair.from.query(`UPDATE doc SET other = 'short', n = n + 1 WHERE id <= 10`);
      await pair.from.query('UPDATE doc SET n = 7 WHERE id = 3');
      await pair.catchUp();
      await equal(pair, 'doc');
      // The key changes and the value does not travel: what the batch knows, or the target has, is kept.
      await pair.from.query('UPDATE doc SET id = id + 100 WHERE id <= 5');
      await pair.from.query(`BEGIN; INSERT INTO doc VALUES (50, repeat('new', 9000), repeat('y', 9000), 1);
        UPDATE doc SET n = 2 WHERE id = 50; UPDATE doc SET id = 51 WHERE id = 50; COMMIT`);
      await pair.catchUp();
      await equal(pair, 'doc');
    });

    it('carries values of many megabytes, to escape and not, new and changed', async () => {
      await using pair = await open();
      await pair.both('CREATE TABLE huge (id int PRIMARY KEY, t text, b bytea)');
      await using _ = await pair.begin();
      await pair.from.query(
        `INSERT INTO huge VALUES (1, repeat(E'tab\\t nl\\n \\\\ "q" ', 400000), NULL), (2, 'x', decode(repeat('00ff5c0a', 1000000), 'hex'))`,
      );
      await pair.catchUp();
      await pair.from.query(`UPDATE huge SET t = t || '"end"', b = decode(repeat('22', 1000000), 'hex')`);
      await pair.catchUp();
      const hash = 'SELECT id, md5(t) AS t, length(t) AS l, md5(b) AS b FROM huge ORDER BY id';
      assert.deepEqual((await pair.to.query(hash)).rows, (await pair.from.query(hash)).rows);
    });

    it('follows keys that change, also in a circle, and values that are swapped', async () => {
      await using pair = await open();
      await pair.both(`CREATE TABLE chair (id int PRIMARY KEY, place int UNIQUE)`);
      await using _ = await pair.begin();
      await pair.from.query(`INSERT INTO chair SELECT i, i FROM generate_series(1, 100) i`);
      await pair.catchUp();
      await pair.from.query('UPDATE chair SET place = -place');
      await pair.from.query('UPDATE chair SET place = 101 + place');
      await pair.from.query('DELETE FROM chair WHERE id = 51');
      await pair.from.query('UPDATE chair SET id = id + 1000');
      await pair.from.query('UPDATE chair SET id = 2101 - id WHERE id = 1050');
      await pair.catchUp();
      await equal(pair, 'chair');
      // A swap through a third value: the rows are in each other's way when both are updated at once.
      await pair.from
        .query(`BEGIN; UPDATE chair SET place = -1 WHERE place = 1; UPDATE chair SET place = 1 WHERE place = 2;
        UPDATE chair SET place = 2 WHERE place = -1; COMMIT`);
      await pair.from
        .query(`BEGIN; DELETE FROM chair WHERE place = 5; INSERT INTO chair VALUES (5, 5); DELETE FROM chair WHERE id = 5;
        INSERT INTO chair VALUES (6, 5); UPDATE chair SET id = 7 WHERE id = 6; COMMIT`);
      await pair.catchUp();
      await equal(pair, 'chair');
    });

    it('follows truncations, between other changes and of several tables', async () => {
      await using pair = await open();
      await pair.both(`CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text);
        CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a)`);
      await using _ = await pair.begin();
      await pair.from.query(
        `INSERT INTO a (t) SELECT 'x' FROM generate_series(1, 10); INSERT INTO b SELECT i, i FROM generate_series(1, 10) i`,
      );
      await pair.from.query(`BEGIN; TRUNCATE a CASCADE; INSERT INTO a (t) VALUES ('after'); COMMIT`);
      await pair.from.query(`INSERT INTO b SELECT 1, id FROM a`);
      await pair.catchUp();
      await equal(pair, 'a', 'b');
      await pair.from.query('TRUNCATE b, a RESTART IDENTITY');
      await pair.from.query(`INSERT INTO a (t) VALUES ('first')`);
      await pair.catchUp();
      await equal(pair, 'a', 'b');
    });

    it('follows tables whose rows have no key, one row for each change', async () => {
      await using pair = await open();
      await pair.both(`CREATE TABLE bag (n numeric, t text, j json, b boolean, c char(4));
        ALTER TABLE bag REPLICA IDENTITY FULL; CREATE TABLE plain (t text)`);
      await using _ = await pair.begin();
      await pair.from.query(`INSERT INTO bag SELECT 1.0, 'same', '{}', true, 'ab' FROM generate_series(1, 5)`);
      await pair.from.query(`INSERT INTO bag VALUES (1.00, 'same', '{}', true, 'ab'), (1.0, NULL, NULL, NULL, NULL)`);
      await pair.from.query(`INSERT INTO plain SELECT 'row' FROM generate_series(1, 1000)`);
      await pair.catchUp();
      await pair.from.query(
        `DELETE FROM bag WHERE ctid IN (SELECT ctid FROM bag WHERE n::text = '1.0' AND t = 'same' LIMIT 2)`,
      );
      await pair.from.query(`UPDATE bag SET t = 'other' WHERE n::text = '1.00'`);
      await pair.from.query(`UPDATE bag SET b = false WHERE t IS NULL`);
      await pair.catchUp();
      await equal(pair, 'bag', 'plain');
    });

    it('follows a table by the key that the target has when the source tells whole rows', async () => {
      await using pair = await open();
      await pair.both(`CREATE TABLE f (id int PRIMARY KEY, big text, n int); ALTER TABLE f REPLICA IDENTITY FULL;
        CREATE TABLE u (a int NOT NULL, b text NOT NULL, v int); CREATE UNIQUE INDEX u_key ON u (b, a);
        ALTER TABLE u REPLICA IDENTITY USING INDEX u_key`);
      await using _ = await pair.begin();
      await pair.from.query(`INSERT INTO f SELECT i, repeat(md5(i::text), 2000), 0 FROM generate_series(1, 50) i;
        INSERT INTO u SELECT i, 'b' || i % 3, i FROM generate_series(1, 50) i`);
      await pair.catchUp();
      await pair.from.query(`UPDATE f SET n = 1; UPDATE f SET id = -id WHERE id < 10; DELETE FROM f WHERE id > 40;
        UPDATE u SET v = -v; UPDATE u SET b = 'c' WHERE a < 5; DELETE FROM u WHERE a > 45`);
      await pair.catchUp();
      await equal(pair, 'f', 'u');
    });

    it('does not write what the target computes itself, and numbers that are always given', async () => {
      await using pair = await open();
      await pair.from.query(
        `CREATE TABLE g (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED)`,
      );
      // Another order of columns, one more than the source has.
      await pair.to.query(
        `CREATE TABLE g (extra text DEFAULT 'here', twice int GENERATED ALWAYS AS (a * 2) STORED, a int, id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)`,
      );
      await pair.both('CREATE TABLE h (k int PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY, u int UNIQUE)');
      await using _ = await pair.begin();
      await pair.from.query('INSERT INTO g (a) SELECT i FROM generate_series(1, 100) i');
      await pair.from.query('UPDATE g SET a = -a WHERE id < 50');
      await pair.from.query('DELETE FROM g WHERE id = 1');
      await pair.catchUp();
      // Numbered anew, as a key and beside one.
      await pair.from.query(
        'INSERT INTO h (k, u) VALUES (1, 1), (2, 2); UPDATE h SET n = DEFAULT WHERE k = 1; UPDATE h SET u = 9 WHERE k = 2',
      );
      await pair.from.query('UPDATE g SET id = DEFAULT WHERE id IN (4, 5)');
      await pair.catchUp();
      await equal(pair, 'h');
      const read = `SELECT id, a, twice FROM g ORDER BY id`;
      assert.deepEqual((await pair.to.query(read)).rows, (await pair.from.query(read)).rows);
    });

    it('follows partitions under their own names, columns in another order', async () => {
      await using pair = await open();
      await pair.from.query(`CREATE TABLE log (id int, at date, t text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
        CREATE TABLE log_2 (t text, at date NOT NULL, id int NOT NULL, PRIMARY KEY (id, at));
        ALTER TABLE log ATTACH PARTITION log_2 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')`);
      await pair.to.query(`CREATE TABLE log (id int, at date, t text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
        CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')`);
      await using _ = await pair.begin();
      await pair.from.query(`INSERT INTO log SELECT i, '2024-06-01'::date + i, 't' FROM generate_series(1, 400) i`);
      // From one partition into the other.
      await pair.from.query(`UPDATE log SET at = at + 365 WHERE at < '2024-07-01'`);
      await pair.catchUp();
      await equal(pair, 'log_1', 'log');
    });

    it('gives a transaction that is larger than a batch in pieces, which become visible together', async () => {
      await using pair = await open();
      await pair.both('CREATE TABLE big (id int PRIMARY KEY, t text)');
      await using _ = await pair.begin();
      // About 60 MB: several log segments of 16 MB as well.
      await pair.from.query(`BEGIN; INSERT INTO big VALUES (0, 'small');
        INSERT INTO big SELECT i, repeat(md5(i::text), 6) FROM generate_series(1, 250000) i;
        UPDATE big SET t = 'updated' WHERE id % 10 = 0; DELETE FROM big WHERE id % 10 = 1; COMMIT`);
      await pair.from.query(`INSERT INTO big VALUES (-1, 'behind')`);
      const stop = new AbortController();
      const since = await pair.begun();
      let pieces = 0;
      for await (const batch of pair.feed.changes(pair.run, since, followOptions, stop.signal)) {
        await pair.intake.apply(pair.run, batch, stop.signal);
        if (batch.position === undefined) {
          pieces++;
          assert.deepEqual((await pair.to.query('SELECT count(*)::int AS n FROM big')).rows, [{ n: 0 }]);
        } else if (pieces > 0) break;
      }
      assert.ok(pieces > 2, `${pieces} pieces`);
      await pair.catchUp();
      const hash = `SELECT count(*), md5(string_agg(b::text, ',' ORDER BY id)) FROM big b`;
      assert.deepEqual((await pair.to.query(hash)).rows, (await pair.from.query(hash)).rows);
    });

    it('carries sequences to where the source’s stand', async () => {
      await using pair = await open();
      await pair.both(
        `CREATE SEQUENCE s; CREATE SEQUENCE fresh START 7; CREATE SEQUENCE down INCREMENT -3 MAXVALUE 9; CREATE TABLE n (id bigserial PRIMARY KEY)`,
      );
      await pair.from.query(
        `SELECT nextval('s') FROM generate_series(1, 41); SELECT nextval('down'); SELECT nextval('n_id_seq')`,
      );
      await pair.intake.setCounters(await pair.feed.counters(never), never);
      const next = `SELECT nextval('s')::int AS s, nextval('fresh')::int AS f, nextval('down')::int AS d, nextval('n_id_seq')::int AS n`;
      assert.deepEqual((await pair.to.query(next)).rows, [{ s: 42, f: 7, d: 6, n: 2 }]);
    });

    it('names table and key where the target is not as the change found it', async () => {
      await using pair = await open();
      await pair.both(`CREATE TABLE "Odd ""name" (id int PRIMARY KEY, t text)`);
      await using _ = await pair.begin();
      const table = '"Odd ""name"';
      await pair.from.query(`INSERT INTO ${table} SELECT i, 't' FROM generate_series(1, 5) i`);
      await pair.catchUp();
      const conflict = async (key: string) => {
        await assert.rejects(pair.catchUp(), (error: MigrationError) => {
          assert.equal(error.code, 'target.conflict');
          assert.ok(error.message.includes('Odd "name') && error.message.includes(key), error.message);
          return true;
        });
      };
      await pair.to.query(`DELETE FROM ${table} WHERE id = 3`);
      await pair.from.query(`UPDATE ${table} SET t = 'u'`);
      await conflict('(id)=(3)');
      await pair.to.query(`INSERT INTO ${table} VALUES (3, 't')`);
      await pair.catchUp();
      await pair.to.query(`DELETE FROM ${table} WHERE id = 2`);
      await pair.from.query(`DELETE FROM ${table} WHERE id = 2`);
      await conflict('(id)=(2)');
      await pair.to.query(`INSERT INTO ${table} VALUES (2, 't')`);
      await pair.catchUp();
      await pair.to.query(`INSERT INTO ${table} VALUES (9, 'mine')`);
      await pair.from.query(`INSERT INTO ${table} SELECT i, 'x' FROM generate_series(6, 12) i`);
      await conflict('(id)=(9)');
      // Inserted and deleted at the source in one batch: what is in the way is still named.
      await pair.to.query(`DELETE FROM ${table} WHERE id = 9; INSERT INTO ${table} VALUES (20, 'mine')`);
      await pair.from.query(`INSERT INTO ${table} VALUES (20, 'y')`);
      await pair.from.query(`DELETE FROM ${table} WHERE id = 20`);
      await conflict('(id)=(20)');
      await pair.to.query(`DELETE FROM ${table} WHERE id = 20`);
      await pair.catchUp();
      await equal(pair, table);
      // A trigger that fires even for a replica and swallows the row.
      await pair.to.query(`CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER s BEFORE INSERT OR UPDATE OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION swallow();
        ALTER TABLE ${table} ENABLE ALWAYS TRIGGER s`);
      for (const sql of [
        `INSERT INTO ${table} VALUES (30, 'z')`,
        `UPDATE ${table} SET t = 'q' WHERE id = 30`,
        `DELETE FROM ${table} WHERE id = 30`,
      ]) {
        await pair.from.query(sql);
        await conflict('(id)=(30)');
        await pair.to.query(`ALTER TABLE ${table} DISABLE TRIGGER s`);
        await pair.catchUp();
        await pair.to.query(`ALTER TABLE ${table} ENABLE ALWAYS TRIGGER s`);
      }
    });

    it('does not run the target’s triggers and checks of references', async () => {
      await using pair = await open();
      await pair.both(`CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p ON DELETE CASCADE);
        CREATE TABLE seen (n int);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.seen VALUES (1); RETURN NEW; END';
        CREATE TRIGGER note AFTER INSERT ON c FOR EACH ROW EXECUTE FUNCTION note()`);
      await using _ = await pair.begin();
      await pair.from.query(
        `INSERT INTO p SELECT generate_series(1, 9); INSERT INTO c SELECT i, i FROM generate_series(1, 9) i; DELETE FROM p WHERE id < 4`,
      );
      await pair.catchUp();
      await equal(pair, 'p', 'c', 'seen');
    });
  });
}
