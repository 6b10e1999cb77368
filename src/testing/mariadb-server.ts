import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chown, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MigrationError } from '../model/migration-error.ts';

export interface MariadbServerOptions {
  /** Data is kept here from one start to the next. Default: a temporary folder, removed at the end. When root starts
   *  the server, an unprivileged user must be able to reach this folder. */
  readonly folder?: string;
  /** Taken if it is free; else, and by default, any free one. */
  readonly port?: number;
  /** Asked from user root, the only one. Default: none. Counts only when the data is made. */
  readonly password?: string;
  /** Lines of my.cnf without dashes, such as `{ max_connections: '20' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface MariadbServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly pid: number;
  /** `mysql://root@127.0.0.1:PORT/DATABASE`, without password. */
  url(database?: string): string;
  /** Ends the server as a power cut would: SIGKILL. */
  crash(): Promise<void>;
}

const serverProgram = '/usr/sbin/mariadbd';
const installProgram = '/usr/bin/mariadb-install-db';

/** Is Debian's MariaDB server installed? */
export const hasMariadb = (): boolean => existsSync(serverProgram) && existsSync(installProgram);

/** Starts Debian's MariaDB server on a free loopback port, with a binary log in row format, ready when it resolves.
 *  Commits survive a power cut unless `settings` say otherwise. Root starts it as user mysql or nobody. Disposing ends
 *  it by its process id. */
export async function startMariadb(options: MariadbServerOptions = {}): Promise<MariadbServer> {
  if (!hasMariadb()) {
    throw new MigrationError('tool.missing', `There is no MariaDB server at ${serverProgram}.`, {
      hint: 'apt-get install mariadb-server',
    });
  }
  const owner = await unprivileged();
  const base = options.folder ?? (await mkdtemp(join(tmpdir(), 'waybill-mariadb-')));
  await mkdir(base, { recursive: true });
  if (owner) await chown(base, owner.uid, owner.gid);
  const data = join(base, 'data');
  await stopLeftover(base);
  if (!existsSync(join(data, 'mysql'))) await initialise(base, data, options.password, owner);
  const { child, port } = await launch(base, data, options, owner);
  const pid = child.pid ?? 0;
  const killAtExit = () => void endProcess(pid, 'SIGKILL');
  process.once('exit', killAtExit);
  const ended = once(child, 'exit');
  const end = async (signal: NodeJS.Signals) => {
    process.off('exit', killAtExit);
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    endProcess(pid, signal);
    await ended;
  };
  return {
    host: '127.0.0.1',
    port,
    user: 'root',
    pid,
    url: (database = '') => `mysql://root@127.0.0.1:${port}/${encodeURIComponent(database)}`,
    crash: () => end('SIGKILL'),
    async [Symbol.asyncDispose]() {
      // Data that is removed anyway needs no orderly end.
      await end(options.folder === undefined ? 'SIGKILL' : 'SIGTERM');
      if (options.folder === undefined) await rm(base, { recursive: true, force: true });
    },
  };
}

type Owner = { readonly uid: number; readonly gid: number } | undefined;

async function unprivileged(): Promise<Owner> {
  if (process.getuid?.() !== 0) return undefined;
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const line = lines.find(([name]) => name === 'mysql') ?? lines.find(([name]) => name === 'nobody');
  return { uid: Number(line?.[2] ?? 65534), gid: Number(line?.[3] ?? 65534) };
}

async function initialise(base: string, data: string, password: string | undefined, owner: Owner): Promise<void> {
  await run(
    installProgram,
    [
      '--no-defaults',
      `--datadir=${data}`,
      `--tmpdir=${await temporaryFolder(base, owner)}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      '--skip-log-bin',
    ],
    base,
    owner,
  );
  // Runs once, in the server's first life: what it holds must not stay in a file.
  const init = join(base, 'init.sql');
  const identified = password === undefined ? '' : ` IDENTIFIED BY '${password.replace(/['\\]/g, '\\$&')}'`;
  await writeFile(
    init,
    `GRANT ALL ON *.* TO root@'127.0.0.1'${identified} WITH GRANT OPTION;\nDELETE FROM mysql.global_priv WHERE User IN ('', 'mariadb.sys') AND Host <> 'localhost';\nFLUSH PRIVILEGES;\n`,
    { mode: 0o600 },
  );
  if (owner) await chown(init, owner.uid, owner.gid);
}

async function temporaryFolder(base: string, owner: Owner): Promise<string> {
  const folder = join(base, 'tmp');
  await mkdir(folder, { recursive: true });
  if (owner) await chown(folder, owner.uid, owner.gid);
  return folder;
}

async function launch(
  base: string,
  data: string,
  { port: wished, settings }: MariadbServerOptions,
  owner: Owner,
): Promise<{ child: ChildProcess; port: number }> {
  const port = await freePort(wished ?? 0).catch(() => freePort(0));
  const init = join(base, 'init.sql');
  const all = {
    datadir: data,
    // Its own: a server that starts removes all temporary tables that it finds, those of other servers too.
    tmpdir: await temporaryFolder(base, owner),
    port: String(port),
    'bind-address': '127.0.0.1',
    socket: join(base, 'socket'),
    'pid-file': join(base, 'pid'),
    'log-bin': 'binlog',
    'binlog-format': 'row',
    'server-id': '1',
    'skip-name-resolve': 'ON',
    'innodb-buffer-pool-size': '256M',
    ...(existsSync(init) && { 'init-file': init }),
    ...settings,
  };
  const words = Object.entries(all).map(([name, value]) => `--${name}=${value}`);
  await using log = await open(join(base, 'log'), 'w');
  const child = spawn(serverProgram, ['--no-defaults', ...words], {
    ...owner,
    cwd: base,
    // Its own process group: Ctrl-C in the terminal pauses the run, and the server outlives the pause.
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  child.unref();
  await once(child, 'spawn');
  while (child.exitCode === null && child.signalCode === null) {
    if (await accepts(port)) {
      await rm(init, { force: true });
      return { child, port };
    }
    await sleep(20);
  }
  const text = await readFile(join(base, 'log'), 'utf8');
  throw new Error(`MariaDB did not start: ${text.trim().split('\n').slice(-5).join(' / ')}`);
}

/** Sends the server its greeting? Then its init file has run. */
async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket
    .once('data', () => resolve(true))
    .once('error', () => resolve(false))
    .once('close', () => resolve(false));
  const found = await promise;
  socket.destroy();
  return found;
}

/** A server left behind in this folder by a process that was killed. */
async function stopLeftover(base: string): Promise<void> {
  const pid = Number(await readFile(join(base, 'pid'), 'utf8').catch(() => ''));
  if (!(pid > 0)) return;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  if (!commandLine.includes(base) || !endProcess(pid, 'SIGTERM')) return;
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

async function run(program: string, words: readonly string[], cwd: string, owner: Owner): Promise<void> {
  const child = spawn(program, words, { ...owner, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${text.trim().split('\n').slice(-5).join(' / ')}`);
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
