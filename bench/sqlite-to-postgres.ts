import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { startPostgres, type PostgresServer } from '../src/testing/postgres-server.ts';
import { printTimings, sideBySide, timed } from './side-by-side.ts';
import { waybill } from './waybill-command.ts';

const rows = 2_000_000;

/** Claim: at least 3× pgloader's rows per second with verification included, in under 300 MiB at any table size. */
export async function sqliteToPostgres(folder: string): Promise<void> {
  chmodSync(folder, 0o755);
  const [small, large] = [join(folder, 'small.db'), join(folder, 'large.db')];
  writeRows(small, rows);
  await using server = await startPostgres({ binaries: 'system' });
  const load = join(folder, 'pgloader.load');
  writeFileSync(
    load,
    `LOAD DATABASE FROM sqlite://${small} INTO ${server.url('loaded').replace('postgres:', 'pgsql:')}
     WITH include drop, create tables, create indexes, reset sequences;`,
  );
  const ours = {
    ...waybill(join(folder, 'state'), () => ['run', `sqlite:${small}`, server.url('carried')]),
    prepare: () => recreate(server, 'carried'),
  };
  const theirs = {
    name: 'pgloader',
    command: () => ['pgloader', load] as const,
    prepare: () => recreate(server, 'loaded'),
  };
  printTimings(await sideBySide([ours, theirs], 3), rows);

  writeRows(large, rows * 4);
  recreate(server, 'carried');
  const { seconds, peakMiB } = await timed(
    waybill(join(folder, 'state'), () => ['run', `sqlite:${large}`, server.url('carried')]),
  );
  console.log(
    `  waybill, 4× the rows                ${seconds.toFixed(2)} s, ${Math.round((rows * 4) / seconds / 1000)}k rows/s, ${Math.round(peakMiB)} MiB`,
  );
}

function recreate(server: PostgresServer, database: string): void {
  for (const sql of [`DROP DATABASE IF EXISTS ${database}`, `CREATE DATABASE ${database}`, 'CHECKPOINT']) {
    execFileSync(join(server.programs, 'psql'), ['-qc', sql, server.url('postgres')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  }
}

/** Eleven columns of eight types, NULLs, text beyond ASCII, about 160 bytes a row. */
function writeRows(path: string, count: number): void {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA synchronous = OFF; BEGIN; CREATE TABLE mixed (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT, amount DECIMAL(12,2), score REAL, created DATETIME,
    born DATE, active BOOLEAN, note TEXT, content BLOB, quantity INTEGER)`);
  const insert = database.prepare('INSERT INTO mixed VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  for (let i = 1; i <= count; i++) {
    insert.run(
      i,
      `name ${i} Ωμέγα`,
      `user${i}@example.com`,
      ((i * 7919) % 1e7) / 100,
      i / 7,
      `2024-0${1 + (i % 9)}-1${i % 9} 0${i % 9}:1${i % 9}:2${i % 9}`,
      `19${50 + (i % 49)}-0${1 + (i % 9)}-11`,
      i % 2,
      i % 5 ? `some longer note text with number ${i} and more` : null,
      i % 3 ? new Uint8Array([1, 2, 3, i & 255, 0, 255, 7, 8]) : null,
      (i * 13) % 100_000,
    );
  }
  database.exec('COMMIT');
  database.close();
}
