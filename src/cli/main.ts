/** cli: the command line. It parses, shows and exits; what it does is the engine's.
 *  Promise: one clear message and the exit code of the error table for whatever goes wrong. Callers: bin/waybill.
 *  This file alone reads the environment, listens to signals and ends the process. */
import { readFile } from 'node:fs/promises';
import { CommanderError } from 'commander';
import { packageVersion } from '../package-version.ts';
import { MigrationError, toMigrationError } from '../model/migration-error.ts';
import type { Context } from './context.ts';
import { createOutput } from './output.ts';
import { createProgram } from './program.ts';
import { verbs } from './verbs.ts';

let redact = (text: string): string => text;

const words = process.argv.slice(2);
const json = words.includes('--json');
const output = createOutput({
  stdout: process.stdout,
  stderr: process.stderr,
  json,
  env: process.env,
  redact: (text) => redact(text),
});

/** A terminal sends Ctrl-C to every process of its group, and a launcher may pass it on: what comes at once is one. */
const sameSignalMilliseconds = 100;

const context: Context = {
  output,
  env: process.env,
  cwd: process.cwd(),
  version: packageVersion(),
  exit: 0,
  onSignal(listener) {
    let last = -sameSignalMilliseconds;
    const heard = () => {
      const now = performance.now();
      if (now - last >= sameSignalMilliseconds) listener();
      last = now;
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    for (const signal of signals) process.on(signal, heard);
    return {
      [Symbol.dispose]() {
        for (const signal of signals) process.off(signal, heard);
      },
    };
  },
  quit: (code) => process.exit(code),
  async registry() {
    const [{ createRegistry }, { drivers }] = await Promise.all([
      import('../store/registry.ts'),
      import('../drivers/all.ts'),
    ]);
    return createRegistry(drivers);
  },
  async openEngine(stateFolder) {
    const [{ createSecretKeeper }, { openWaybill }] = await Promise.all([
      import('../config/secrets.ts'),
      import('../open-waybill.ts'),
    ]);
    const secrets = createSecretKeeper({ env: process.env, readFile: (path) => readFile(path, 'utf8') });
    redact = (text) => secrets.redact(text);
    return openWaybill({ stateFolder, secrets });
  },
};

async function main(): Promise<number> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', leaveIfClosed);
  try {
    const verb = words.find((word) => !word.startsWith('-'));
    const asked = verb === 'help' ? words[words.indexOf(verb) + 1] : verb;
    const program = await createProgram(context, verbs.find(({ name }) => name === asked)?.name);
    if (words.length === 0) program.help();
    if (json) silence(program);
    await program.parseAsync(words, { from: 'user' });
    return context.exit;
  } catch (error) {
    if (error instanceof CommanderError) return usageExit(error);
    const known = isAbort(error)
      ? new MigrationError('run.paused', 'Stopped before anything was moved.')
      : toMigrationError(error);
    output.error(known);
    if (known.code === 'internal') traceBack(error);
    return known.exit;
  }
}

/** What nobody foresaw is worth a report, and a report wants to know where. */
function traceBack(error: unknown): void {
  const stack = error instanceof Error ? error.stack : undefined;
  output.remark(context.env['WAYBILL_DEBUG'] && stack ? stack : '  WAYBILL_DEBUG=1 shows where it happened.');
}

/** commander has printed its own message for people; with --json it is printed here. */
function usageExit(error: CommanderError): number {
  if (error.exitCode === 0 || error.code === 'commander.help') return 0;
  const [message = '', hint] = error.message.replace(/^error: /, '').split('\n');
  if (json) output.error(new MigrationError('config.invalid', message, hint === undefined ? {} : { hint }));
  return 2;
}

function silence(program: Awaited<ReturnType<typeof createProgram>>): void {
  for (const command of [program, ...program.commands]) command.configureOutput({ writeErr: () => {} });
}

/** Whoever reads us has enough (`waybill runs | head`): no error. */
function leaveIfClosed(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(context.exit);
  throw error;
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

process.exitCode = await main();
