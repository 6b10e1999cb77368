import { dirname, sep } from 'node:path';
import { MigrationError } from '../../model/migration-error.ts';
import { carriedColumns, type TableShape } from '../../model/shape.ts';
import type { InputFile } from './find-files.ts';
import type { TabularKind } from './options.ts';

/** What Hive and all its readers write for NULL. */
export const nullPartition = '__HIVE_DEFAULT_PARTITION__';

/** Columns that stand in a file's path as folders `name=value`. */
export function partitionOf({ name }: Pick<InputFile, 'name'>): ReadonlyMap<string, string | null> {
  const columns = new Map<string, string | null>();
  for (const folder of dirname(name).split(sep)) {
    const at = folder.indexOf('=');
    if (at <= 0) continue;
    const value = folder.slice(at + 1);
    columns.set(decode(folder.slice(0, at)), value === nullPartition ? null : decode(value));
  }
  return columns;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const usable = new Set(['integer', 'text', 'date', 'boolean']);

/** Columns that a table is partitioned by: those of the option, where it has them all. Throws where their values make no
 *  names of folders. */
export function partitionColumns(kind: TabularKind, shape: TableShape): readonly string[] {
  if (kind.format !== 'parquet') return [];
  const wanted = kind.options.partition
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const columns = carriedColumns(shape);
  const found = wanted.flatMap((name) => columns.filter((column) => column.name === name));
  if (found.length < wanted.length) return [];
  const unfit = found.find(({ type }) => !usable.has(type.kind));
  if (unfit || found.length === columns.length) {
    const why = unfit ? `column ${unfit.name} is ${unfit.declared}` : 'no column would be left';
    throw new MigrationError('store.unsupported', `Table ${shape.name} cannot be partitioned: ${why}.`, {
      hint: 'Partition by whole numbers, texts, dates or truth values, and by fewer columns than there are.',
      where: shape.name,
    });
  }
  return wanted;
}
