import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { MigrationError } from '../model/migration-error.ts';

/** 'WBJ1': tells a journal from any other SQLite file. */
const applicationId = 0x57424a31;
const schemaVersion = 2;

/** What format 2 added. */
const requests = `
  CREATE TABLE requests (
    seq INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,
    request TEXT NOT NULL
  ) STRICT;`;

/** docs/journal-format.md says what each column holds. */
const schema = `
  CREATE TABLE runs (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    ready INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'planned',
    bytes INTEGER NOT NULL DEFAULT 0,
    rows INTEGER NOT NULL DEFAULT 0,
    header TEXT NOT NULL
  ) STRICT;
  CREATE TABLE steps (
    run INTEGER NOT NULL REFERENCES runs,
    first INTEGER NOT NULL,
    count INTEGER NOT NULL,
    page BLOB NOT NULL,
    PRIMARY KEY (run, first)
  ) STRICT;
  CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,
    event TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_by_run ON events (run);
  CREATE TABLE claims (
    run INTEGER PRIMARY KEY REFERENCES runs,
    pid INTEGER NOT NULL,
    host TEXT NOT NULL,
    since INTEGER NOT NULL
  ) STRICT;
  ${requests}
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${schemaVersion};
`;

/** Waits this long for another process's transaction before giving up. */
const busyMilliseconds = 30_000;

/** Opens `journal.db` in the folder and creates both if they are not there. Throws `journal.broken`. */
export function openJournalDatabase(folder: string): { database: DatabaseSync; path: string } {
  const path = join(folder, 'journal.db');
  return guard(path, () => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    createPrivate(path);
    const database = new DatabaseSync(path, { timeout: busyMilliseconds });
    try {
      prepare(database, path);
    } catch (error) {
      database.close();
      throw error;
    }
    return { database, path };
  });
}

function prepare(database: DatabaseSync, path: string): void {
  // WAL: others read while we write. FULL: a commit is on the disk when it returns (invariant 1).
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000');
  if (pragma(database, 'user_version') === schemaVersion && pragma(database, 'application_id') === applicationId)
    return;
  transaction(database, () => {
    const version = pragma(database, 'user_version');
    const id = pragma(database, 'application_id');
    if (version === schemaVersion && id === applicationId) return;
    const empty = Number(database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n']) === 0;
    if (version === 0 && id === 0 && empty) return database.exec(schema);
    if (version === 1 && id === applicationId)
      return database.exec(`${requests}; PRAGMA user_version = ${schemaVersion}`);
    if (id !== applicationId) throw broken(path, 'is a SQLite file but not a journal of Waybill');
    throw broken(path, `has format ${version}; this Waybill reads format ${schemaVersion}`);
  });
}

const pragma = (database: DatabaseSync, name: string): number =>
  Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);

export function transaction(database: DatabaseSync, work: () => void): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    work();
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** Makes the file with mode 0600 if there is none. Never opens one that exists: closing a descriptor of a file drops
 *  all POSIX locks that this process holds on it, those of SQLite included. */
export function createPrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

/** Runs work on the journal's file and gives what it throws the code `journal.broken` and the file's path. */
export function guard<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof MigrationError) throw error;
    throw broken(path, reasonOf(error), error);
  }
}

function broken(path: string, reason: string, cause?: unknown): MigrationError {
  return new MigrationError('journal.broken', `The journal ${path} ${reason}.`, {
    hint: 'Make room, give the right to write, or name another state folder with --state DIR. What is recorded stays.',
    where: path,
    cause,
  });
}

function reasonOf(error: unknown): string {
  const primary = isSqliteError(error) ? error.errcode & 0xff : undefined;
  const message = error instanceof Error ? error.message : String(error);
  const known = primary === undefined ? undefined : sqliteReasons[primary];
  return known ? `${known} (${message})` : `cannot be used: ${message}`;
}

const isSqliteError = (error: unknown): error is Error & { errcode: number } =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number';

/** SQLite's primary result codes that a user can do something about. */
const sqliteReasons: Readonly<Record<number, string>> = {
  5: 'is held by another process for too long',
  8: 'cannot be written',
  10: 'cannot be read or written: the disk reports an error or has no room',
  11: 'is damaged',
  13: 'cannot grow: the disk is full',
  14: 'cannot be opened',
  26: 'is damaged or not a journal',
};
