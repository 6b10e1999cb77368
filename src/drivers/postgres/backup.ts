import { createReadStream, existsSync } from 'node:fs';
import { mkdir, open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Blake3Hasher } from '@napi-rs/blake-hash';
import { z } from 'zod';
import type { BackupRecord } from '../../model/event.ts';
import type { Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import { findProgram, runProgram } from './client-program.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import { dropForeignKeys, foreignKeysOf, type ForeignKeyRow } from './foreign-keys.ts';
import { qualified, quoteName } from './names.ts';
import { tableExists } from './table-facts.ts';

const fileName = 'before.dump';

const detailSchema = z.object({
  /** In the dump. */
  tables: z.array(z.string()),
  /** Did not exist: restoring removes them. */
  absent: z.array(z.string()),
  /** Of tables outside the dump onto tables in it. */
  foreignKeys: z.array(
    z.object({ schema: z.string(), table: z.string(), name: z.string(), definition: z.string(), valid: z.boolean() }),
  ),
});

/** Dumps the tables among the items with pg_dump. Indexes and foreign keys of a table are in its dump. */
export async function backupTables(
  connections: Connections,
  schema: string,
  items: AsyncIterable<readonly Item[]>,
  folder: string,
  signal: AbortSignal,
): Promise<BackupRecord> {
  const wanted: string[] = [];
  for await (const page of items) wanted.push(...page.filter(({ kind }) => kind === 'table').map(({ key }) => key));
  const { version, tables, foreignKeys } = await connections.use('look for tables to back up', signal, (connection) =>
    look(connection, schema, wanted),
  );
  const detail = { tables, absent: wanted.filter((table) => !tables.includes(table)), foreignKeys: [...foreignKeys] };
  const file = join(folder, fileName);
  if (tables.length === 0) return { path: file, bytes: 0, digest: 'none', detail };

  const program = await findProgram('pg_dump', version);
  await mkdir(folder, { recursive: true });
  const unfinished = `${file}.part`;
  const chosen = tables.flatMap((table) => ['--table', qualified(schema, table)]);
  await runProgram(program, ['--format=custom', `--file=${unfinished}`, ...chosen], connections.login(), signal);
  await sync(unfinished);
  await rename(unfinished, file);
  await sync(folder);
  return { path: file, bytes: (await stat(file)).size, digest: await digestOf(file), detail };
}

async function look(connection: Connection, schema: string, wanted: readonly string[]) {
  const tables: string[] = [];
  for (const table of wanted) if (await tableExists(connection, schema, table)) tables.push(table);
  const foreignKeys: ForeignKeyRow[] = [];
  for (const table of tables) {
    const inbound = await foreignKeysOf(connection, schema, table, 'inbound');
    foreignKeys.push(...inbound.filter((key) => key.schema !== schema || !tables.includes(key.table)));
  }
  return { version: await serverVersion(connection), tables, foreignKeys };
}

/** The server's major version. */
export async function serverVersion(connection: Connection): Promise<number> {
  const [server] = await connection.query<{ version: string }>(
    `SELECT current_setting('server_version_num') AS version`,
  );
  return Math.floor(Number(server?.version) / 10_000);
}

/** Puts the dumped tables back in one transaction, after removing those that did not exist and whatever refers to
 *  them. Repeating it after a crash comes to the same end. */
export async function restoreTables(
  connections: Connections,
  schema: string,
  record: BackupRecord,
  signal: AbortSignal,
): Promise<void> {
  const { tables, absent, foreignKeys } = detailSchema.parse(record.detail);
  if (tables.length > 0 && (!existsSync(record.path) || (await digestOf(record.path)) !== record.digest)) {
    throw new MigrationError('bill.invalid', `The backup ${record.path} is not the one that the bill names.`, {
      hint: 'Put the backup back where it was, unchanged.',
      where: record.path,
    });
  }
  await connections.use('remove what was copied', signal, (connection) =>
    connection.transaction(async () => {
      for (const table of [...absent, ...tables]) {
        await dropForeignKeys(connection, await foreignKeysOf(connection, schema, table, 'inbound'));
      }
      for (const table of absent) await connection.run(`DROP TABLE IF EXISTS ${qualified(schema, table)}`);
    }),
  );
  if (tables.length === 0) return;
  // Any pg_restore that is at least as new as the pg_dump reads the file; both come in one package.
  const { version } = await connections.use('look at the server', signal, (connection) => look(connection, schema, []));
  const program = await findProgram('pg_restore', version);
  const words = [
    '--single-transaction',
    '--clean',
    '--if-exists',
    `--dbname=${connections.place.database}`,
    record.path,
  ];
  await runProgram(program, words, connections.login(), signal);
  await connections.use('put foreign keys back', signal, (connection) => addMissing(connection, foreignKeys));
}

async function addMissing(connection: Connection, keys: readonly ForeignKeyRow[]): Promise<void> {
  for (const { schema, table, name, definition, valid } of keys) {
    const there = await connection.query(
      'SELECT FROM pg_constraint WHERE conname = $1 AND conrelid = to_regclass($2)',
      [name, qualified(schema, table)],
    );
    if (there.length > 0 || !(await tableExists(connection, schema, table))) continue;
    const unchecked = valid ? '' : ' NOT VALID';
    await connection.run(
      `ALTER TABLE ${qualified(schema, table)} ADD CONSTRAINT ${quoteName(name)} ${definition}${unchecked}`,
    );
  }
}

async function sync(path: string): Promise<void> {
  await using handle = await open(path, 'r');
  await handle.sync();
}

async function digestOf(file: string): Promise<string> {
  const hasher = new Blake3Hasher();
  for await (const part of createReadStream(file, { highWaterMark: 2 ** 20 })) hasher.update(part as Buffer);
  return `b3:${hasher.digest('hex')}`;
}
