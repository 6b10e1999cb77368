import { createReadStream, existsSync } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { Blake3Hasher } from '@napi-rs/blake-hash';
import type { BackupRecord } from '../../model/event.ts';
import { MigrationError } from '../../model/migration-error.ts';

const fileName = 'before.sqlite';

/** Keeps the whole database as it is. SQLite's own backup reads it at one moment, its write-ahead log included. */
export async function backupDatabase(path: string, folder: string): Promise<BackupRecord> {
  const file = join(folder, fileName);
  if (!existsSync(path)) return { path: file, bytes: 0, digest: 'none', detail: { existed: false } };
  await mkdir(folder, { recursive: true });
  const unfinished = `${file}.part`;
  await rm(unfinished, { force: true });
  await copyDatabase(path, unfinished);
  await sync(unfinished);
  await rename(unfinished, file);
  await sync(folder);
  return { path: file, bytes: (await stat(file)).size, digest: await digestOf(file), detail: { existed: true } };
}

/** Puts the database back in one transaction of SQLite's, so that it is whole at every moment; a database that did not
 *  exist is removed. */
export async function restoreDatabase(record: BackupRecord, path: string): Promise<void> {
  const existed = (record.detail as { readonly existed?: boolean } | null)?.existed;
  if (existed === false) {
    for (const suffix of ['', '-journal', '-wal', '-shm']) await rm(`${path}${suffix}`, { force: true });
    return;
  }
  if (!existsSync(record.path) || (await digestOf(record.path)) !== record.digest) {
    throw new MigrationError('bill.invalid', `The backup ${record.path} is not the one that the bill names.`, {
      hint: 'Put the backup back where it was, unchanged.',
      where: record.path,
    });
  }
  await copyDatabase(record.path, path);
}

async function copyDatabase(from: string, to: string): Promise<void> {
  const db = new DatabaseSync(from, { readOnly: true });
  try {
    await backup(db, to, { rate: 1000 });
  } finally {
    db.close();
  }
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function digestOf(file: string): Promise<string> {
  const hasher = new Blake3Hasher();
  for await (const part of createReadStream(file, { highWaterMark: 1024 * 1024 })) hasher.update(part as Buffer);
  return `b3:${hasher.digest('hex')}`;
}
