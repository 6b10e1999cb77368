import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createPrivate } from './journal-database.ts';

const sqliteBusy = 5;

/** Holds `claims/<run>.lock` in the folder until disposed, or gives nothing while another holder lives, in this
 *  process or another. The lock is an exclusive SQLite transaction on an empty file: the kernel frees it when the
 *  process dies, however it dies, and children do not inherit it. The empty file stays: removing it would let two
 *  processes lock two files of one name. */
export function lockRun(folder: string, run: string): Disposable | undefined {
  const claims = join(folder, 'claims');
  mkdirSync(claims, { recursive: true, mode: 0o700 });
  const path = join(claims, `${run}.lock`);
  createPrivate(path);
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy) return undefined;
    throw error;
  }
  return {
    [Symbol.dispose]() {
      if (database.isOpen) database.close();
    },
  };
}
