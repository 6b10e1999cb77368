import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { glob, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { compareNames } from '../../lib/byte-names.ts';
import { MigrationError } from '../../model/migration-error.ts';
import { endings, tableOfFile } from './file-names.ts';
import type { TabularKind } from './options.ts';
import { isShapeFile } from './shape-file.ts';

export interface InputFile {
  readonly path: string;
  /** As messages and keys of rows name it: relative to the store's path. */
  readonly name: string;
  readonly bytes: number;
  readonly mtime: string;
  readonly inode: string;
}

export interface TableFiles {
  readonly table: string;
  /** In order of their names. */
  readonly files: readonly InputFile[];
  /** The folder that is this table; undefined for a table of one file. */
  readonly folder?: string;
}

/** The tables of a path: each file is one, each subfolder is one of all files in it; with the option `table` everything
 *  is one. Nothing there: an empty list. */
export async function findTables(kind: TabularKind, path: string): Promise<readonly TableFiles[]> {
  const all = kind.options.table;
  const tables = new Map<string, { files: InputFile[]; folder?: string }>();
  const add = (table: string, file: InputFile, folder: string | undefined): void => {
    const found = tables.get(table);
    if (!found) tables.set(table, { files: [file], ...(folder !== undefined && { folder }) });
    else if (all !== '' || (folder !== undefined && found.folder === folder)) found.files.push(file);
    else throw twoOfOneName(table, found.files[0]?.name ?? '', file.name);
  };
  for await (const { file, base } of inputFiles(kind, path)) {
    const [first = '', ...rest] = relative(base, file.path).split(sep);
    if (all !== '') add(all, file, undefined);
    else if (rest.length === 0) add(tableOfFile(basename(first), kind.format), file, undefined);
    else add(first, file, join(base, first));
  }
  return [...tables]
    .map(([table, { files, folder }]) => ({
      table,
      files: files.sort((a, b) => compareNames(a.name, b.name)),
      ...(folder !== undefined && { folder }),
    }))
    .sort((a, b) => compareNames(a.table, b.table));
}

/** Changes whenever a file of the store is added, removed or written to. */
export function positionOf(tables: readonly TableFiles[]): string {
  const hash = createHash('sha256');
  for (const { table, files } of tables) {
    hash.update(JSON.stringify([table, files.map(({ name, bytes, mtime, inode }) => [name, bytes, mtime, inode])]));
  }
  return `files:${hash.digest('hex').slice(0, 32)}`;
}

async function* inputFiles(
  kind: TabularKind,
  path: string,
): AsyncGenerator<{ readonly file: InputFile; readonly base: string }> {
  if (isPattern(path)) {
    const base = patternBase(path);
    for await (const found of glob(path)) {
      const stats = await stat(found, { bigint: true });
      if (stats.isFile()) yield { file: inputFile(found, relative(base, found), stats), base: dirname(found) };
    }
    return;
  }
  const stats = await stat(path, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw cannotRead(path, error);
  });
  if (!stats) return;
  if (stats.isFile()) yield { file: inputFile(path, basename(path), stats), base: dirname(path) };
  else if (stats.isDirectory()) for await (const file of filesBelow(kind, path, path)) yield { file, base: path };
}

/** Names that begin with a dot or an underline are somebody's own (drafts, markers), as everywhere in this field. */
async function* filesBelow(kind: TabularKind, folder: string, base: string): AsyncGenerator<InputFile> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw cannotRead(folder, error);
  });
  for (const entry of entries) {
    if (/^[._]/.test(entry.name)) continue;
    const path = join(folder, entry.name);
    const stats = entry.isSymbolicLink() ? await stat(path).catch(() => undefined) : entry;
    if (stats?.isDirectory() && !entry.isSymbolicLink()) yield* filesBelow(kind, path, base);
    else if (stats?.isFile() && endings[kind.format].test(entry.name) && !isShapeFile(entry.name)) {
      yield inputFile(path, relative(base, path), await stat(path, { bigint: true }));
    }
  }
}

const inputFile = (path: string, name: string, stats: BigIntStats): InputFile => ({
  path,
  name,
  bytes: Number(stats.size),
  mtime: String(stats.mtimeNs),
  inode: String(stats.ino),
});

export const isPattern = (path: string): boolean => /[*[\]{}]/.test(path);

function patternBase(path: string): string {
  let base = dirname(path);
  while (isPattern(base)) base = dirname(base);
  return base;
}

function cannotRead(path: string, error: NodeJS.ErrnoException): MigrationError {
  return new MigrationError('store.denied', `${path} cannot be read: ${error.message}.`, {
    where: path,
    hint: 'Give the user who runs this the right to read it.',
    cause: error,
  });
}

const twoOfOneName = (table: string, one: string, other: string): MigrationError =>
  new MigrationError('plan.name-clash', `${one} and ${other} would both be table ${table}.`, {
    hint: 'Rename one of them, or read them as one table with the option table.',
    where: table,
  });
