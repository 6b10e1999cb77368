import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findProgram, runProgram } from '../client-program.ts';
import type { Connections } from '../connections.ts';
import { qualified, quoteName } from '../names.ts';
import type { LeftOut } from './left-out.ts';
import { splitScript, type ScriptEntry } from './sql-script.ts';
import { parseContents, withDependents, type DumpEntry } from './table-of-contents.ts';

export interface DumpOptions {
  /** Major versions: of the server that is dumped, and of the one that the dump is for. */
  readonly versions: readonly [from: number, to: number];
  readonly snapshot: string | undefined;
  /** Only what is in these schemas, and extensions. */
  readonly schemas: readonly string[] | undefined;
  readonly leftOut: LeftOut;
}

export interface ScriptOptions {
  readonly section: 'pre-data' | 'post-data';
  readonly clean?: boolean;
  readonly owners: boolean;
  readonly tablespaces: boolean;
}

export interface Script {
  /** Removals, in an order that works, when `clean` was asked for. */
  readonly removals: string;
  readonly entries: readonly ScriptEntry[];
}

/** Never carried as what they are: they reach out of the database, or hold passwords. */
const foreign = new Set([
  'FOREIGN DATA WRAPPER',
  'FOREIGN SERVER',
  'SERVER',
  'FOREIGN TABLE',
  'USER MAPPING',
  'SUBSCRIPTION',
]);

/** A publication that Waybill made to follow the source (follow/slot-name.ts). */
export const isOurs = ({ kind, name }: DumpEntry): boolean => kind === 'PUBLICATION' && name.startsWith('- waybill_');

/** A database without its rows, as pg_dump wrote it into a temporary file. */
export class SchemaDump implements AsyncDisposable {
  /** What is carried, in pg_restore's order. */
  readonly kept: readonly DumpEntry[];
  /** What is not, because it was not asked for or cannot be without what was not. */
  readonly left: readonly DumpEntry[];
  readonly #folder: string;
  readonly #restore: string;
  readonly #connections: Connections;

  private constructor(
    folder: string,
    restore: string,
    connections: Connections,
    entries: readonly DumpEntry[],
    { leftOut, schemas }: DumpOptions,
  ) {
    const gone = new Set(
      withDependents(
        entries,
        (entry) =>
          foreign.has(entry.kind) || isOurs(entry) || (entry.object !== undefined && leftOut.objects.has(entry.object)),
      ),
    );
    if (schemas) for (const entry of unusedExtensions(entries, gone)) gone.add(entry);
    this.kept = entries.filter((entry) => !gone.has(entry));
    this.left = [...gone];
    this.#folder = folder;
    this.#restore = restore;
    this.#connections = connections;
  }

  /** Throws `tool.missing` when no pg_dump is new enough to read the server. */
  static async take(connections: Connections, options: DumpOptions, signal: AbortSignal): Promise<SchemaDump> {
    const { program, version } = await findDump(options.versions);
    const folder = await mkdtemp(join(tmpdir(), 'waybill-schema-'));
    try {
      const { schemas, snapshot } = options;
      const file = join(folder, 'schema.dump');
      const words = ['--format=custom', '--section=pre-data', '--section=post-data', '-B', '--no-subscriptions'];
      for (const schema of schemas ?? []) words.push(`--schema=${quoteName(schema)}`);
      if (schemas && version >= 14) words.push('--extension=*');
      // pg_dump locks every table that it sees, which needs rights on it.
      for (const { schema, name } of options.leftOut.relations.slice(0, namedExcluded)) {
        if (!schemas || schemas.includes(schema)) words.push(`--exclude-table=${qualified(schema, name)}`);
      }
      if (snapshot !== undefined) words.push(`--snapshot=${snapshot}`);
      const login = connections.login();
      await runProgram(program, [...words, `--file=${file}`], login, signal);
      const restore = join(dirname(program), 'pg_restore');
      const contents = join(folder, 'contents');
      await runProgram(restore, ['--list', '--verbose', `--file=${contents}`, file], login, signal);
      const entries = parseContents(await readFile(contents, 'utf8'));
      return new SchemaDump(folder, restore, connections, entries, options);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** The script that makes the kept entries that `wanted` says, in dependency order. */
  async script(wanted: (entry: DumpEntry) => boolean, options: ScriptOptions, signal: AbortSignal): Promise<Script> {
    const list = join(this.#folder, `list-${options.section}`);
    const file = join(this.#folder, `script-${options.section}`);
    // Every line of a list begins with the entry's number; pg_restore ignores what follows it.
    await writeFile(
      list,
      this.kept
        .filter(wanted)
        .map(({ id }) => `${id};\n`)
        .join(''),
    );
    const words = [`--use-list=${list}`, `--file=${file}`];
    if (options.clean !== true) words.push(`--section=${options.section}`);
    else words.push('--clean', '--if-exists');
    if (!options.owners) words.push('--no-owner', '--no-privileges');
    if (!options.tablespaces) words.push('--no-tablespaces');
    const login = this.#connections.login();
    await runProgram(this.#restore, [...words, join(this.#folder, 'schema.dump')], login, signal);
    const { preamble, entries } = splitScript(await readFile(file, 'utf8'));
    return {
      removals: preamble.replace(/^(?:--.*|SET .*;|SELECT pg_catalog\.set_config\(.*;)$/gm, '').trim(),
      entries,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** More would not fit into an argument list. */
const namedExcluded = 500;

/** Extensions that nothing in the chosen schemas needs, with what is said of them. */
function unusedExtensions(entries: readonly DumpEntry[], gone: ReadonlySet<DumpEntry>): readonly DumpEntry[] {
  const needed = new Set(
    entries.flatMap((entry) => (gone.has(entry) || entry.kind === 'COMMENT' ? [] : entry.dependsOn)),
  );
  const unused = entries.filter(({ kind, id }) => kind === 'EXTENSION' && !needed.has(id));
  const ids = new Set(unused.map(({ id }) => id));
  return entries.filter((entry) => unused.includes(entry) || entry.dependsOn.some((id) => ids.has(id)));
}

/** At least as new as the newer server where there is one, else as the server that is dumped. */
export async function findDump([from, to]: readonly [from: number, to: number]): Promise<{
  readonly program: string;
  readonly version: number;
}> {
  const find = async (version: number) => ({
    program: await findProgram(
      'pg_dump',
      version,
      'Cloning this server',
      'clone tables alone with ?schema= at the target',
    ),
    version,
  });
  if (to <= from) return find(from);
  return find(to).catch(() => find(from));
}
