import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startMariadb, type MariadbServer } from '../src/testing/mariadb-server.ts';
import { startPostgres, type PostgresServer } from '../src/testing/postgres-server.ts';
import { printTimings, sideBySide, timed } from './side-by-side.ts';
import { waybill } from './waybill-command.ts';

const rows = Number(process.env['BENCH_ROWS'] ?? 5_000_000);

/** Aim: at least 5× pgloader's rows per second and 1.3× a pipe of both clients with digests and verification
 *  included, 6× and 1.5× without verification, in under 300 MiB at any table size. */
export async function mysqlToPostgres(folder: string): Promise<void> {
  chmodSync(folder, 0o755);
  await using source = await startMariadb({
    settings: { 'innodb-buffer-pool-size': '2G', 'innodb-flush-log-at-trx-commit': '2', 'skip-log-bin': 'ON' },
  });
  await using target = await startPostgres({
    binaries: 'system',
    settings: { max_wal_size: '8GB', shared_buffers: '512MB' },
  });
  writeRows(source, rows);
  // With pgloader's own numbers its heap is exhausted by these rows.
  const load = join(folder, 'pgloader.load');
  writeFileSync(
    load,
    `LOAD DATABASE FROM mysql://root@127.0.0.1:${source.port}/bench INTO ${target.url('loaded').replace('postgres:', 'pgsql:')}
     WITH include drop, create tables, create indexes, reset sequences, workers = 2, concurrency = 1,
          prefetch rows = 10000, batch rows = 10000
     ALTER SCHEMA 'bench' RENAME TO 'public';`,
  );
  const state = join(folder, 'state');
  const carry = (database: string, ...more: string[]) => ({
    ...waybill(state, () => ['run', source.url('bench'), target.url(database), ...more]),
    prepare: () => recreate(target, database),
  });
  const contenders = [
    { ...carry('verified'), name: 'waybill, verified by digests' },
    { ...carry('counted', '--verify', 'counts'), name: 'waybill, verified by counts' },
    {
      name: 'mariadb | psql',
      command: () => ['sh', '-c', pipe(source, target)] as const,
      prepare: () => {
        recreate(target, 'piped');
        run(target, 'piped', pipedTable);
      },
    },
    { name: 'pgloader', command: () => ['pgloader', load] as const, prepare: () => recreate(target, 'loaded') },
  ];
  printTimings(await sideBySide(contenders, 3), rows);

  query(source, `INSERT INTO mixed (${columns}) SELECT ${columns} FROM mixed`);
  recreate(target, 'verified');
  const { seconds, peakMiB } = await timed(carry('verified'));
  console.log(
    `  waybill, 2× the rows                ${seconds.toFixed(2)} s, ${Math.round((rows * 2) / seconds / 1000)}k rows/s, ${Math.round(peakMiB)} MiB`,
  );
}

const columns = 'customer, name, email, amount, score, created, changed, born, active, note, content, quantity';

/** Thirteen columns of eleven types, NULLs, text beyond ASCII, about 200 bytes a row. */
function writeRows(server: MariadbServer, count: number): void {
  query(
    server,
    `CREATE DATABASE bench CHARACTER SET utf8mb4; USE bench;
     CREATE TABLE mixed (
       id INT AUTO_INCREMENT PRIMARY KEY, customer BIGINT NOT NULL, name VARCHAR(60) NOT NULL, email VARCHAR(60),
       amount DECIMAL(12,2) NOT NULL, score DOUBLE, created DATETIME(3) NOT NULL, changed TIMESTAMP NOT NULL,
       born DATE, active TINYINT(1) NOT NULL, note TEXT, content VARBINARY(20), quantity SMALLINT UNSIGNED);
     INSERT INTO mixed SELECT seq, seq * 7919, CONCAT('name ', seq, ' Ωμέγα'), CONCAT('user', seq, '@example.com'),
       (seq * 7919 % 10000000) / 100, seq / 7, '2024-01-01' + INTERVAL seq % 30000000 SECOND, '2023-01-01' + INTERVAL seq % 20000000 SECOND,
       '1950-01-01' + INTERVAL seq % 20000 DAY, seq % 2, IF(seq % 5, CONCAT('some longer note text with number ', seq, ' and more'), NULL),
       IF(seq % 3, UNHEX(MD5(seq)), NULL), seq % 60000 FROM seq_1_to_${count}`,
  );
}

const pipedTable = `CREATE TABLE mixed (id int PRIMARY KEY, customer bigint, name varchar(60), email varchar(60),
  amount numeric(12,2), score double precision, created timestamp, changed timestamptz, born date, active smallint,
  note text, content bytea, quantity int)`;

/** What a careful person types: NULLs and bytes are spelled as COPY wants them, by the server. */
function pipe(source: MariadbServer, target: PostgresServer): string {
  const bytes = `IF(content IS NULL, NULL, CONCAT('\\\\\\\\x', HEX(content)))`;
  const select = `SET time_zone='+00:00'; SELECT id, customer, name, email, amount, score, created, changed, born, active, note, ${bytes}, quantity FROM bench.mixed`;
  const psql = join(target.programs, 'psql');
  return `mariadb -h127.0.0.1 -P${source.port} -uroot --default-character-set=utf8mb4 -N -B --quick -e "${select}" | ${psql} -qc "COPY mixed FROM STDIN (NULL 'NULL')" ${target.url('piped')}`;
}

const query = (server: MariadbServer, sql: string): void => {
  execFileSync('mariadb', ['-h127.0.0.1', `-P${server.port}`, '-uroot', '--default-character-set=utf8mb4', 'mysql'], {
    input: sql.startsWith('CREATE') ? sql : `USE bench; ${sql}`,
  });
};

const run = (server: PostgresServer, database: string, sql: string): void => {
  execFileSync(join(server.programs, 'psql'), ['-qc', sql, server.url(database)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
};

function recreate(server: PostgresServer, database: string): void {
  for (const sql of [`DROP DATABASE IF EXISTS ${database}`, `CREATE DATABASE ${database}`, 'CHECKPOINT'])
    run(server, 'postgres', sql);
}
