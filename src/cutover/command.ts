import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { MigrationError } from '../model/migration-error.ts';

/** Runs the program that points clients to the target: no shell, nothing to read, its output not kept (it may hold
 *  secrets). Throws `cutover.command-failed`; an abort ends it and throws the signal's reason. */
export async function runCommand(command: readonly string[], signal: AbortSignal): Promise<void> {
  const [program = '', ...args] = command;
  try {
    const child = spawn(program, args, { stdio: 'ignore', signal, killSignal: 'SIGKILL' });
    const [code, killed] = (await once(child, 'close')) as [number | null, string | null];
    signal.throwIfAborted();
    if (code !== 0) throw new Error(killed ? `was ended by ${killed}` : `ended with ${code}`);
  } catch (cause) {
    signal.throwIfAborted();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MigrationError('cutover.command-failed', `The cutover's command ${program} failed: ${reason}.`, {
      hint: 'The source was let go on. Correct the command and ask for the cutover again.',
      cause,
    });
  }
}
