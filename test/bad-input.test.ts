import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { startPostgres, type PostgresServer } from '../src/testing/postgres-server.ts';
import { resultOf, workplace, type Ended, type Workplace } from './run-waybill.ts';

interface Shown {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string; readonly where?: string };
}

const errorOf = (ended: Ended): Shown['error'] => {
  const last = JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? '{}') as Shown;
  return last.error;
};

describe('bad input', () => {
  let server: PostgresServer;
  let place: Workplace;

  before(async () => {
    server = await startPostgres({ password: 'right-Pa55', settings: { fsync: 'off' } });
    place = workplace({ WAYBILL_TO_PASSWORD: 'right-Pa55' });
  });

  after(async () => {
    await server?.[Symbol.asyncDispose]();
    place?.[Symbol.dispose]();
  });

  async function query(database: string, sql: string): Promise<Record<string, unknown>[]> {
    const url = server.url(database).replace('postgres@', 'postgres:right-Pa55@');
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return ((await client.query(sql)).rows ?? []) as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  }

  async function database(name: string): Promise<string> {
    await query('postgres', `CREATE DATABASE ${name}`);
    return server.url(name);
  }

  function sqlite(name: string, sql: string): string {
    const made = new DatabaseSync(place.path(name));
    made.exec(sql);
    made.close();
    return `sqlite:${name}`;
  }

  it('a missing source ends with 4 before anything is written', async () => {
    for (const words of [
      ['sqlite:nope.db', await database('missing')],
      ['./nope', './target'],
    ]) {
      const ended = await place.waybill('run', ...words, '--json');
      assert.equal(ended.code, 4);
      assert.equal(errorOf(ended).code, 'source.missing');
    }
    assert.deepEqual(await query('missing', `SELECT 1 FROM pg_namespace WHERE nspname = '_waybill'`), []);
    assert.ok(!readdirSync(place.folder).includes('target'));
  });

  it('a wrong password ends with 4 and is never repeated', async () => {
    using other = workplace({ WAYBILL_TO_PASSWORD: 'wrong-Pa55' });
    const made = new DatabaseSync(other.path('a.db'));
    made.exec('CREATE TABLE t (id INTEGER PRIMARY KEY)');
    made.close();
    const ended = await other.waybill('run', 'sqlite:a.db', server.url(), '--json');
    assert.equal(ended.code, 4, ended.stdout);
    assert.equal(errorOf(ended).code, 'store.denied');
    assert.doesNotMatch(ended.stdout + ended.stderr, /Pa55/);
  });

  it('the right password stands in no output, journal or bill', async () => {
    const source = sqlite('secret.db', 'CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)');
    const ended = await place.waybill('run', source, await database('secret'), '--json');
    assert.equal(ended.code, 0, ended.stdout);
    assert.doesNotMatch(ended.stdout + ended.stderr, /Pa55/);
    for (const entry of readdirSync(place.path('.waybill'), { recursive: true, withFileTypes: true })) {
      if (entry.isFile())
        assert.ok(!readFileSync(`${entry.parentPath}/${entry.name}`).includes('right-Pa55'), entry.name);
    }
  });

  it('an unknown scheme, a plain password, malformed YAML and a mistyped key end with 2 and say where', async () => {
    writeFileSync(place.path('bad.yaml'), 'name: x\nshipments:\n  - from: a\n     to: b\n');
    writeFileSync(place.path('typo.yaml'), 'name: x\nshipments:\n  - form: ./a\n    to: ./b\n');
    const cases: readonly (readonly [string[], RegExp])[] = [
      [['plan', 'sqlit:x.db', './b'], /Did you mean sqlite/],
      [['plan', './a', 'postgres://app:pw@localhost/x'], /WAYBILL_TO_PASSWORD/],
      [['plan', 'bad.yaml'], /bad\.yaml:3:/],
      [['plan', 'typo.yaml'], /typo\.yaml:3:5.*Did you mean `from`/s],
      [['rnu'], /Did you mean run/],
    ];
    for (const [words, pattern] of cases) {
      const ended = await place.waybill(...words);
      assert.equal(ended.code, 2, words.join(' '));
      assert.match(ended.stdout + ended.stderr, pattern);
    }
  });

  it('a target that is not empty is refused unless told how', async () => {
    const source = sqlite(
      'again.db',
      "CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b')",
    );
    const target = await database('again');
    assert.equal((await place.waybill('run', source, target, '--json')).code, 0);
    const refused = await place.waybill('run', source, target, '--json');
    assert.equal(refused.code, 2);
    assert.match(errorOf(refused).hint ?? '', /--into replace/);
    assert.equal((await place.waybill('run', source, target, '--into', 'replace', '--json')).code, 0);
    assert.equal((await place.waybill('run', source, target, '--into', 'merge', '--json')).code, 0);
    const clash = await place.waybill('run', source, target, '--into', 'append', '--json');
    assert.equal(clash.code, 3, clash.stdout);
    assert.match(clash.stdout, /index\.broken/);
    assert.deepEqual(await query('again', 'SELECT count(*)::int AS n FROM t'), [{ n: 2 }]);
  });

  it('a target that is the source, or lies inside it, is refused', async () => {
    mkdirSync(place.path('outer'));
    const same = sqlite('same.db', 'CREATE TABLE t (id INTEGER PRIMARY KEY)');
    for (const [from, to] of [
      ['./outer', './outer'],
      ['./outer', './outer/inner'],
      [same, same],
    ] as const) {
      const ended = await place.waybill('run', from, to, '--json');
      assert.equal(ended.code, 2, `${from} ${to}`);
      assert.match(ended.stdout, /both source and target|lies inside the source/);
    }
    assert.deepEqual(readdirSync(place.path('outer')), []);
  });

  it('names that become one after folding are refused at plan time', async () => {
    const source = sqlite(
      'clash.db',
      'CREATE TABLE "Ä" (id INTEGER PRIMARY KEY); CREATE TABLE "ä" (id INTEGER PRIMARY KEY)',
    );
    const ended = await place.waybill('run', source, await database('clash'), '--json');
    assert.equal(ended.code, 2);
    assert.match(ended.stdout, /plan\.name-clash/);
  });

  it('a text with a NUL byte stops the run by key and leaves nothing of its table, or goes to quarantine', async () => {
    const source = sqlite(
      'nul.db',
      `CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT); INSERT INTO t VALUES (1, 'ok'), (2, 'a' || char(0) || 'b'), (3, 'ok')`,
    );
    const target = await database('nul');
    const stopped = await place.waybill('run', source, target, '--json');
    assert.equal(stopped.code, 1);
    assert.match(stopped.stdout, /"code":"value\.nul".*\[\\\\?"2\\\\?"\]/);
    assert.deepEqual(
      await query('nul', `SELECT * FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`),
      [],
    );
    const left = await place.waybill('run', source, target, '--max-quarantine', '1', '--json');
    assert.equal(left.code, 3, left.stdout);
    assert.deepEqual(await query('nul', 'SELECT id::int FROM t ORDER BY id'), [{ id: 1 }, { id: 3 }]);
    const { bill } = resultOf(left) as { bill: { json: string } };
    assert.match(readFileSync(bill.json, 'utf8'), /\[\\"2\\"\]/);
  });

  it('rows that refer to nothing are named, the data arrives, and the exit code is 3', async () => {
    const source = sqlite(
      'orphan.db',
      `PRAGMA foreign_keys = OFF; CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p);
       INSERT INTO p VALUES (1); INSERT INTO c VALUES (10, 1), (11, 99)`,
    );
    const ended = await place.waybill('run', source, await database('orphan'), '--json');
    assert.equal(ended.code, 3, ended.stdout);
    assert.match(ended.stdout, /reference\.broken.*11/);
    assert.deepEqual(await query('orphan', 'SELECT count(*)::int AS n FROM c'), [{ n: 2 }]);
  });

  it(
    'a full disk names what to do, leaves nothing half-visible, and the run goes on when there is room',
    { skip: mayMount() },
    async () => {
      const small = place.path('small');
      mkdirSync(small);
      mkdirSync(place.path('many'));
      for (let i = 0; i < 400; i++) writeFileSync(place.path(`many/${i}`), Buffer.alloc(20_000, `${i}`));
      writeFileSync(place.path('many/large'), Buffer.alloc(6_000_000, 'x'));
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', small]);
      try {
        const full = await place.waybill('run', './many', './small/copy', '--json');
        assert.equal(full.code, 4, full.stdout.slice(-500));
        assert.match(full.stdout, /store\.full.*then resume/s);
        assert.deepEqual(
          readdirSync(small, { recursive: true }).filter((name) => String(name).includes('.waybill')),
          [],
        );
        execFileSync('mount', ['-o', 'remount,size=64m', small]);
        assert.equal((await place.waybill('resume', 'latest', '--json')).code, 0);
        assert.equal(execFileSync('diff', ['-r', place.path('many'), `${small}/copy`]).toString(), '');
      } finally {
        execFileSync('umount', [small]);
        rmSync(small, { recursive: true });
      }
    },
  );
});

function mayMount(): string | false {
  return process.getuid?.() === 0 ? false : 'only root can mount a small file system: run the tests as root';
}
