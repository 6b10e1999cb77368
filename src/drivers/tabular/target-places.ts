import { statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { MigrationError } from '../../model/migration-error.ts';
import { endings, fileOfTable, folderOfTable, tableOfFile } from './file-names.ts';
import { isPattern } from './find-files.ts';
import type { TabularKind } from './options.ts';

/** Where a target's tables are put. */
export interface Places {
  /** Drafts gather here. */
  readonly folder: string;
  /** The one table of a target that is a file. */
  readonly table?: string;
  fileOf(table: string): string;
  /** Of a table that is partitioned. */
  folderOf(table: string): string;
}

/** A path that ends like a file, and is no folder, is one table's file; any other is a folder of tables. */
export function placesOf(kind: TabularKind, path: string): Places {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? !endings[kind.format].test(path);
  const inFolder = {
    folder: path,
    fileOf: (table: string) => join(path, fileOfTable(table, kind.format)),
    folderOf: (table: string) => join(path, folderOfTable(table)),
  };
  if (isFolder) return inFolder;
  return {
    ...inFolder,
    folder: dirname(path),
    table: tableOfFile(basename(path), kind.format),
    fileOf: () => path,
  };
}

/** What cannot be written to, whatever is in it. */
export function refuseTarget(kind: TabularKind, path: string): void {
  if (isPattern(path)) {
    throw new MigrationError('config.invalid', `${path} is a pattern of files, which can be read but not written.`, {
      hint: 'Name a folder, or one file.',
      where: path,
    });
  }
  if (/\.(gz|zst)$/i.test(path)) {
    throw new MigrationError('store.unsupported', `${path}: compressed ${kind.format} files are read, not written.`, {
      hint: 'Write it plain and compress it afterwards, or write Parquet, which is compressed.',
      where: path,
    });
  }
  if (kind.format === 'parquet' && kind.options.partition !== '' && placesOf(kind, path).table !== undefined) {
    throw new MigrationError('config.invalid', `${path} is one file, which cannot be partitioned.`, {
      hint: 'Name a folder: the table becomes a folder in it.',
      where: path,
    });
  }
  if (kind.options.table !== '') {
    throw new MigrationError('config.invalid', 'The option table is for reading several files as one table.', {
      hint: 'Leave it out: each table becomes a file of its name.',
      where: path,
    });
  }
}
