import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startPostgres, type PostgresServer } from '../src/testing/postgres-server.ts';
import { median } from './side-by-side.ts';
import { waybill } from './waybill-command.ts';

const rounds = 5;
const scale = 10;

/** Claim: under pgbench, less than a second from the last commit at the source to the first one possible at the target;
 *  every commit is there once. The log is synced at both ends. */
export async function cutover(folder: string): Promise<void> {
  const settings = { wal_level: 'logical', track_commit_timestamp: 'on' };
  await using source = await startPostgres({ binaries: 'system', settings });
  await using target = await startPostgres({ settings });
  for (const [title, budget] of [
    ['compared after the switch', '2s'],
    ['compared while writers wait', '60s'],
  ] as const) {
    const pauses: number[] = [];
    let words = '';
    for (let round = 1; round <= rounds; round++) {
      const one = await cutOverOnce(folder, source, target, budget, `bench_${budget}_${round}`);
      pauses.push(one.pauseMs);
      ({ words } = one);
    }
    const range = `${Math.min(...pauses).toFixed(0)}–${Math.max(...pauses).toFixed(0)}`;
    console.log(`  ${title.padEnd(34)} ${median(pauses).toFixed(0)} ms (${range})  ${words}`);
  }
}

async function cutOverOnce(
  folder: string,
  source: PostgresServer,
  target: PostgresServer,
  budget: string,
  name: string,
) {
  for (const server of [source, target]) psql(source, server.url('postgres'), `CREATE DATABASE ${name}`);
  const [from, to] = [source.url(name), target.url(name)];
  pgbench(source, ['-i', '-q', '-s', String(scale), from]);
  psql(source, from, 'ALTER TABLE pgbench_history REPLICA IDENTITY FULL');
  const schema = execFileSync(join(source.programs, 'pg_dump'), ['-s', from]);
  execFileSync(join(source.programs, 'psql'), ['-qX', '-o', '/dev/null', to], { input: schema });
  psql(source, to, 'CREATE TABLE probe (at timestamptz)');

  const state = join(folder, name);
  const start = (words: readonly string[]) => {
    const { command, environment } = waybill(state, () => words);
    const [program, ...rest] = command(0);
    return spawn(program, rest, { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'inherit'] });
  };
  const exclude = '--exclude=public.probe';
  const run = start(['run', from, to, '--strategy=hybrid', '--into=replace', exclude, `--budget=${budget}`, '--json']);
  const runEnded = once(run, 'exit');
  const load = spawn(join(source.programs, 'pgbench'), ['-n', '-c', '8', '-j', '1', '-T', '600', from], {
    stdio: 'ignore',
  });
  const loadEnded = once(load, 'exit');
  await lineWith(run, '"phase":"ready"');
  await sleep(2000);
  const probe = firstCommit(to);
  const asked = start(['cutover', 'latest', '--json']);
  const steps = stepsOf(asked);
  const [code] = (await once(asked, 'exit')) as [number];
  if (code !== 0) throw new Error(`the cutover ended with ${code}`);
  const first = await probe;
  await loadEnded;
  await runEnded;
  await using old = await connect(from);
  await using now = await connect(to);
  const last = await old.client.query<{ at: Date; n: number; tps: number }>(
    `SELECT max(pg_xact_commit_timestamp(xmin)) AS at, count(*)::int AS n,
            (count(*) FILTER (WHERE mtime > (SELECT max(mtime) FROM pgbench_history) - interval '1 s'))::int AS tps
     FROM pgbench_history`,
  );
  const have = await now.client.query<{ n: number }>('SELECT count(*)::int AS n FROM pgbench_history');
  if (have.rows[0]?.n !== last.rows[0]?.n)
    throw new Error(`${have.rows[0]?.n} of ${last.rows[0]?.n} commits are there`);
  const pauseMs = first - (last.rows[0]?.at.getTime() ?? 0);
  for (const server of [source, target]) psql(source, server.url('postgres'), `DROP DATABASE ${name} WITH (FORCE)`);
  return { pauseMs, words: `${last.rows[0]?.tps} commits/s before; ${(await steps).join(', ')}` };
}

/** Tries to commit every few milliseconds; when it could. */
async function firstCommit(url: string): Promise<number> {
  for (;;) {
    try {
      await using one = await connect(url);
      await one.client.query('INSERT INTO probe VALUES (now())');
      return Date.now();
    } catch {
      await sleep(5);
    }
  }
}

/** `frozen 80 ms`, after it was asked for. */
async function stepsOf(child: ReturnType<typeof spawn>): Promise<readonly string[]> {
  let asked = 0;
  const steps: string[] = [];
  if (!child.stdout) return steps;
  for await (const line of createInterface(child.stdout)) {
    const event = JSON.parse(line) as { type: string; step: string; at: number };
    if (event.type !== 'cutover.step') continue;
    if (event.step === 'asked') asked = event.at;
    else steps.push(`${event.step} ${event.at - asked} ms`);
  }
  return steps;
}

async function lineWith(child: ReturnType<typeof spawn>, text: string): Promise<void> {
  if (!child.stdout) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const seen: string[] = [];
  createInterface(child.stdout).on('line', (line) => {
    seen.push(line);
    if (line.includes(text)) resolve();
  });
  child.once('exit', (code) => reject(new Error(`waybill ended with ${code}: ${seen.slice(-3).join('\n')}`)));
  await promise;
}

async function connect(url: string): Promise<{ readonly client: pg.Client } & AsyncDisposable> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end().catch(() => {}) };
}

function psql({ programs }: PostgresServer, url: string, sql: string): void {
  execFileSync(join(programs, 'psql'), ['-qXc', sql, url], { stdio: ['ignore', 'ignore', 'pipe'] });
}

function pgbench({ programs }: PostgresServer, words: readonly string[]): void {
  execFileSync(join(programs, 'pgbench'), words, { stdio: ['ignore', 'ignore', 'pipe'] });
}
