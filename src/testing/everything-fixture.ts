/** A PostgreSQL database with one of everything that a clone must carry. Needs a superuser; runs on 12 and later but
 *  for what is marked. Roles are not made. */
export const everythingSql = `
  CREATE SCHEMA shop; CREATE SCHEMA "Odd.schema ""quoted"""; CREATE SCHEMA audit;
  COMMENT ON SCHEMA shop IS 'What is sold; -- and not a comment';
  CREATE EXTENSION citext; CREATE EXTENSION btree_gist; CREATE EXTENSION pg_trgm;

  CREATE DOMAIN shop."größe" AS numeric(6,2) DEFAULT 1.5 CONSTRAINT "größer null" CHECK (VALUE > 0);
  CREATE TYPE shop.mood AS ENUM ('sad', 'ok', 'ha''ppy', 'Ünder'); ALTER TYPE shop.mood ADD VALUE 'between' BEFORE 'ok';
  CREATE TYPE shop.place AS (street text, "No." integer); CREATE TYPE shop.span AS RANGE (subtype = float8);
  CREATE COLLATION shop.plain FROM "C";

  CREATE FUNCTION shop.twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $f$ SELECT n * 2 -- Name: x; Type: TABLE; Schema: y
    $f$;
  CREATE FUNCTION shop.stamp() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
--
-- Name: fake; Type: TABLE; Schema: public; Owner: -
--
  NEW.changed := now(); RETURN NEW; END $body$;
  CREATE FUNCTION shop.pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
  CREATE PROCEDURE shop.nothing(INOUT n integer) LANGUAGE plpgsql AS $$ BEGIN n := n + 1; END $$;
  CREATE AGGREGATE shop.product(integer) (SFUNC = int4mul, STYPE = integer, INITCOND = '1');
  CREATE FUNCTION shop.same(a shop.place, b shop.place) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT a.street = b.street';
  CREATE OPERATOR shop.=== (LEFTARG = shop.place, RIGHTARG = shop.place, FUNCTION = shop.same);

  CREATE TABLE shop.customer (
    id serial PRIMARY KEY, name citext NOT NULL, mood shop.mood DEFAULT 'ok', home shop.place, size shop."größe",
    "dropped" text, tags text[] DEFAULT '{}', seen shop.span, note text COLLATE shop.plain,
    upper_name text GENERATED ALWAYS AS (upper(note)) STORED, changed timestamptz,
    CONSTRAINT "name is unique" UNIQUE (name) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT named CHECK (length(name) > 0));
  ALTER TABLE shop.customer DROP COLUMN "dropped"; ALTER TABLE shop.customer ADD COLUMN later integer DEFAULT 7;
  ALTER TABLE shop.customer ALTER COLUMN note SET STORAGE EXTERNAL, ALTER COLUMN note SET STATISTICS 500;
  ALTER TABLE shop.customer ADD CONSTRAINT unchecked CHECK (later > 0) NOT VALID;
  COMMENT ON TABLE shop.customer IS E'with a ''quote'' and a \\\\ backslash'; COMMENT ON COLUMN shop.customer.note IS 'free text';
  COMMENT ON CONSTRAINT customer_pkey ON shop.customer IS 'the key'; COMMENT ON CONSTRAINT named ON shop.customer IS 'not empty';
  CREATE INDEX customer_partial ON shop.customer (mood) WHERE mood = 'ok'::shop.mood;
  CREATE INDEX customer_expression ON shop.customer ((shop.twice(later)), lower(note) DESC NULLS LAST) WITH (fillfactor = 70);
  ALTER INDEX shop.customer_expression ALTER COLUMN 1 SET STATISTICS 300; COMMENT ON INDEX shop.customer_expression IS 'twice';
  CREATE INDEX customer_trigrams ON shop.customer USING gin (note gin_trgm_ops);
  CREATE UNIQUE INDEX customer_included ON shop.customer (id) INCLUDE (later);
  ALTER TABLE shop.customer CLUSTER ON customer_expression; ALTER TABLE shop.customer REPLICA IDENTITY USING INDEX customer_included;

  CREATE TABLE shop.orders (
    id bigint GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT 5), customer integer NOT NULL, placed date NOT NULL, total numeric DEFAULT 0,
    PRIMARY KEY (id, placed)) PARTITION BY RANGE (placed);
  CREATE TABLE shop.orders_2023 (total numeric DEFAULT 1, gone text, placed date NOT NULL, customer integer NOT NULL, id bigint NOT NULL);
  ALTER TABLE shop.orders_2023 DROP COLUMN gone;
  ALTER TABLE shop.orders ATTACH PARTITION shop.orders_2023 FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
  CREATE TABLE shop.orders_2024 PARTITION OF shop.orders FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY HASH (id);
  CREATE TABLE shop.orders_2024_0 PARTITION OF shop.orders_2024 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
  CREATE TABLE shop.orders_2024_1 PARTITION OF shop.orders_2024 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
  CREATE TABLE shop.orders_rest PARTITION OF shop.orders DEFAULT;
  CREATE INDEX orders_customer ON shop.orders (customer); COMMENT ON INDEX shop.orders_customer IS 'of all parts';
  CREATE INDEX only_here ON shop.orders_2024_0 (total);
  CREATE INDEX not_everywhere ON ONLY shop.orders (total);
  ALTER TABLE shop.orders ADD CONSTRAINT order_customer FOREIGN KEY (customer) REFERENCES shop.customer ON DELETE CASCADE;
  COMMENT ON CONSTRAINT order_customer ON shop.orders IS 'who ordered';
  CREATE TABLE shop.line (order_id bigint, placed date, no smallint, primary key (order_id, placed, no),
    FOREIGN KEY (order_id, placed) REFERENCES shop.orders (id, placed) DEFERRABLE INITIALLY DEFERRED);

  CREATE TABLE shop.parent (id integer PRIMARY KEY, words text CHECK (words <> ''));
  CREATE TABLE shop.child (extra boolean, words text NOT NULL) INHERITS (shop.parent); CREATE INDEX ON shop.child (id);
  CREATE TABLE shop.nothing (); CREATE UNLOGGED TABLE shop.scratch (id integer PRIMARY KEY, v text);
  CREATE TABLE shop.booking (room integer, during tsrange, EXCLUDE USING gist (room WITH =, during WITH &&) DEFERRABLE);
  ALTER TABLE shop.booking REPLICA IDENTITY FULL; COMMENT ON CONSTRAINT booking_room_during_excl ON shop.booking IS 'one at a time';
  CREATE TABLE shop.egg (id integer PRIMARY KEY, hen integer); CREATE TABLE shop.hen (id integer PRIMARY KEY, egg integer REFERENCES shop.egg);
  ALTER TABLE shop.egg ADD FOREIGN KEY (hen) REFERENCES shop.hen DEFERRABLE; ALTER TABLE shop.egg ADD CONSTRAINT loose FOREIGN KEY (id) REFERENCES shop.hen NOT VALID;
  CREATE TABLE shop.typed OF shop.place (PRIMARY KEY (street)); CREATE TABLE shop.pairs (a integer, b integer, UNIQUE (a, b));
  CREATE UNIQUE INDEX pairs_plain ON shop.pairs (b); CREATE STATISTICS shop.pairs_stats (dependencies, ndistinct) ON a, b FROM shop.pairs;
  COMMENT ON STATISTICS shop.pairs_stats IS 'they go together';
  CREATE TABLE audit.orders (id integer PRIMARY KEY, at timestamptz DEFAULT now()); CREATE TABLE public.orders (id integer UNIQUE);

  CREATE TABLE "Odd.schema ""quoted""".":select" ("from" integer PRIMARY KEY, "a""b" text, "Ω≈ç" integer UNIQUE, "${'n'.repeat(63)}" text, "dot.ted" text);
  CREATE INDEX "in.dex ""q""" ON "Odd.schema ""quoted""".":select" ("dot.ted", "a""b");
  CREATE TABLE "Odd.schema ""quoted"""."${'t'.repeat(63)}" (id integer PRIMARY KEY, "user" integer REFERENCES "Odd.schema ""quoted""".":select");
  COMMENT ON TABLE "Odd.schema ""quoted""".":select" IS 'odd
-- Name: trap; Type: TABLE; Schema: public; Owner: -
line';

  CREATE VIEW shop.happy AS SELECT c.id, c.name, c.note FROM shop.customer c WHERE c.mood <> 'sad';
  CREATE VIEW shop.happier AS SELECT h.id, o.total FROM shop.happy h JOIN shop.orders o ON o.customer = h.id;
  CREATE VIEW shop.grouped AS SELECT c.id, c.name, count(o.id) AS orders FROM shop.customer c LEFT JOIN shop.orders o ON o.customer = c.id GROUP BY c.id;
  CREATE VIEW shop.checked WITH (security_barrier) AS SELECT p.id, p.words FROM shop.parent p WHERE p.id > 0 WITH LOCAL CHECK OPTION;
  CREATE MATERIALIZED VIEW shop.totals AS SELECT o.customer, sum(o.total) AS total FROM shop.orders o GROUP BY o.customer;
  CREATE UNIQUE INDEX totals_key ON shop.totals (customer);
  CREATE MATERIALIZED VIEW shop.all_totals AS SELECT sum(t.total) AS total FROM shop.totals t;
  CREATE MATERIALIZED VIEW shop.empty_yet AS SELECT 1 AS one WITH NO DATA;
  CREATE VIEW shop.on_totals AS SELECT a.total FROM shop.all_totals a;
  COMMENT ON VIEW shop.happy IS 'not sad'; COMMENT ON MATERIALIZED VIEW shop.totals IS 'sums';

  CREATE TRIGGER stamped BEFORE INSERT OR UPDATE OF note ON shop.customer FOR EACH ROW WHEN (NEW.note IS NOT NULL) EXECUTE FUNCTION shop.stamp();
  CREATE TRIGGER off BEFORE UPDATE ON shop.customer FOR EACH ROW EXECUTE FUNCTION shop.stamp(); ALTER TABLE shop.customer DISABLE TRIGGER off;
  CREATE TRIGGER always BEFORE UPDATE ON shop.customer FOR EACH ROW EXECUTE FUNCTION shop.stamp(); ALTER TABLE shop.customer ENABLE ALWAYS TRIGGER always;
  CREATE CONSTRAINT TRIGGER late AFTER INSERT ON shop.pairs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shop.pass();
  COMMENT ON TRIGGER stamped ON shop.customer IS 'when';
  CREATE RULE kept AS ON DELETE TO shop.parent DO INSTEAD NOTHING;
  ALTER TABLE shop.customer ENABLE ROW LEVEL SECURITY; ALTER TABLE shop.customer FORCE ROW LEVEL SECURITY;
  CREATE POLICY own_rows ON shop.customer FOR SELECT USING (id > 0); CREATE POLICY writes ON shop.customer AS RESTRICTIVE FOR INSERT WITH CHECK (later > 1);
  CREATE SEQUENCE shop.alone AS smallint START 5 MINVALUE 2 MAXVALUE 100 INCREMENT 3 CYCLE CACHE 4;
  CREATE SEQUENCE shop.down INCREMENT -2; CREATE SEQUENCE shop.unused;
  CREATE PUBLICATION few FOR TABLE shop.customer, shop.line; CREATE PUBLICATION everything FOR ALL TABLES WITH (publish = 'insert');
  CREATE FUNCTION audit.log_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN IF (SELECT count(*) FROM audit.orders) < 0 THEN RAISE 'no'; END IF; END $$;
  CREATE EVENT TRIGGER ddl_log ON ddl_command_end EXECUTE FUNCTION audit.log_ddl();`;

/** Rows for it, with sequences used and large objects made. */
export const everythingRowsSql = `
  INSERT INTO shop.customer (name, mood, home, size, note, later) SELECT 'name ' || i, 'ok', ROW('street ' || i, i)::shop.place, 2.5, 'note ' || i, i FROM generate_series(1, 500) i;
  INSERT INTO shop.orders (customer, placed, total) SELECT 1 + i % 500, date '2023-06-01' + i % 700, i FROM generate_series(1, 2000) i;
  INSERT INTO shop.line SELECT o.id, o.placed, 1 FROM shop.orders o;
  INSERT INTO shop.parent VALUES (1, 'one'), (2, 'two'); INSERT INTO shop.child VALUES (3, 'three', true);
  INSERT INTO shop.scratch VALUES (1, 'x'); INSERT INTO shop.booking VALUES (1, '[2024-01-01,2024-01-02)'), (1, '[2024-01-02,2024-01-03)');
  BEGIN; INSERT INTO shop.hen VALUES (1, NULL); INSERT INTO shop.egg VALUES (1, 1); UPDATE shop.hen SET egg = 1; COMMIT;
  INSERT INTO shop.pairs VALUES (1, 1), (2, 2);
  INSERT INTO "Odd.schema ""quoted""".":select" VALUES (1, 'x', 1, 'y', 'z'); INSERT INTO "Odd.schema ""quoted"""."${'t'.repeat(63)}" VALUES (1, 1);
  SELECT nextval('shop.alone'), nextval('shop.alone'); SELECT nextval('shop.down'); SELECT setval('shop.unused', 10, false);
  REFRESH MATERIALIZED VIEW shop.totals; REFRESH MATERIALIZED VIEW shop.all_totals;
  SELECT lo_from_bytea(50001, 'hello'), lo_from_bytea(50002, ''), lo_from_bytea(50003, decode(repeat('00ff17', 100000), 'hex'));
  COMMENT ON LARGE OBJECT 50001 IS 'greeting';`;
