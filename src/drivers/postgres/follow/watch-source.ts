import { setTimeout as sleep } from 'node:timers/promises';
import type { FeedOptions } from '../../../store/following.ts';
import type { Finding } from '../../../model/finding.ts';
import { MigrationError } from '../../../model/migration-error.ts';
import type { Server } from '../clone/pair-servers.ts';
import type { Connection } from '../connection.ts';
import { formatBytes } from '../../../lib/byte-size.ts';
import type { ChangeStream } from './change-stream.ts';
import { locally } from './locally.ts';
import { formatLsn, parseLsn } from './lsn.ts';
import { remember, remembered, type Remembered } from './publication.ts';
import type { Scope } from './scope.ts';
import { slotState } from './slot.ts';
import { alterations, definitionsOf, indexesOf, sourceTables } from './source-tables.ts';

/** Milliseconds between two looks. */
const lookEvery = 2000;

export interface Watch {
  /** Noticed and not yet told. */
  readonly findings: Finding[];
  /** Never rejects: what it finds wrong goes to the stream. */
  readonly ended: Promise<void>;
}

/** Looks now and then at the slot's health and at the definitions of the tables, until the signal. */
export function watchSource(
  server: Server,
  name: string,
  scope: Scope,
  options: FeedOptions,
  changes: ChangeStream,
  signal: AbortSignal,
): Watch {
  const findings: Finding[] = [];
  const ended = (async () => {
    while (!signal.aborted) {
      try {
        const started = performance.now();
        const stop = await look(server, name, scope, options, changes, findings, signal);
        if (stop) return changes.failed(stop);
        // A catalogue of 100 000 tables is not looked at all the time.
        await sleep(Math.max(lookEvery, 20 * (performance.now() - started)), undefined, { signal });
      } catch (error) {
        if (!signal.aborted) changes.failed(error);
        return;
      }
    }
  })();
  return { findings, ended };
}

async function look(
  { connections }: Server,
  name: string,
  scope: Scope,
  options: FeedOptions,
  changes: ChangeStream,
  findings: Finding[],
  signal: AbortSignal,
): Promise<MigrationError | undefined> {
  return connections.use('look at the source', signal, async (connection) => {
    const { keptBytes } = await slotState(connection, name, formatLsn(changes.received));
    if (keptBytes > options.keptBytes) {
      return new MigrationError(
        'source.filling',
        `The source keeps ${formatBytes(keptBytes)} of log for this run; the job allows ${formatBytes(options.keptBytes)}.`,
        {
          hint: 'Find out why the target is slower than the source; raise `keep`, or cancel the run, which lets the log go.',
        },
      );
    }
    const known = await remembered(connection, name);
    if (!known) return undefined;
    const found = await sourceTables(connection, scope);
    const now: Remembered = { ...known, tables: definitionsOf(found), indexes: indexesOf(found) };
    const noted = async () => locally(connection, () => remember(connection, name, now));
    const words = alterations(known.tables, now.tables);
    const ofIndexes = alterations(known.indexes, now.indexes).filter((what) => !/ was (created|dropped)/.test(what));
    findings.push(...ofIndexes.map((what) => notFollowed('info', `the indexes changed: ${what}`)));
    if (options.ddl === 'ignore') findings.push(...words.map((what) => notFollowed('warning', what)));
    if (words.length === 0 || options.ddl === 'ignore') {
      if (words.length + ofIndexes.length > 0) await noted();
      return undefined;
    }
    const [row] = await connection.query<{ at: string }>('SELECT pg_current_wal_lsn() AS at');
    // What was committed before it fits, and is applied first.
    const goal = parseLsn(row?.at ?? '0/0');
    while (changes.received < goal) {
      changes.hurry(goal);
      await sleep(50, undefined, { signal });
    }
    // Whoever resumes has been told.
    await noted();
    return new MigrationError('source.altered', `At the source, ${words.join('; ')}.`, {
      hint: 'Make the same change at the target, then resume; or let the job say `ddl: ignore`. The rows of a table that was created meanwhile are not followed: leave it out, or begin a new run.',
    });
  });
}

const notFollowed = (level: Finding['level'], what: string): Finding => ({
  level,
  code: 'source.altered',
  message: `At the source, ${what}. The target does not follow this.`,
});

/** Whoever resumes has been told of what is altered about this table. */
export async function acknowledge(connection: Connection, name: string, scope: Scope, table: string): Promise<void> {
  const known = await remembered(connection, name);
  const definition = definitionsOf(await sourceTables(connection, scope))[table];
  if (!known || definition === undefined) return;
  const tables = { ...known.tables, [table]: definition };
  await locally(connection, () => remember(connection, name, { ...known, tables }));
}
