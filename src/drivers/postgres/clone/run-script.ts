import { z } from 'zod';
import { MigrationError } from '../../../model/migration-error.ts';
import type { Connection } from '../connection.ts';
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

/** Runs a script in one transaction; with `replace` what it makes is removed first. */
export const runScript =
  (replace: boolean): Carry =>
  async (connection, parts, markBytes) => {
    const { text, bytes } = await readText(parts);
    const content = scriptContent.parse(JSON.parse(text));
    const mark = () => markBytes(bytes);
    try {
      await runAll(connection, content, replace, batchSize, mark);
    } catch (error) {
      if (sqlState(error).length !== 5 || /^(08|53|57|40|55)/.test(sqlState(error))) throw error;
      // Once more, one by one: that names the entry that cannot be made.
      await runAll(connection, content, replace, 0, mark);
    }
    return bytes;
  };

async function runAll(
  connection: Connection,
  { removals, entries }: ScriptContent,
  replace: boolean,
  batch: number,
  mark: () => Promise<void>,
): Promise<void> {
  await connection.transaction(async () => {
    await mark();
    if (replace) await removeAll(connection, removals);
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
  let left = [...removals];
  while (left.length > 0) {
    const kept: string[] = [];
    let reason: unknown;
    for (const removal of left) {
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
    if (kept.length === left.length) throw reason;
    left = kept;
  }
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
