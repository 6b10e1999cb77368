import { setTimeout } from 'node:timers/promises';
import type { DatabaseSync } from 'node:sqlite';
import { MigrationError } from '../../model/migration-error.ts';
import type { Snapshot } from '../../store/store.ts';
import { readPosition } from './position.ts';

/** Commits that may slip between looking at the position and beginning to read before a writer counts as too busy. */
const attempts = 200;

/** Begins a read transaction at a known position. SQLite can only read what is now: an earlier position is gone as
 *  soon as somebody commits, unless a snapshot of it is still held. */
export async function takeSnapshot(
  db: DatabaseSync,
  path: string,
  at: string | undefined,
  signal: AbortSignal,
): Promise<Snapshot> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    signal.throwIfAborted();
    db.prepare('SELECT count(*) FROM sqlite_schema').get();
    const before = readPosition(path);
    db.exec('BEGIN');
    try {
      db.prepare('SELECT count(*) FROM sqlite_schema').get();
      const position = readPosition(path);
      if (position === before) {
        if (at !== undefined && at !== position) throw moved(path);
        return {
          position,
          async [Symbol.asyncDispose]() {
            if (db.isOpen && db.isTransaction) db.exec('ROLLBACK');
          },
        };
      }
    } catch (error) {
      db.exec('ROLLBACK');
      throw error;
    }
    db.exec('ROLLBACK');
    await setTimeout(attempt % 10, undefined, { signal });
  }
  throw new MigrationError('store.busy', `Other programs commit to ${path} so often that no moment of it can be held.`);
}

const moved = (path: string): MigrationError =>
  new MigrationError('source.moved', `The database ${path} was changed since its position was recorded.`, {
    hint: 'Stop the programs that write to it, or run with one worker, which reads at one moment.',
    where: path,
  });
