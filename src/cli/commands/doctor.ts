import { access, constants, mkdtemp, rm, statfs } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { release } from 'node:os';
import type { Command } from 'commander';
import { formatBytes } from '../../lib/byte-size.ts';
import { stateFolderOf, type CommonOptions, type Context } from '../context.ts';
import { table } from '../display-width.ts';
import { exitCodesHelp, type ExitCode } from '../exit-code.ts';

interface Check {
  readonly name: string;
  readonly state: 'ok' | 'missing' | 'failed';
  readonly detail: string;
  readonly hint?: string;
  /** Exit code when it is not ok; absent: Waybill works without. */
  readonly exit?: ExitCode;
}

export function doctor(command: Command, context: Context): void {
  command.addHelpText('after', exitCodesHelp([0, 1, 4])).action(async (options: CommonOptions) => {
    const { output } = context;
    const { colors } = output;
    const checks = [
      { name: 'waybill', state: 'ok', detail: context.version } as const,
      nodeCheck(),
      await libraryCheck('sqlite', sqliteVersion),
      await libraryCheck('digests', blake3),
      await libraryCheck('koffi', koffi),
      await stateCheck(stateFolderOf(options, context)),
      ...(await Promise.all(tools.map((tool) => toolCheck(tool, context)))),
    ];
    const bad = checks.filter((check): check is Check => check.state === 'failed' && 'exit' in check);
    context.exit = bad[0]?.exit ?? 0;
    if (output.json)
      return output.object({ ok: bad.length === 0, platform: process.platform, release: release(), checks });
    const rows = checks.map(({ name, state, detail }) => [
      state === 'ok' ? '✓' : state === 'missing' ? '–' : '✗',
      name,
      detail,
    ]);
    const paint = { ok: colors.green, missing: colors.yellow, failed: colors.red };
    for (const [i, line] of table(rows).entries()) {
      const check = checks[i];
      if (!check) continue;
      output.line(paint[check.state](line));
      if ('hint' in check && check.hint !== undefined && check.state !== 'ok')
        output.line(colors.dim(`     → ${check.hint}`));
    }
  });
}

function nodeCheck(): Check {
  const enough = Number.parseInt(process.versions.node, 10) >= 26;
  const hint = 'Install Node 26 or newer, or `npm install node@26` beside Waybill.';
  return {
    name: 'node',
    state: enough ? 'ok' : 'failed',
    detail: `${process.version}, ${process.platform} ${process.arch}`,
    hint,
    exit: 1,
  };
}

async function libraryCheck(name: string, load: () => Promise<string>): Promise<Check> {
  try {
    return { name, state: 'ok', detail: await load() };
  } catch (error) {
    const [detail = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    return { name, state: 'failed', detail, hint: 'Install Waybill anew: npm install', exit: 1 };
  }
}

async function sqliteVersion(): Promise<string> {
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(':memory:');
  try {
    return `SQLite ${String(database.prepare('SELECT sqlite_version() AS version').get()?.['version'])}`;
  } finally {
    database.close();
  }
}

async function blake3(): Promise<string> {
  const { blake3: hash } = await import('@napi-rs/blake-hash');
  hash('');
  return 'BLAKE3';
}

async function koffi(): Promise<string> {
  const { default: library } = await import('koffi');
  return `POSIX calls through koffi ${library.version}`;
}

const leastRoom = 256 * 2 ** 20;

async function stateCheck(folder: string): Promise<Check> {
  const name = 'state';
  try {
    const existing = await nearestExisting(folder);
    const probe = await mkdtemp(join(existing, '.waybill-doctor-'));
    await rm(probe, { recursive: true });
    const { bavail, bsize } = await statfs(existing);
    const room = bavail * bsize;
    const detail = `${folder}, ${formatBytes(room)} free`;
    if (room >= leastRoom) return { name, state: 'ok', detail };
    return {
      name,
      state: 'failed',
      detail,
      hint: `Journal and bills want ${formatBytes(leastRoom)} of room.`,
      exit: 4,
    };
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    const hint = 'Give the right to write, or choose another with --state FOLDER.';
    return { name, state: 'failed', detail: `${folder} cannot be written (${reason})`, hint, exit: 4 };
  }
}

/** The folder itself or, where it is not made yet, the one it will be made in. */
async function nearestExisting(folder: string): Promise<string> {
  try {
    await access(folder, constants.F_OK);
    return folder;
  } catch {
    return folder === dirname(folder) ? folder : nearestExisting(dirname(folder));
  }
}

const tools = [
  {
    name: 'pg_dump',
    why: 'backups of PostgreSQL targets',
    hint: "apt install postgresql-client, or your system's package of that kind",
  },
  { name: 'pg_restore', why: 'restoring them', hint: 'comes with pg_dump' },
  { name: 'tar', why: 'backups of folders', hint: 'apt install tar' },
] as const;

async function toolCheck({ name, why, hint }: (typeof tools)[number], { env }: Context): Promise<Check> {
  for (const folder of (env['PATH'] ?? '').split(delimiter).filter(Boolean)) {
    const path = join(folder, name);
    try {
      await access(path, constants.X_OK);
      return { name, state: 'ok', detail: `${path}, for ${why}` };
    } catch {
      // not in this folder
    }
  }
  return { name, state: 'missing', detail: `not found; needed for ${why} only`, hint };
}
