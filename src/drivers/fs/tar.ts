import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { MigrationError } from '../../model/migration-error.ts';
import { systemCode } from './fs-error.ts';

/** Where the system's own programs are: what a user's PATH adds is not run. */
const systemPath = '/usr/local/bin:/usr/bin:/bin';

const wanted = ['--numeric-owner', '--acls', '--xattrs', '--xattrs-include', '--sparse'] as const;

/** Options that this machine's tar knows of those we would like. Throws `tool.missing`. */
export async function tarOptions(signal: AbortSignal, path = systemPath): Promise<readonly string[]> {
  const tar = spawn('tar', ['--help'], { stdio: ['ignore', 'pipe', 'ignore'], signal, env: { PATH: path } });
  let help = '';
  tar.stdout.setEncoding('utf8').on('data', (text: string) => (help += text));
  await finished(tar, 'say what it can do');
  if (!help.includes('--null')) throw missing(undefined);
  return wanted
    .filter((option) => help.includes(option))
    .map((option) => (option === '--xattrs-include' ? `${option}=*` : option));
}

/** Starts tar in the open directory `root`, with `file` as the archive. Its stdin is a pipe, or the archive. */
export function startTar(
  args: readonly string[],
  root: number,
  stdin: number | 'pipe',
  stdout: number | 'ignore',
  signal: AbortSignal,
): ChildProcess {
  return spawn('tar', ['--file=-', '--directory=/proc/self/fd/3', ...args], {
    stdio: [stdin, stdout, 'pipe', root],
    signal,
    env: { PATH: systemPath, LC_ALL: 'C' },
  });
}

/** Resolves when tar has done its work; rejects with what it said when it does not end well. */
export async function finished(tar: ChildProcess, doing: string): Promise<void> {
  let said = '';
  tar.stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)));
  try {
    const [status, killedBy]: unknown[] = await once(tar, 'close');
    if (status === 0) return;
    const reason = said.trim().split('\n', 1)[0] ?? '';
    throw new MigrationError(
      status === 1 ? 'item.changed' : 'internal',
      `tar could not ${doing}: ${reason || `it ended with ${String(status ?? killedBy)}`}.`,
    );
  } catch (error) {
    throw systemCode(error) === 'ENOENT' ? missing(error) : error;
  }
}

const missing = (cause: unknown): MigrationError =>
  new MigrationError('tool.missing', 'A backup of a folder needs GNU tar, and this machine has none.', {
    hint: 'Install the package tar.',
    cause,
  });
