import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, closeSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPostgres, type PostgresServer } from '../src/testing/postgres-server.ts';
import { printTimings, sideBySide, timed, type Contender } from './side-by-side.ts';
import { waybill } from './waybill-command.ts';

const rows = 2_000_000;

/** Aims, verification and a look at every value included: CSV to PostgreSQL at least as fast as psql's \copy; CSV to Parquet within 10 % of
 *  DuckDB's own COPY; PostgreSQL to Parquet at least 3× a Python loop. Memory does not grow with the table. */
export async function tabular(folder: string): Promise<void> {
  chmodSync(folder, 0o755);
  const [csv, large] = [join(folder, 'mixed.csv'), join(folder, 'large.csv')];
  writeRows(csv, rows);
  const state = join(folder, 'state');
  await using server = await startPostgres({ binaries: 'system' });

  console.log('  CSV to PostgreSQL');
  printTimings(
    await sideBySide(
      [
        {
          ...waybill(state, () => ['run', `csv:${csv}`, server.url('carried')]),
          prepare: () => recreate(server, 'carried'),
        },
        {
          name: 'psql \\copy into a table that is there',
          command: () => [
            join(server.programs, 'psql'),
            '-qc',
            `\\copy mixed from '${csv}' csv header`,
            server.url('loaded'),
          ],
          prepare: () => {
            recreate(server, 'loaded');
            psql(server, 'loaded', createTable);
          },
        },
      ],
      3,
    ),
    rows,
  );

  console.log('  CSV to Parquet, zstd');
  const lake = (round: number): string => join(folder, `lake-${round}`);
  printTimings(
    await sideBySide(
      [
        waybill(state, (round) => ['run', `csv:${csv}`, `parquet:${lake(round)}`]),
        duckdbCopy(csv, (round) => join(folder, `duckdb-${round}.parquet`)),
      ],
      3,
    ),
    rows,
  );

  console.log('  PostgreSQL to Parquet');
  recreate(server, 'loaded');
  psql(server, 'loaded', createTable);
  psql(server, 'loaded', `\\copy mixed from '${csv}' csv header`);
  const contenders = [
    waybill(state, (round) => ['run', server.url('loaded'), `parquet:${join(folder, `out-${round}`)}`]),
    ...pythonLoops(server.url('loaded'), folder),
  ];
  printTimings(await sideBySide(contenders, 3), rows);

  writeRows(large, rows * 4);
  const { seconds, peakMiB } = await timed(
    waybill(state, () => ['run', `csv:${large}`, `parquet:${join(folder, 'large')}`]),
  );
  console.log(`  waybill, CSV to Parquet, 4× the rows: ${seconds.toFixed(2)} s, ${Math.round(peakMiB)} MiB`);
  const size = (path: string): string => `${Math.round(statSync(path).size / 2 ** 20)} MiB`;
  console.log(`  CSV of ${size(large)} became Parquet of ${size(join(folder, 'large/large.parquet'))}`);
  for (const path of [csv, large]) rmSync(path);
}

const createTable = `CREATE TABLE mixed (id bigint, name text, email text, amount numeric(18,2), score numeric(18,6),
  created timestamp, born date, active boolean, note text, quantity bigint)`;

function psql(server: PostgresServer, database: string, command: string): void {
  execFileSync(join(server.programs, 'psql'), ['-qc', command, server.url(database)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

function recreate(server: PostgresServer, database: string): void {
  for (const sql of [`DROP DATABASE IF EXISTS ${database}`, `CREATE DATABASE ${database}`, 'CHECKPOINT']) {
    psql(server, 'postgres', sql);
  }
}

/** DuckDB in a process of its own, as its users call it. */
function duckdbCopy(csv: string, target: (round: number) => string): Contender {
  const library = fileURLToPath(import.meta.resolve('@duckdb/node-api'));
  return {
    name: "DuckDB's COPY",
    command: (round) => [
      process.execPath,
      '--input-type=module',
      '-e',
      `import { DuckDBInstance } from ${JSON.stringify(library)};
       const connection = await (await DuckDBInstance.create()).connect();
       await connection.run(\`COPY (FROM read_csv('${csv}')) TO '${target(round)}' (FORMAT parquet, COMPRESSION zstd)\`);`,
    ],
  };
}

/** What people write: a server-side cursor, blocks of rows, pandas, one Parquet writer. */
function pythonLoops(url: string, folder: string): readonly Contender[] {
  const python = process.env['WAYBILL_BENCH_PYTHON'] ?? 'python3';
  if (spawnSync(python, ['-c', 'import pandas, pyarrow, psycopg']).status !== 0) {
    console.log('  (no Python with pandas, pyarrow and psycopg: set WAYBILL_BENCH_PYTHON to one to measure it too)');
    return [];
  }
  const script = join(folder, 'loop.py');
  writeFileSync(
    script,
    `import sys
import pandas, psycopg, pyarrow, pyarrow.parquet
schema = pyarrow.schema([("id", "int64"), ("name", "string"), ("email", "string"), ("amount", pyarrow.decimal128(18, 2)),
    ("score", pyarrow.decimal128(18, 6)), ("created", pyarrow.timestamp("us")), ("born", pyarrow.date32()),
    ("active", "bool"), ("note", "string"), ("quantity", "int64")])
writer = None
with psycopg.connect(sys.argv[1]) as connection, connection.cursor(name="rows") as cursor:
    cursor.itersize = 50000
    cursor.execute("SELECT * FROM mixed")
    while block := cursor.fetchmany(50000):
        frame = pandas.DataFrame(block, columns=[column.name for column in cursor.description])
        table = pyarrow.Table.from_pandas(frame, schema=schema, preserve_index=False)
        writer = writer or pyarrow.parquet.ParquetWriter(sys.argv[2], schema, compression="zstd")
        writer.write_table(table)
writer.close()
`,
  );
  return [
    {
      name: 'Python loop (psycopg, pandas)',
      command: (round) => [python, script, url, join(folder, `python-${round}.parquet`)],
    },
  ];
}

/** Ten columns of eight types, NULLs, text beyond ASCII, quotes; about 130 bytes a row. */
function writeRows(path: string, count: number): void {
  const file = openSync(path, 'w');
  let text = 'id,name,email,amount,score,created,born,active,note,quantity\n';
  for (let i = 1; i <= count; i++) {
    const note = i % 5 === 0 ? '' : `"a longer note, number ${i}, that ""says"" more"`;
    text += `${i},name ${i} Ωμέγα,user${i}@example.com,${(((i * 7919) % 1e7) / 100).toFixed(2)},${(i / 7).toFixed(6)},2024-0${1 + (i % 9)}-1${i % 9} 0${i % 9}:1${i % 9}:2${i % 9},19${50 + (i % 49)}-0${1 + (i % 9)}-11,${i % 2 === 0},${note},${(i * 13) % 100_000}\n`;
    if (text.length < 1e6) continue;
    writeSync(file, text);
    text = '';
  }
  writeSync(file, text);
  closeSync(file);
}
