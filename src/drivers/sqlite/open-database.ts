import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Address } from '../../model/address.ts';
import type { Finding } from '../../model/finding.ts';
import { MigrationError } from '../../model/migration-error.ts';
import { nearest } from '../../lib/nearest.ts';
import type { Store } from '../../store/store.ts';
import type { SqliteOptions } from './options.ts';
import { createSink } from './sink.ts';
import { createSource } from './source.ts';
import { inWords, needsRollback } from './sqlite-error.ts';
import { WriteConnection } from './write-connection.ts';

/** Looks at a file that is there, and makes none. */
export function openDatabase(address: Address, options: SqliteOptions): Store {
  if (address.path === '') {
    throw new MigrationError('address.invalid', 'The address sqlite: names no file.', {
      hint: 'Write sqlite:FILE, for example sqlite:shop.db or sqlite:/var/lib/app/data.db.',
    });
  }
  const path = resolve(address.path);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new MigrationError('source.missing', `${path} is a folder, not a SQLite database.`, {
      hint: 'Name the file in it.',
      where: path,
    });
  }
  let reading = existsSync(path) ? openUnlessInterrupted(path, options) : undefined;
  const connect = (): DatabaseSync => {
    if (!reading && !existsSync(path)) throw missing(path);
    return (reading ??= openForReading(path, options));
  };
  const writing = new WriteConnection(path, options);
  /** A writer that was killed, most likely an earlier life of this run, is rolled back first. Only as a target: a source
   *  is not written to. */
  const connectToTarget = (): DatabaseSync => {
    if (!reading && existsSync(path)) inWords(path, () => writing.recover());
    return connect();
  };
  const source = createSource(connect, path, options);
  return {
    address,
    source,
    sink: createSink(writing, connectToTarget, source),
    async probe(role): Promise<Finding[]> {
      if (role === 'source') connect();
      return role === 'target' ? writable(path) : [];
    },
    async [Symbol.asyncDispose]() {
      writing.close();
      reading?.close();
      reading = undefined;
    },
  };
}

/** Undefined when a killed writer must be rolled back before the file can be read. */
function openUnlessInterrupted(path: string, options: SqliteOptions): DatabaseSync | undefined {
  try {
    return openForReading(path, options);
  } catch (error) {
    if (needsRollback(error)) return undefined;
    throw error;
  }
}

/** Opens read-only and looks at the schema, which is where SQLite notices that a file is no database. */
function openForReading(path: string, options: SqliteOptions): DatabaseSync {
  return inWords(path, () => {
    const db = new DatabaseSync(path, { readOnly: true, timeout: options.wait * 1000 });
    try {
      db.prepare('SELECT count(*) FROM sqlite_schema').get();
    } catch (error) {
      db.close();
      throw error;
    }
    return db;
  });
}

/** SQLite writes the file and, beside it, its journal. */
function writable(path: string): Finding[] {
  const folder = dirname(path);
  const refusal = (message: string, hint: string): Finding[] => [
    { level: 'error', code: 'store.denied', message, hint, where: path },
  ];
  if (!existsSync(folder))
    return refusal(`The folder ${folder} does not exist.`, 'Create it, or write to another place.');
  for (const place of existsSync(path) ? [folder, path] : [folder]) {
    try {
      accessSync(place, constants.W_OK);
    } catch {
      return refusal(`There is no right to write ${place}.`, 'Grant it, or write to another place.');
    }
  }
  return [];
}

function missing(path: string): MigrationError {
  return new MigrationError('source.missing', `There is no database ${path}.`, { hint: nearNames(path), where: path });
}

function nearNames(path: string): string {
  const folder = dirname(path);
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return `The folder ${folder} does not exist either.`;
  }
  const guess = nearest(basename(path), names);
  if (guess) return `Did you mean ${join(folder, guess)} ?`;
  const databases = names.filter((name) => /\.(?:db|db3|sqlite|sqlite3)$/i.test(name)).slice(0, 5);
  return databases.length > 0
    ? `In that folder: ${databases.join(', ')}.`
    : `No file in ${folder} looks like a database.`;
}
