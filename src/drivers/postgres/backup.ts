import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { access, constants, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { once } from 'node:events';
import { Blake3Hasher } from '@napi-rs/blake-hash';
import type { BackupRecord } from '../../model/event.ts';
import type { Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { Connections } from './connections.ts';
import { addUnchecked, dropForeignKeys, foreignKeysOf, type ForeignKeyRow } from './foreign-keys.ts';
import { createLedger, lockLedger } from './ledger.ts';
import { qualified, quoteName } from './names.ts';
import type { PostgresOptions } from './options.ts';
import { tableExists } from './table-facts.ts';

export async function backup(
  connections: Connections,
  options: PostgresOptions,
  items: AsyncIterable<readonly Item[]>,
  path: string,
  signal: AbortSignal,
): Promise<BackupRecord> {
  throw new MigrationError('store.unsupported', 'todo');
}
export async function restore(
  connections: Connections,
  options: PostgresOptions,
  record: BackupRecord,
  signal: AbortSignal,
): Promise<void> {
  throw new MigrationError('store.unsupported', 'todo');
}
