import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startPostgres, systemPostgres, type PostgresServer } from '../src/testing/postgres-server.ts';
import { median, printTimings, sideBySide, type Contender, type Timing } from './side-by-side.ts';
import { waybill } from './waybill-command.ts';

/** Size of pgbench's database: 100 000 rows each. `WAYBILL_BENCH_SCALE=10` for a quick look. */
const scale = Number(process.env['WAYBILL_BENCH_SCALE'] ?? 100);
const rounds = Number(process.env['WAYBILL_BENCH_ROUNDS'] ?? 3);
const mixedRows = scale * 50_000;

/** The same for both servers, and usual for a load; what is confirmed survives a power cut. */
const settings = { shared_buffers: '512MB', max_wal_size: '8GB', checkpoint_timeout: '30min' };

/** Claims: one table of 10 M rows at least 1.3× as fast as pgcopydb, 1.5× pg_dump and pg_restore, 1.05× two piped psql;
 *  verification costs at most a quarter more; a table of mixed types at least 1.4× psql's text pipe and 1.0× its binary
 *  pipe; under 200 MiB. Needs Debian's postgresql and pgcopydb. */
export async function postgresClone(folder: string): Promise<void> {
  const programs = systemPostgres();
  if (programs === undefined) throw new Error('this bench needs Debian’s postgresql');
  chmodSync(folder, 0o755);
  await using from = await startPostgres({ binaries: programs, folder: join(folder, 'from'), settings });
  await using to = await startPostgres({ binaries: programs, folder: join(folder, 'to'), settings });
  const bench: Bench = { folder, programs, from, to };

  execFileSync(join(programs, 'pgbench'), ['-iq', '-I', 'dtGv', '-s', String(scale), from.url()], { stdio: 'ignore' });
  psql(bench, from, 'DROP TABLE pgbench_branches, pgbench_tellers, pgbench_history');
  console.log(`  pgbench_accounts, ${scale * 100_000} rows`);
  report(
    await sideBySide(
      [
        ours(bench, 'waybill', 'pgbench_accounts', 'counts'),
        ours(bench, 'waybill, verified', 'pgbench_accounts', 'digests'),
        theirs(bench, 'pgcopydb', 'pgbench_accounts', pgcopydb(bench)),
        theirs(bench, 'pg_dump -Fd -j2, pg_restore -j2', 'pgbench_accounts', dumpAndRestore(bench, 'pgbench_accounts')),
        theirs(bench, 'two psql pipes, binary', 'pgbench_accounts', pipes(bench, 'pgbench_accounts', 'binary', 2)),
        theirs(bench, 'one psql pipe, binary', 'pgbench_accounts', pipes(bench, 'pgbench_accounts', 'binary', 1)),
      ],
      rounds,
    ),
    scale * 100_000,
  );

  psql(bench, from, `DROP TABLE pgbench_accounts; ${mixedSql}`);
  console.log(`  mixed types, ${mixedRows} rows`);
  report(
    await sideBySide(
      [
        ours(bench, 'waybill', 'mixed', 'counts'),
        ours(bench, 'waybill, verified', 'mixed', 'digests'),
        theirs(bench, 'psql pipe, text', 'mixed', pipes(bench, 'mixed', 'text', 1)),
        theirs(bench, 'psql pipe, binary', 'mixed', pipes(bench, 'mixed', 'binary', 1)),
        theirs(bench, 'two psql pipes, binary', 'mixed', pipes(bench, 'mixed', 'binary', 2)),
      ],
      rounds,
    ),
    mixedRows,
  );
}

interface Bench {
  readonly folder: string;
  readonly programs: string;
  readonly from: PostgresServer;
  readonly to: PostgresServer;
}

const mixedSql = `
  CREATE TABLE mixed AS SELECT i::bigint AS id, i % 1000 AS small, (i::bigint * 7919 % 10000000)::numeric(12, 2) / 100 AS amount, i / 7.0::float8 AS score,
    timestamptz '2020-01-01' + i * interval '1 min' AS made, date '1950-01-01' + i % 20000 AS born, i % 2 = 0 AS active,
    'name ' || i AS name, repeat('lorem ipsum ', i % 8) AS note, md5(i::text)::uuid AS code,
    jsonb_build_object('id', i, 'tags', jsonb_build_array('a', i % 10)) AS data
  FROM generate_series(1, ${mixedRows}) i; VACUUM ANALYZE mixed`;

function psql({ programs }: Pick<Bench, 'programs'>, server: PostgresServer, sql: string): void {
  const words = sql.split(';').flatMap((each) => (each.trim() === '' ? [] : ['-c', each]));
  execFileSync(join(programs, 'psql'), ['-Xq', '-v', 'ON_ERROR_STOP=1', ...words, server.url()], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

/** Waybill makes the table itself, the others find it. */
function ours(bench: Bench, name: string, table: string, depth: string): Contender {
  const { folder, from, to } = bench;
  const words = ['run', from.url(), to.url(), '--include', `public.${table}`, '--verify', depth];
  return { ...waybill(join(folder, 'state'), () => words), name, prepare: () => empty(bench) };
}

function theirs(bench: Bench, name: string, table: string, script: string): Contender {
  return {
    name,
    command: () => ['bash', '-c', `set -e -o pipefail; export PATH=${bench.programs}:$PATH; ${script}`],
    prepare() {
      empty(bench);
      const create = execFileSync(join(bench.programs, 'pg_dump'), ['-s', '-t', table, bench.from.url()]);
      execFileSync(join(bench.programs, 'psql'), ['-Xq', bench.to.url()], {
        input: create,
        stdio: ['pipe', 'ignore', 'pipe'],
      });
      rmSync(join(bench.folder, 'scratch'), { recursive: true, force: true });
      mkdirSync(join(bench.folder, 'scratch'));
    },
  };
}

function empty(bench: Bench): void {
  psql(
    bench,
    bench.to,
    'DROP SCHEMA IF EXISTS _waybill CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public; CHECKPOINT',
  );
}

const pgcopydb = ({ folder, from, to }: Bench): string =>
  `pgcopydb copy table-data --dir ${folder}/scratch/pgcopydb --table-jobs 2 --split-tables-larger-than 200MB --source '${from.url()}' --target '${to.url()}'`;

const dumpAndRestore = ({ folder, from, to }: Bench, table: string): string =>
  `pg_dump -a -Fd -j2 -t ${table} -f ${folder}/scratch/dump '${from.url()}'; pg_restore -a -j2 -d '${to.url()}' ${folder}/scratch/dump`;

/** Copies by that many pipes at once, each a part of the table's pages. */
function pipes({ from, to }: Bench, table: string, format: 'binary' | 'text', count: number): string {
  const to_ = `psql -Xqc 'COPY ${table} FROM STDIN (FORMAT ${format})' '${to.url()}'`;
  if (count === 1) return `psql -Xqc 'COPY ${table} TO STDOUT (FORMAT ${format})' '${from.url()}' | ${to_}`;
  const half = `$(psql -XAtc "SELECT pg_relation_size('${table}') / 8192 / 2" '${from.url()}')`;
  const part = (condition: string) =>
    `psql -Xqc "COPY (SELECT * FROM ${table} WHERE ctid ${condition}) TO STDOUT (FORMAT ${format})" '${from.url()}' | ${to_}`;
  return `half=${half}; (${part(`< '($half,0)'`)}) & (${part(`>= '($half,0)'`)}); wait $!`;
}

function report(timings: readonly Timing[], rows: number): void {
  printTimings(timings, rows);
  const [copied, verified] = timings.map(({ seconds }) => median(seconds));
  if (copied !== undefined && verified !== undefined)
    console.log(`  verification costs ${Math.round((verified / copied - 1) * 100)} % more`);
}
