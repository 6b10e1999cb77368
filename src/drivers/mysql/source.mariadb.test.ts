import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Finding } from '../../model/finding.ts';
import type { LogicalType } from '../../model/shape.ts';
import { hasMariadb } from '../../testing/mariadb-server.ts';
import { listTables, openMysqlSubject, readTable, type MysqlSubject } from '../../testing/mysql-subject.ts';

const never: AbortSignal = new AbortController().signal;

describe('the mysql driver as a source', { skip: hasMariadb() ? false : 'apt-get install mariadb-server' }, () => {
  let subject: MysqlSubject;
  before(async () => {
    subject = await openMysqlSubject({ settings: { 'max-allowed-packet': '256M' } });
  });
  after(() => subject?.[Symbol.asyncDispose]());
  beforeEach(() => subject.reset());

  const read = async (table: string, options: Record<string, unknown> = {}, targetBytes?: number) => {
    await using store = await subject.open(options);
    return readTable(store.source, table, targetBytes);
  };
  const findings = async (options: Record<string, unknown> = {}): Promise<Finding[]> => {
    await using store = await subject.open(options);
    const found: Finding[] = [];
    await listTables(store.source, (finding) => found.push(finding));
    return found;
  };

  /** Each: declaration, the type it becomes, and pairs of a SQL value and its canonical text. */
  const types: readonly (readonly [string, LogicalType, ...(readonly [string, string])[]])[] = [
    ['TINYINT', { kind: 'integer', bits: 16 }, ['-128', '-128'], ['127', '127']],
    ['TINYINT UNSIGNED', { kind: 'integer', bits: 16 }, ['255', '255']],
    ['SMALLINT', { kind: 'integer', bits: 16 }, ['-32768', '-32768']],
    ['SMALLINT UNSIGNED', { kind: 'integer', bits: 32 }, ['65535', '65535']],
    ['MEDIUMINT', { kind: 'integer', bits: 32 }, ['-8388608', '-8388608']],
    ['MEDIUMINT UNSIGNED', { kind: 'integer', bits: 32 }, ['16777215', '16777215']],
    ['INT', { kind: 'integer', bits: 32 }, ['-2147483648', '-2147483648'], ['2147483647', '2147483647']],
    ['INT UNSIGNED', { kind: 'integer', bits: 64 }, ['4294967295', '4294967295']],
    ['BIGINT', { kind: 'integer', bits: 64 }, ['-9223372036854775808', '-9223372036854775808']],
    [
      'BIGINT UNSIGNED',
      { kind: 'decimal', precision: 20, scale: 0 },
      ['0', '0'],
      ['10000', '10000'],
      ['9223372036854775808', '9223372036854775808'],
      ['18446744073709551615', '18446744073709551615'],
    ],
    ['FLOAT', { kind: 'float', bits: 32 }, ['0.1', '0.1'], ['-3.4028235e38', '-3.4028235e+38'], ['1e-45', '1e-45']],
    ['DOUBLE', { kind: 'float', bits: 64 }, ['0.1', '0.1'], ['1.7976931348623157e308', '1.7976931348623157e+308']],
    [
      'DECIMAL(65,30)',
      { kind: 'decimal', precision: 65, scale: 30 },
      [
        '-12345678901234567890123456789012345.678901234567890123456789012345',
        '-12345678901234567890123456789012345.678901234567890123456789012345',
      ],
      ['0.000000000000000000000000000001', '0.000000000000000000000000000001'],
      ['10000', '10000.000000000000000000000000000000'],
      ['0', '0.000000000000000000000000000000'],
    ],
    ['DECIMAL(10,2)', { kind: 'decimal', precision: 10, scale: 2 }, ['-0.01', '-0.01'], ['99999999.99', '99999999.99']],
    ['BIT(1)', { kind: 'boolean' }, ["b'0'", 'f'], ["b'1'", 't']],
    ['BIT(5)', { kind: 'bits', length: 5 }, ["b'10010'", '10010'], ["b'1'", '00001']],
    ['BIT(64)', { kind: 'bits', length: 64 }, ['18446744073709551615', '1'.repeat(64)]],
    ['YEAR', { kind: 'integer', bits: 16 }, ['2155', '2155'], ["'0000'", '0'], ['1901', '1901']],
    [
      'DATE',
      { kind: 'date' },
      ["'9999-12-31'", '9999-12-31'],
      ["'0001-01-01'", '0001-01-01'],
      ["'2024-02-29'", '2024-02-29'],
    ],
    [
      'DATETIME(6)',
      { kind: 'timestamp', zone: false },
      ["'9999-12-31 23:59:59.999999'", '9999-12-31 23:59:59.999999'],
      ["'1000-01-01 00:00:00'", '1000-01-01 00:00:00'],
    ],
    ['DATETIME', { kind: 'timestamp', zone: false }, ["'2024-03-31 02:30:00'", '2024-03-31 02:30:00']],
    [
      'TIMESTAMP(3) NULL',
      { kind: 'timestamp', zone: true },
      ["'2024-03-31 01:30:00.123'", '2024-03-31 01:30:00.123+00'],
      ["'1970-01-01 00:00:01'", '1970-01-01 00:00:01+00'],
    ],
    ['TIME(6)', { kind: 'time' }, ["'23:59:59.999999'", '23:59:59.999999'], ["'00:00:00'", '00:00:00']],
    [
      'TIME',
      { kind: 'interval' },
      ["'-838:59:59'", '-838:59:59'],
      ["'838:59:59'", '838:59:59'],
      ["'-00:00:01'", '-00:00:01'],
    ],
    ['CHAR(5)', { kind: 'text', length: 5 }, ["'ab'", 'ab'], ["'☃éx'", '☃éx']],
    [
      'VARCHAR(20)',
      { kind: 'text', length: 20 },
      ["''", ''],
      ["'a\\\\b\\n\\t'", 'a\\b\n\t'],
      ["'😀'", '😀'],
      ["'ends '", 'ends '],
    ],
    ['LONGTEXT', { kind: 'text' }, [`'${'x'.repeat(70_000)}'`, 'x'.repeat(70_000)]],
    ['VARCHAR(20) CHARACTER SET latin1', { kind: 'text', length: 20 }, ["'€ smart – ž'", '€ smart – ž']],
    ['VARCHAR(20) CHARACTER SET gbk', { kind: 'text', length: 20 }, ["'中文'", '中文']],
    ['VARCHAR(20) CHARACTER SET sjis', { kind: 'text', length: 20 }, ["'日本語ｱ'", '日本語ｱ']],
    ['VARCHAR(20) CHARACTER SET ucs2', { kind: 'text', length: 20 }, ["'Ω中'", 'Ω中']],
    ['VARCHAR(20) CHARACTER SET utf8mb3', { kind: 'text', length: 20 }, ["'é中'", 'é中']],
    ['BINARY(4)', { kind: 'bytes' }, ["x'01'", '\\x01000000'], ["x'00ff00'", '\\x00ff0000']],
    ['VARBINARY(10)', { kind: 'bytes' }, ["x'0100'", '\\x0100'], ["''", '\\x']],
    ['LONGBLOB', { kind: 'bytes' }, ["x'00ff'", '\\x00ff']],
    ["ENUM('a','it''s','b\\\\c')", { kind: 'text' }, ["'a'", 'a'], ["'it''s'", "it's"], ["'b\\\\c'", 'b\\c']],
    ["SET('x','y','z')", { kind: 'text' }, ["'x,z'", 'x,z'], ["''", '']],
    ['JSON', { kind: 'json', binary: false }, [`'{"b":1,"a":1.0,"b":2}'`, '{"b":1,"a":1.0,"b":2}'], ["'null'", 'null']],
    ['UUID', { kind: 'uuid' }, ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']],
    ['INET6', { kind: 'text' }, ["'2001:db8::1'", '2001:db8::1']],
    ['POINT', { kind: 'bytes' }, ['POINT(1, 2)', '\\x0101000000000000000000f03f0000000000000040']],
  ];

  it('carries every type with its extremes, and NULL', async () => {
    const columns = types.map(([declared], i) => `c${i} ${declared}`).join(', ');
    await subject.admin.query(`CREATE TABLE every (id INT PRIMARY KEY, ${columns})`);
    const most = Math.max(...types.map((each) => each.length - 2));
    for (let row = 0; row <= most; row++) {
      const values = types.map(([, , ...pairs]) => pairs[row]?.[0] ?? 'NULL');
      await subject.admin.query(`INSERT INTO every VALUES (${row}, ${values.join(', ')})`);
    }
    const { item, rows, rejects } = await read('every');
    assert.deepEqual(rejects, []);
    assert.equal(rows.length, most + 1);
    for (const [i, [declared, type, ...pairs]] of types.entries()) {
      assert.deepEqual(item.shape?.columns[i + 1]?.type, type, declared);
      for (const [row, fields] of rows.entries()) assert.equal(fields[i + 1], pairs[row]?.[1] ?? null, declared);
    }
  });

  it('names each row with a date that no calendar has, and carries the others', async () => {
    await subject.admin.query(`CREATE TABLE days (a INT, b VARCHAR(9), d DATE NOT NULL, PRIMARY KEY (a, b));
      INSERT INTO days VALUES (1, 'x', '2024-01-31'), (2, 'y', '0000-00-00'), (3, 'z', '2024-00-10'), (4, 'é', '2024-01-00')`);
    const { rows, rejects } = await read('days');
    assert.deepEqual(rows, [['1', 'x', '2024-01-31']]);
    assert.deepEqual(
      rejects.map(({ key, column, code }) => [key, column, code]),
      [
        ['["2","y"]', 'd', 'value.unfit'],
        ['["3","z"]', 'd', 'value.unfit'],
        ['["4","é"]', 'd', 'value.unfit'],
      ],
    );
    const [finding] = (await findings()).filter(({ code }) => code === 'value.unfit');
    assert.match(finding?.message ?? '', /days\.d holds dates .* in 3 of 4 rows/);
  });

  it('carries such dates as NULL or as text when told to', async () => {
    await subject.admin.query(`CREATE TABLE days (a INT PRIMARY KEY, d DATETIME(1) NOT NULL);
      INSERT INTO days VALUES (1, '2024-01-31 10:00:00.5'), (2, '0000-00-00')`);
    const asNull = await read('days', { zeroDates: 'null' });
    assert.deepEqual(asNull.rows, [
      ['1', '2024-01-31 10:00:00.5'],
      ['2', null],
    ]);
    assert.equal(asNull.item.shape?.columns[1]?.nullable, true);
    const asText = await read('days', { zeroDates: 'text' });
    assert.deepEqual(asText.rows, [
      ['1', '2024-01-31 10:00:00.5'],
      ['2', '0000-00-00 00:00:00.0'],
    ]);
  });

  it('makes TINYINT(1) a boolean only where every value is 0, 1 or NULL', async () => {
    await subject.admin.query(`CREATE TABLE flags (a TINYINT(1), b TINYINT(1), c TINYINT(1) UNSIGNED);
      INSERT INTO flags VALUES (0, 0, 1), (1, 2, 0), (NULL, NULL, NULL)`);
    const { item, rows } = await read('flags');
    assert.deepEqual(
      item.shape?.columns.map(({ type }) => type.kind),
      ['boolean', 'integer', 'integer'],
    );
    assert.deepEqual(rows, [
      ['f', '0', '1'],
      ['t', '2', '0'],
      [null, null, null],
    ]);
    const forced = await read('flags', { tinyint1: 'boolean' });
    assert.deepEqual(
      forced.rejects.map(({ key, column }) => [key, column]),
      [['["unknown"]', 'b']],
    );
    const small = await read('flags', { tinyint1: 'smallint' });
    assert.equal(small.item.shape?.columns[0]?.type.kind, 'integer');
  });

  it('knows the empty text of an ENUM from one that it declares', async () => {
    await subject.admin.query(`CREATE TABLE sizes (id INT PRIMARY KEY, a ENUM('s','l'), b ENUM('','l'));
      INSERT INTO sizes VALUES (1, 's', ''), (2, 'unknown', 'l')`);
    const { rows, rejects } = await read('sizes');
    assert.deepEqual(rows, [['1', 's', '']]);
    assert.deepEqual(
      rejects.map(({ key, column }) => [key, column]),
      [['["2"]', 'a']],
    );
    assert.deepEqual((await read('sizes', { enumErrors: 'null' })).rows[1], ['2', null, 'l']);
    const asText = await read('sizes', { enumErrors: 'text' });
    assert.deepEqual(asText.rows[1], ['2', '', 'l']);
    assert.deepEqual(asText.item.shape?.columns[1]?.values, ['s', 'l', '']);
  });

  it('leaves out texts with a NUL byte, or carries their column as bytes', async () => {
    await subject.admin.query(`CREATE TABLE notes (id INT PRIMARY KEY, note TEXT);
      INSERT INTO notes VALUES (1, 'plain'), (2, 'a\\0b')`);
    const { rows, rejects } = await read('notes');
    assert.deepEqual(rows, [['1', 'plain']]);
    assert.deepEqual(
      rejects.map(({ key, code }) => [key, code]),
      [['["2"]', 'value.nul']],
    );
    assert.deepEqual((await read('notes', { bytes: 'notes.note' })).rows[1], ['2', '\\x610062']);
  });

  it('keeps numbering unsigned keys, and gives what refers to them the same type', async () => {
    await subject.admin.query(`CREATE TABLE users (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY);
      CREATE TABLE posts (id BIGINT UNSIGNED PRIMARY KEY, user BIGINT UNSIGNED, FOREIGN KEY (user) REFERENCES users (id));
      INSERT INTO users VALUES (5); INSERT INTO posts VALUES (18446744073709551615, 5)`);
    const users = await read('users');
    assert.deepEqual(users.item.shape?.columns[0]?.type, { kind: 'integer', bits: 64 });
    assert.deepEqual(users.item.shape?.columns[0]?.identity, { next: '6' });
    const posts = await read('posts');
    assert.deepEqual(
      posts.item.shape?.columns.map(({ type }) => type.kind),
      ['decimal', 'integer'],
    );
    assert.deepEqual(posts.rows, [['18446744073709551615', '5']]);
  });

  it('leaves out JSON that only MariaDB takes for valid', async () => {
    await subject.admin.query(`CREATE TABLE docs (id INT PRIMARY KEY, doc JSON);
      INSERT INTO docs VALUES (1, '{"a":[1.5,"x.\\\\u0041\\\\"."]}'), (2, '[1.]'), (3, '"\\\\x"')`);
    const { rows, rejects } = await read('docs');
    assert.deepEqual(rows, [['1', '{"a":[1.5,"x.\\u0041\\"."]}']]);
    assert.deepEqual(
      rejects.map(({ key }) => key),
      ['["2"]', '["3"]'],
    );
  });

  it('refuses a number above the largest bigint where unsigned numbers are to become bigint', async () => {
    await subject.admin.query(`CREATE TABLE big (id BIGINT UNSIGNED PRIMARY KEY);
      INSERT INTO big VALUES (9223372036854775807), (9223372036854775808)`);
    const { rows, rejects } = await read('big', { unsignedBigint: 'bigint' });
    assert.deepEqual(rows, [['9223372036854775807']]);
    assert.equal(rejects.length, 1);
  });

  it('carries generated and invisible columns, and says what it leaves behind', async () => {
    await subject.admin.query(`CREATE TABLE orders (
        id INT AUTO_INCREMENT PRIMARY KEY, net DECIMAL(10,2) NOT NULL DEFAULT 1.50, qty INT DEFAULT 2 COMMENT 'how many',
        total DECIMAL(12,2) AS (net * qty) STORED, secret INT INVISIBLE DEFAULT 7,
        changed TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, name VARCHAR(20) COLLATE utf8mb4_general_ci,
        note TEXT, UNIQUE KEY by_name (name), KEY by_note (note(10)), FULLTEXT KEY words (note), CHECK (qty > 0)
      ) COMMENT 'what was ordered' AUTO_INCREMENT = 50;
      CREATE VIEW all_orders AS SELECT * FROM orders; CREATE TABLE old (id INT) ENGINE=MyISAM;
      INSERT INTO orders (name, changed) VALUES ('a', '2024-01-01')`);
    const { item, rows } = await read('orders');
    assert.deepEqual(rows, [['50', '1.50', '2', '7', '2024-01-01 00:00:00+00', 'a', null]]);
    const [id, net, qty, total, secret, changed] = item.shape?.columns ?? [];
    assert.deepEqual(id?.identity, { next: '51' });
    assert.deepEqual(net?.default, { kind: 'literal', text: '1.50', quoted: false });
    assert.equal(qty?.comment, 'how many');
    assert.match(total?.generated?.expression ?? '', /net/);
    assert.equal(secret?.name, 'secret');
    assert.deepEqual(changed?.default, { kind: 'now' });
    assert.deepEqual(item.shape?.unique, [{ name: 'by_name', columns: ['name'] }]);
    assert.equal(item.shape?.comment, 'what was ordered');
    const said = (await findings()).map(({ message }) => message).join('\n');
    for (const part of [
      /view all_orders is not carried: select/i,
      /ON UPDATE CURRENT_TIMESTAMP/,
      /by_note of orders covers only the beginning/,
      /words of orders is of type FULLTEXT/,
      /unique key by_name of orders takes letters of other case/,
      /check CONSTRAINT_1 of orders is not carried: `qty` > 0/,
      /old is kept by MyISAM, which has no snapshots/,
    ])
      assert.match(said, part);
  });

  it('reads a table in chunks that cover it exactly, whatever the gaps in its key', async () => {
    await subject.admin.query(`CREATE TABLE sparse (id BIGINT PRIMARY KEY, pad CHAR(200));
      INSERT INTO sparse SELECT IF(seq <= 50000, CAST(seq AS SIGNED) - 20000, seq * 1000000000), REPEAT('x', 200) FROM seq_1_to_60000;
      ANALYZE TABLE sparse`);
    await using store = await subject.open();
    const item = (await listTables(store.source)).find(({ key }) => key === 'sparse') ?? assert.fail();
    const chunks = await Array.fromAsync(store.source.split(item, 1024 * 1024, never));
    assert.ok(chunks.length >= 8, `${chunks.length} chunks`);
    const { rows } = await readTable(store.source, 'sparse', 1024 * 1024);
    const ids = new Set(rows.map(([id]) => id));
    assert.equal(rows.length, 60_000);
    assert.equal(ids.size, 60_000);
  });

  it('carries values of more than 16 MiB, and those that are exactly as long as a packet', async () => {
    await subject.admin.query('CREATE TABLE huge (id INT PRIMARY KEY, value LONGTEXT, tail INT)');
    // The row's other bytes: one of kind, one of NULLs, four of id, four or nine of the length, four of the tail.
    const sizes = [40_000_000, 16_777_215 - 14, 16_777_215 * 2 - 18, 10, 17_000_000];
    for (const [id, size] of sizes.entries())
      await subject.admin.query(`INSERT INTO huge VALUES (${id}, REPEAT('h', ${size}), ${size})`);
    const { rows } = await read('huge');
    assert.deepEqual(
      rows.map(([id, value, tail]) => [id, value?.length, tail]),
      sizes.map((size, id) => [String(id), size, String(size)]),
    );
    assert.ok(rows.every(([, value]) => /^h+$/.test(value ?? '')));
  });

  it('sees one moment in every session of its snapshot, while others write', async () => {
    await subject.admin.query('CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2)');
    await using store = await subject.open();
    await using snapshot = (await store.source.snapshot?.(undefined, never)) ?? assert.fail();
    await using peer = await subject.open();
    await using same = (await peer.source.snapshot?.(snapshot.position, never)) ?? assert.fail();
    assert.equal(same.position, snapshot.position);
    await subject.admin.query('INSERT INTO t VALUES (3)');
    const item = (await listTables(store.source))[0] ?? assert.fail();
    const digests = await Promise.all(Array.from({ length: 5 }, async () => store.source.digest?.(item, item, never)));
    assert.deepEqual(
      digests.map((digest) => digest?.rows),
      [2, 2, 2, 2, 2],
    );
    assert.equal((await readTable(peer.source, 't')).rows.length, 2);
    await using late = await subject.open();
    await assert.rejects(async () => late.source.snapshot?.(snapshot.position, never), { code: 'source.moved' });
  });

  it('goes on with its session after a reader that stops early', async () => {
    await subject.admin.query(`CREATE TABLE many (id INT PRIMARY KEY, pad CHAR(250));
      INSERT INTO many SELECT seq, REPEAT('x', 250) FROM seq_1_to_50000`);
    await using store = await subject.open();
    await using snapshot = (await store.source.snapshot?.(undefined, never)) ?? assert.fail();
    assert.match(snapshot.position, /^binlog:/);
    const item = (await listTables(store.source))[0] ?? assert.fail();
    for (let i = 0; i < 5; i++) {
      const payload = await store.source.read({ id: 'all', bytes: 0 }, item, item, 'rows', never);
      for await (const part of payload.parts as AsyncIterable<Uint8Array>) {
        assert.ok(part.length > 0);
        break;
      }
    }
    assert.equal((await store.source.digest?.(item, item, never))?.rows, 50_000);
  });

  it('reads alone, and says so, where the server has no log and the user no right to lock', async () => {
    await using plain = await openMysqlSubject({ settings: { 'skip-log-bin': 'ON' } });
    await plain.admin.query(`CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1);
      CREATE USER reader@'127.0.0.1'; GRANT SELECT ON test.* TO reader@'127.0.0.1'`);
    await using store = await plain.open({}, 'test', 'reader');
    const [finding] = await store.probe('source', never);
    assert.equal(finding?.code, 'source.no-snapshot');
    await using alone = (await store.source.snapshot?.(undefined, never)) ?? assert.fail();
    assert.match(alone.position, /^session:/);
    await plain.admin.query('INSERT INTO t VALUES (2)');
    assert.equal((await readTable(store.source, 't')).rows.length, 1);
    await using root = await plain.open();
    await using locked = (await root.source.snapshot?.(undefined, never)) ?? assert.fail();
    assert.match(locked.position, /^innodb:/);
    await using peer = await plain.open();
    await using same = (await peer.source.snapshot?.(locked.position, never)) ?? assert.fail();
    assert.equal(same.position, locked.position);
  });

  it('says who is refused, without the password, and which database is missing', async () => {
    await assert.rejects(subject.open({}, 'nowhere'), { code: 'source.missing' });
    await subject.admin.query(`CREATE OR REPLACE USER app@'127.0.0.1' IDENTIFIED BY 'right'`);
    const { parseAddress } = await import('../../model/address.ts');
    const { mysqlDriver } = await import('./driver.ts');
    const { address } = parseAddress(subject.server.url('test').replace('root', 'app'));
    await assert.rejects(mysqlDriver.open(address, { password: 'wrong-secret' }, never), (error: Error) => {
      assert.equal((error as Error & { code: string }).code, 'store.denied');
      assert.doesNotMatch(error.message + JSON.stringify(error), /wrong-secret/);
      return true;
    });
  });
});
