import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres, type PostgresServer, type PostgresServerOptions } from './postgres-server.ts';

/** Two servers of different major versions: Debian's is the source, with its pg_dump; the newer one the target. */
export interface ClonePair extends AsyncDisposable {
  from: PostgresServer;
  readonly to: PostgresServer;
  source: pg.Client;
  readonly target: pg.Client;
  /** Empty databases at both ends, the source's with what `sql` makes. */
  begin(sql: string): Promise<void>;
  /** The source's machine loses power and comes back; `source` is another session then. */
  restartSource(): Promise<void>;
}

export async function openClonePair(settings: PostgresServerOptions['settings'] = {}): Promise<ClonePair> {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-clone-'));
  await chmod(folder, 0o755);
  const options = { binaries: 'system', folder, settings: { fsync: 'off', ...settings } };
  const from = await startPostgres(options);
  const to = await startPostgres({ settings: { fsync: 'off', ...settings } });
  const pair: ClonePair = {
    from,
    to,
    source: await connect(from.url()),
    target: await connect(to.url()),
    async begin(sql) {
      for (const client of [pair.source, pair.target]) await client.query(emptySql);
      await pair.source.query(sql);
    },
    async restartSource() {
      const { port } = pair.from;
      await pair.from.crash();
      pair.from = await startPostgres({ ...options, port });
      pair.source = await connect(pair.from.url());
    },
    async [Symbol.asyncDispose]() {
      for (const client of [pair.source, pair.target]) await client.end().catch(() => {});
      await pair.from[Symbol.asyncDispose]();
      await to[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return pair;
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  // A server that a test ends takes its sessions along.
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Drops every schema that a test made. */
const emptySql = `DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', name);
  END LOOP; EXECUTE 'CREATE SCHEMA public'; END $$`;

/** Tables of every kind and values of most types that a server has of its own, or that a user may make. */
export const variousTables = `
  CREATE TABLE narrow (id int PRIMARY KEY, n bigint, filler char(20));
  INSERT INTO narrow SELECT i, i * 1000003::bigint, 'row ' || i FROM generate_series(1, 30000) i;
  CREATE TABLE plain_types (id bigint PRIMARY KEY, a smallint, b real, c float8, d numeric, e numeric(12, 3), f text, g varchar(9),
    h bytea, i boolean, j date, k time, l timetz, m timestamp, n timestamptz, o interval, p uuid, q json, r jsonb, s inet,
    t cidr, u macaddr, v bit(5), w varbit, x money, y tsvector, z tsquery, aa int4range, ab tstzrange, ac nummultirange,
    ad int[], ae text[][], af point, ag polygon, ah xml, ai pg_lsn, aj "char", ak name, al oid, am char(4));
  INSERT INTO plain_types VALUES
    (1, -32768, 'NaN', '-0', 'NaN', 1.5, '', 'ü', '', true, 'infinity', '24:00', '12:00+02', '-infinity', '2024-02-29 12:00+02',
     '1 mon -3 days 04:05:06.789', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a":  1}', '{"b": [1, null]}', '10.0.0.1/8',
     '10.0.0.0/8', '08:00:2b:01:02:03', B'10101', B'1', 12.34, 'a fat cat', 'fat & cat', '[1,5)', '[2024-01-01,)',
     '{[1,2],[5,7)}', '{1,NULL,3}', '{{a,"b c"},{NULL,"d\\\\"}}', '(1,2)', '((0,0),(1,1),(1,0))', '<a>1</a>', '16/B374D848',
     'x', 'a name', 12345, 'ab');
  INSERT INTO plain_types VALUES (2, NULL, '-Infinity', '1e-300', 1.00, 0, E'tab\\tnew\\nline\\\\back', NULL, '\\xdeadbeef', false, '0044-03-15 BC');
  INSERT INTO plain_types (id) VALUES (3);
  CREATE TYPE mood AS ENUM ('sad', 'ok', 'very happy');
  CREATE TYPE pair AS (a int, b mood, c text);
  CREATE DOMAIN moods AS mood[];
  CREATE DOMAIN short AS varchar(5) CHECK (value <> 'no');
  CREATE TABLE enums (m mood, s short, r int4range);
  INSERT INTO enums SELECT (ARRAY['sad', 'ok', 'very happy', NULL]::mood[])[i % 4 + 1], 's' || i, int4range(i, i + 5) FROM generate_series(1, 500) i;
  CREATE TABLE made_types (id int, p pair, ms mood[], d moods, r regclass, t text);
  INSERT INTO made_types VALUES (1, ROW(1, 'ok', E'a"b\\\\c\\td'), '{sad,ok}', '{"very happy"}', 'narrow', E'\\\\N \\b\\f\\v\\r\\n\\t.'),
    (2, NULL, NULL, '{}', 'pg_class', ''), (3, ROW(NULL, NULL, NULL), '{NULL}', NULL, NULL, '\\.');
  CREATE TABLE computed (a int, twice int GENERATED ALWAYS AS (a * 2) STORED, id int GENERATED ALWAYS AS IDENTITY);
  INSERT INTO computed (a) SELECT generate_series(1, 50);
  CREATE TABLE dropped (a int, gone text, b int); ALTER TABLE dropped DROP COLUMN gone;
  INSERT INTO dropped VALUES (1, 2);
  CREATE TABLE empty (a int);
  CREATE TABLE no_columns (); INSERT INTO no_columns DEFAULT VALUES; INSERT INTO no_columns DEFAULT VALUES;
  CREATE TABLE twins (a int, b text); INSERT INTO twins VALUES (1, 'x'), (1, 'x'), (2, NULL), (2, '');
  CREATE TABLE measure (day date, v int) PARTITION BY RANGE (day);
  CREATE TABLE measure_old PARTITION OF measure FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
  CREATE TABLE measure_new PARTITION OF measure FOR VALUES FROM ('2020-01-01') TO (MAXVALUE) PARTITION BY HASH (v);
  CREATE TABLE measure_new_0 PARTITION OF measure_new FOR VALUES WITH (MODULUS 2, REMAINDER 0);
  CREATE TABLE measure_new_1 PARTITION OF measure_new FOR VALUES WITH (MODULUS 2, REMAINDER 1);
  INSERT INTO measure SELECT date '2019-12-01' + i, i FROM generate_series(1, 100) i;
  CREATE TABLE parent (a int); CREATE TABLE child (b int) INHERITS (parent);
  INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 3);
  CREATE UNLOGGED TABLE unlogged (a int); INSERT INTO unlogged VALUES (7);
  CREATE SCHEMA "Odd.Schema 100%";
  CREATE TABLE "Odd.Schema 100%"."ta.b""l'e" ("co,l ""1""" int PRIMARY KEY, "select" text, "ünï" text);
  INSERT INTO "Odd.Schema 100%"."ta.b""l'e" SELECT i, 'v' || i, NULL FROM generate_series(1, 10) i;
  CREATE TABLE large (id int PRIMARY KEY, body text); ALTER TABLE large ALTER body SET STORAGE EXTERNAL;
  INSERT INTO large SELECT i, repeat(md5(i::text), 4000) FROM generate_series(1, 40) i;
`;

/** What a table holds, row for row: equal texts mean equal tables. */
export async function contentOf(client: pg.Client, table: string): Promise<string> {
  const { rows } = await client.query<{ content: string }>(
    `SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, chr(10) ORDER BY t::text COLLATE "C")), '') AS content FROM ONLY ${table} t`,
  );
  return rows[0]?.content ?? '';
}
