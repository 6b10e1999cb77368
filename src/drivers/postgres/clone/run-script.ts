import { createHash } from 'node:crypto';
import { z } from 'zod';
import { MigrationError } from '../../../model/migration-error.ts';
import type { Connection } from '../connection.ts';
import { insertChunk, workSchema } from '../ledger.ts';
import { sqlState, type ServerError } from '../store-error.ts';
import { readText, type Carry } from './content-draft.ts';

/** How a script travels. */
export const scriptContent = z.object({
  /** Statements that take away what the entries make, in no particular order; run with `into: replace`. */
  removals: z.array(z.string()),
  entries: z.array(z.object({ title: z.string(), sql: z.string() })),
});
export type ScriptContent = z.infer<typeof scriptContent>;

/** Characters of SQL that are sent at once: a round trip for each of thousands of objects would cost more than they. */
const batchSize = 100_000;

/** Entries of one transaction. Each object that is made holds several locks until its end, and the server has room for
 *  a few thousand. */
const sliceEntries = 500;

/** Runs a script; with `replace` what it makes is removed first. A script of usual length runs in one transaction,
 *  a longer one in slices, each marked in the ledger, so that a later life goes on behind the last. */
export const runScript =
  (replace: boolean, run: string, step: number): Carry =>
  async (connection, parts, markAll) => {
    const { text, bytes } = await readText(parts);
    const { removals, entries } = scriptContent.parse(JSON.parse(text));
    const slices = slicesOf(entries);
    const name = (at: number) => `slice ${at} of ${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
    const short = slices.length === 1 && removals.length <= 2 * sliceEntries;
    const begun = await marks(connection, run, step);
    if (begun.some((mark) => !mark.endsWith(name(0).slice(-16)))) throw otherScript();
    if (replace && !short && begun.length === 0) await removeInSlices(connection, removals);
    for (const [at, slice] of slices.entries()) {
      if (begun.includes(name(at))) {
        // The session's settings go on into the next slice.
        for (const { sql } of slice)
          for (const [setting] of sql.matchAll(/^SET default_\w+ = .*;$/gm)) await connection.run(setting);
        continue;
      }
      const last = at === slices.length - 1;
      const mark = () => (last ? markAll(bytes) : insertChunk(connection, run, step, name(at), { rows: 0, bytes: 0 }));
      const first = short && replace ? removals : [];
      try {
        await runSlice(connection, first, slice, batchSize, mark);
      } catch (error) {
        if (sqlState(error).length !== 5 || /^(08|53|57|40|55)/.test(sqlState(error))) throw error;
        // Once more, one by one: that names the entry that cannot be made.
        await runSlice(connection, first, slice, 0, mark);
      }
    }
    return bytes;
  };

type Entries = ScriptContent['entries'];

function slicesOf(entries: Entries): readonly Entries[] {
  if (entries.length <= 2 * sliceEntries) return [entries];
  const count = Math.ceil(entries.length / sliceEntries);
  return Array.from({ length: count }, (_, at) => entries.slice(at * sliceEntries, (at + 1) * sliceEntries));
}

async function marks(connection: Connection, run: string, step: number): Promise<readonly string[]> {
  const rows = await connection.query<{ chunk: string }>(
    `SELECT chunk FROM ${workSchema}.chunk WHERE run = $1 AND step = $2 AND chunk LIKE 'slice %'`,
    [run, step],
  );
  return rows.map(({ chunk }) => chunk);
}

const otherScript = (): MigrationError =>
  new MigrationError(
    'source.altered',
    'Definitions changed at the source since the run was stopped, and some were made at the target by then.',
    { hint: 'Begin a new run with --into replace.' },
  );

async function runSlice(
  connection: Connection,
  removals: readonly string[],
  entries: Entries,
  batch: number,
  mark: () => Promise<void>,
): Promise<void> {
  await connection.transaction(async () => {
    // First of all: it waits for whoever is making the same.
    await mark();
    await removeAll(connection, removals);
    let waiting: string[] = [];
    let size = 0;
    const send = async (title: string) => {
      try {
        if (waiting.length > 0) await connection.run(waiting.join('\n'));
      } catch (error) {
        throw batch > 0 ? error : inWords(error as ServerError, title);
      }
      waiting = [];
      size = 0;
    };
    for (const { title, sql } of entries) {
      waiting.push(sql);
      size += sql.length;
      if (size >= batch) await send(title);
    }
    await send(entries.at(-1)?.title ?? '');
  });
}

/** In rounds, because what depends on what is known to the server only. */
async function removeAll(connection: Connection, removals: readonly string[]): Promise<void> {
  let left = removals;
  while (left.length > 0) {
    const { kept, reason } = await removeOnce(connection, left);
    if (kept.length === left.length) throw reason;
    left = kept;
  }
}

/** Removing what is gone already changes nothing, so this may be done in several transactions. */
async function removeInSlices(connection: Connection, removals: readonly string[]): Promise<void> {
  let left = removals;
  while (left.length > 0) {
    const kept: string[] = [];
    let reason: unknown;
    for (let at = 0; at < left.length; at += sliceEntries) {
      const some = left.slice(at, at + sliceEntries);
      const round = await connection.transaction(() => removeOnce(connection, some));
      kept.push(...round.kept);
      reason ??= round.reason;
    }
    if (kept.length === left.length) throw reason;
    left = kept;
  }
}

/** What something else depends on is kept. */
async function removeOnce(connection: Connection, removals: readonly string[]) {
  const kept: string[] = [];
  let reason: unknown;
  for (const removal of removals) {
    await connection.run('SAVEPOINT removal');
    try {
      await connection.run(removal);
    } catch (error) {
      if (sqlState(error) !== '2BP01') throw error;
      await connection.run('ROLLBACK TO removal');
      kept.push(removal);
      reason = error;
    }
    await connection.run('RELEASE removal');
  }
  return { kept, reason };
}

function inWords(error: ServerError, title: string): unknown {
  const state = sqlState(error);
  const [name = title, kind = 'OBJECT', schema = '-'] = title.split(/; (?:Type|Schema): /);
  const what = `${kind.toLowerCase()} ${schema === '-' ? '' : `${schema}.`}${name}`;
  const message = `Making ${what} failed: ${error.message}.`;
  if (['42P07', '42710', '42723', '42P06', '42712'].includes(state)) {
    return new MigrationError('target.not-empty', message, {
      hint: 'Use an empty database, or --into replace, which drops what will be carried first.',
      cause: error,
    });
  }
  const code = state === '42501' ? 'store.denied' : 'store.unsupported';
  const hint =
    state === '42501'
      ? 'Give the user this right, or connect as the owner of the database.'
      : 'Mend the definition at the source, or leave it out with `exclude`, then run again.';
  return new MigrationError(code, message, { hint, cause: error });
}
