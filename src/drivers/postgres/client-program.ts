import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ErrorCode } from '../../model/codes.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { ProgramLogin } from './connections.ts';

const debian = '/usr/lib/postgresql';
const folders = ['/usr/pgsql-18/bin', '/opt/homebrew/opt/libpq/bin', '/usr/local/opt/libpq/bin'];

/** Where pg_dump or pg_restore of at least `version` is. Throws `tool.missing`; `purpose` begins its message, `orElse`
 *  ends its hint. */
export async function findProgram(
  name: 'pg_dump' | 'pg_dumpall' | 'pg_restore',
  version: number,
  purpose = 'A backup of this server',
  orElse = 'leave `backup` out',
): Promise<string> {
  const versions = await readdir(debian).catch(() => []);
  const places = [...versions.map((each) => join(debian, each, 'bin')), ...folders].map((folder) => join(folder, name));
  let newest = 0;
  for (const program of [name, ...places]) {
    const found = await versionOf(program);
    if (found >= version) return program === name ? await onPath(name) : program;
    newest = Math.max(newest, found);
  }
  const found = newest > 0 ? `only version ${newest} of it is here` : 'it is not here';
  throw new MigrationError('tool.missing', `${purpose} needs ${name} ${version} or later, and ${found}.`, {
    hint: `apt-get install postgresql-client-${version} (from apt.postgresql.org where the distribution has an older one), or ${orElse}.`,
  });
}

async function versionOf(program: string): Promise<number> {
  const { output } = await run(program, ['--version']).catch(() => ({ output: '' }));
  return Number(/\(PostgreSQL\) (\d+)/.exec(output)?.[1] ?? 0);
}

/** The program is run with an environment of its own, so its place must be known beforehand. */
async function onPath(name: string): Promise<string> {
  const { output } = await run('/bin/sh', ['-c', `command -v ${name}`]);
  return output.trim();
}

/** Runs a client program as the store's user. Password and database reach it through its environment, never through
 *  the process list. An abort ends it. */
export async function runProgram(
  program: string,
  words: readonly string[],
  login: ProgramLogin,
  signal: AbortSignal,
): Promise<void> {
  const { host, port, user, database } = login.place;
  const env = {
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGDATABASE: database,
    PGSSLMODE: login.sslmode,
    PGCLIENTENCODING: 'UTF8',
    LC_ALL: 'C',
    PATH: '/usr/bin:/bin',
    ...(login.sslrootcert !== undefined && { PGSSLROOTCERT: login.sslrootcert }),
    ...(login.password !== '' && { PGPASSWORD: login.password }),
  };
  const { code, output } = await run(program, ['--no-password', ...words], { env, signal });
  signal.throwIfAborted();
  if (code === 0) return;
  const lines = output.split('\n').filter((line) => /error|fatal|detail/i.test(line));
  throw new MigrationError(codeOf(output), `${program} failed: ${lines.slice(0, 3).join(' ') || output.trim()}`);
}

/** What the program's own words mean; its environment makes them English. */
function codeOf(output: string): ErrorCode {
  if (/permission denied|must be (?:owner|superuser)/.test(output)) return 'store.denied';
  if (/invalid snapshot identifier|snapshot .* does not exist/.test(output)) return 'source.moved';
  if (/connection to server|server closed the connection|terminating connection|could not receive/.test(output))
    return 'store.unreachable';
  return 'store.unsupported';
}

async function run(
  program: string,
  words: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly signal?: AbortSignal } = {},
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(program, words, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => (output += part));
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, output };
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  }
}
