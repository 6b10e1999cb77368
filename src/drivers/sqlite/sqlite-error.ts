import type { ErrorCode } from '../../model/codes.ts';
import { MigrationError } from '../../model/migration-error.ts';

const meanings: Readonly<Record<number, { code: ErrorCode; message: string; hint?: string }>> = {
  3: { code: 'store.denied', message: 'access is denied' },
  5: { code: 'store.busy', message: 'it is locked by another program', hint: 'Wait longer with the option wait.' },
  6: { code: 'store.busy', message: 'it is locked by another program', hint: 'Wait longer with the option wait.' },
  8: { code: 'store.denied', message: 'it cannot be written' },
  10: { code: 'store.unreachable', message: 'reading or writing failed' },
  11: {
    code: 'item.unreadable',
    message: 'the file is damaged',
    hint: 'sqlite3 FILE "PRAGMA integrity_check" names the damage; sqlite3 FILE .recover saves what can be read.',
  },
  13: { code: 'store.full', message: 'no room is left' },
  14: { code: 'store.denied', message: 'it cannot be opened' },
  23: { code: 'store.denied', message: 'access is denied' },
  26: {
    code: 'source.missing',
    message: 'it is not a SQLite database',
    hint: 'Check the path. An encrypted database (SQLCipher) must be decrypted first.',
  },
};
const rollbackNeeded = 776;

/** An error of node:sqlite in Waybill's words; others pass as they are. */
export function sqliteError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return error;
  if (error.errcode === rollbackNeeded) {
    return new MigrationError('store.denied', `${path}: a writer was interrupted and left a journal to roll back.`, {
      hint: `Open the database once with the right to write, for example: sqlite3 ${path} "PRAGMA user_version"`,
      where: path,
      cause: error,
    });
  }
  const meaning = meanings[error.errcode & 0xff];
  if (!meaning) return new MigrationError('internal', `${path}: ${error.message}`, { where: path, cause: error });
  return new MigrationError(meaning.code, `${path}: ${meaning.message} (${error.message}).`, {
    ...(meaning.hint && { hint: meaning.hint }),
    where: path,
    cause: error,
  });
}

/** Was this thrown because of a writer that was killed in the middle of a transaction? */
export const needsRollback = (error: unknown): boolean =>
  error instanceof MigrationError &&
  error.cause instanceof Error &&
  'errcode' in error.cause &&
  error.cause.errcode === rollbackNeeded;

/** Runs `work` with errors of node:sqlite in Waybill's words. */
export function inWords<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw sqliteError(error, path);
  }
}
