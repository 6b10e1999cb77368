import { InvalidArgumentError, type Command } from 'commander';
import type { JobOverrides } from '../config/config.ts';
import {
  cutoverTimes,
  ddlChoices,
  depths,
  followModes,
  intos,
  strategies,
  writerChoices,
  type Job,
} from '../model/job.ts';
import { MigrationError } from '../model/migration-error.ts';
import type { Context } from './context.ts';

/** Flags of `plan` and `run`, by the keys of the job file. Absent: as the job file says, or its default. */
export interface JobOptions {
  readonly strategy?: string;
  readonly into?: string;
  readonly verify?: string;
  readonly deletions?: true;
  readonly backup?: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly chunk?: string;
  readonly limit?: string;
  readonly follow?: string;
  readonly ddl?: string;
  readonly keep?: string;
  readonly cutover?: string;
  readonly budget?: string;
  readonly writers?: string;
  readonly wait?: string;
  readonly reverse?: true;
  readonly cutoverCommand?: readonly string[];
  readonly workers?: number;
  readonly maxQuarantine?: number;
  readonly name?: string;
  readonly fromOption?: Readonly<Record<string, string>>;
  readonly toOption?: Readonly<Record<string, string>>;
}

/** Gives a command its arguments (a job file, or FROM and TO) and the flags that go over the file's values. */
export function addJobOptions(command: Command): Command {
  return command
    .argument('[from]', 'source address; or, alone, the path of a job file (waybill.yaml)')
    .argument('[to]', 'target address')
    .usage('[JOB.yaml | FROM TO] [options]')
    .option('--strategy <name>', strategies.join(' | '))
    .option('--into <what>', `what happens to what the target already holds: ${intos.join(' | ')}`)
    .option('--verify <depth>', `how the result is proven: ${depths.join(' | ')}`)
    .option('--deletions', 'incremental: remove at the target what the source no longer has')
    .option('--backup <folder>', 'keep there what the run replaces, for `waybill restore`')
    .option('--include <pattern>', 'only items whose key matches (may be repeated)', collect)
    .option('--exclude <pattern>', 'not the items whose key matches (may be repeated)', collect)
    .option('--chunk <size>', 'wished size of a chunk, for example 64MiB')
    .option('--limit <rate>', 'most bytes read per second, for example 50MB/s')
    .option('--follow <mode>', `hybrid: ${followModes.join(' | ')}`)
    .option('--ddl <what>', `hybrid, when a definition changes at the source: ${ddlChoices.join(' | ')}`)
    .option('--keep <size>', 'hybrid: log that the source may keep for the run, for example 16GiB')
    .option('--cutover <when>', `hybrid: ${cutoverTimes.join(' | ')}`)
    .option('--budget <time>', 'hybrid: longest time that writers may wait for the cutover, for example 10s')
    .option('--writers <what>', `hybrid, transactions under way at the cutover: ${writerChoices.join(' | ')}`)
    .option('--wait <time>', 'hybrid: how long these may take to end, for example 5s')
    .option('--reverse', 'hybrid: keep the way back open after the cutover')
    .option('--cutover-command <word>', 'hybrid: program, then each of its arguments (repeated)', collect)
    .option('--workers <n>', 'how many chunks move at once', wholeNumber)
    .option('--max-quarantine <n>', 'rows or entries that may be left out, each named in the bill', wholeNumber)
    .option('--name <name>', 'name of the job in lists and bills')
    .option('--from-option <key=value>', "an option of the source's driver (may be repeated)", collectPair)
    .option('--to-option <key=value>', "an option of the target's driver (may be repeated)", collectPair);
}

/** The job that the arguments mean: a file, or FROM and TO, with the flags over it. */
export async function jobOf(
  from: string | undefined,
  to: string | undefined,
  options: JobOptions,
  context: Context,
): Promise<Job> {
  const [{ jobFromFlags }, registry] = await Promise.all([import('../config/config.ts'), context.registry()]);
  const workers = await defaultWorkers();
  const overrides = overridesOf(options);
  if (from !== undefined && to !== undefined) {
    const shipment = {
      ...overrides.shipment,
      from: { address: from, ...options.fromOption },
      to: { address: to, ...options.toOption },
    };
    const { cwd, env } = context;
    return jobFromFlags({ job: overrides.job, shipment }, { registry, workers, folder: cwd, env });
  }
  if (options.fromOption ?? options.toOption) {
    throw new MigrationError('config.invalid', '--from-option and --to-option go with FROM and TO.', {
      hint: 'In a job file, options stand beside `address`.',
    });
  }
  const file = from ?? 'waybill.yaml';
  const { readJob } = await import('../config/read-job.ts');
  return readJob(await readJobFile(file, from, context), file, { registry, workers, overrides, cwd: context.cwd });
}

function overridesOf(options: JobOptions): JobOverrides {
  const { workers, maxQuarantine, name, strategy, into, verify, deletions, backup, include, exclude } = options;
  const {
    chunk,
    limit,
    follow: mode,
    ddl,
    keep,
    cutover: when,
    budget,
    writers,
    wait,
    reverse,
    cutoverCommand,
  } = options;
  const follow = given({ mode, ddl, keep });
  const cutover = given({ when, budget, writers, wait, reverse, command: cutoverCommand });
  return {
    job: given({ workers, maxQuarantine, name }),
    shipment: {
      ...given({ strategy, into, verify, deletions, backup, include, exclude, chunk, limit }),
      ...(Object.keys(follow).length > 0 && { follow }),
      ...(Object.keys(cutover).length > 0 && { cutover }),
    },
  };
}

const given = (values: object) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

async function readJobFile(file: string, argument: string | undefined, { cwd }: Context): Promise<string> {
  const [{ readFile }, { resolve }] = await Promise.all([import('node:fs/promises'), import('node:path')]);
  try {
    return await readFile(resolve(cwd, file), 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    if (argument === undefined) {
      throw new MigrationError('config.invalid', 'There is no waybill.yaml here, and no FROM and TO were given.', {
        hint: '`waybill init` writes one; or say `waybill run FROM TO`.',
        cause,
      });
    }
    const isAddress = /^[a-z][a-z0-9+-]+:/.test(argument) || reason === 'EISDIR';
    throw new MigrationError('config.invalid', `Cannot read the job file ${file} (${reason}).`, {
      hint: isAddress
        ? 'A single argument is the path of a job file. To move from one address to another give both: FROM TO.'
        : '`waybill init` writes a job file.',
      where: file,
      cause,
    });
  }
}

/** More than four rarely help one database or disk. */
async function defaultWorkers(): Promise<number> {
  const { availableParallelism } = await import('node:os');
  return Math.min(4, Math.max(2, availableParallelism()));
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

function collectPair(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('Write it as key=value.');
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Not a whole number.');
  return Number(text);
}
