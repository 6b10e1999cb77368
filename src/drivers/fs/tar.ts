import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { MigrationError } from '../../model/migration-error.ts';
import { systemCode } from './fs-error.ts';

const wanted = ['--numeric-owner', '--acls', '--xattrs', '--sparse'] as const;

/** Options that this machine's tar knows of those we would like. Throws `tool.missing`. */
export async function tarOptions(signal: AbortSignal): Promise<readonly string[]> {
  const { stdout } = startTar(['--help'], ['ignore', 'pipe', 'ignore'], signal);
  let help = '';
  try {
    for await (const text of stdout?.setEncoding('utf8') ?? []) help += text;
  } catch (cause) {
    throw missing(cause);
  }
  if (!help.includes('--null')) throw missing(undefined);
  return wanted.filter((option) => help.includes(option));
}

/** Starts tar; failure() rejects with what it said when it does not end well. */
export function startTar(args: readonly string[], stdio: StdioOptions, signal: AbortSignal): ChildProcess {
  return spawn('tar', args, { stdio, signal, env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' } });
}

/** Resolves when tar has done its work. */
export async function finished(tar: ChildProcess, doing: string, path: string): Promise<void> {
  let said = '';
  tar.stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)));
  try {
    const [status, killedBy] = (await once(tar, 'close')) as [number | null, string | null];
    if (status === 0) return;
    const reason = said.trim().split('\n').at(-1) ?? '';
    throw new MigrationError(
      status === 1 ? 'item.changed' : 'internal',
      `tar could not ${doing} ${path}: ${reason || `it ended with ${status ?? killedBy}`}.`,
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
