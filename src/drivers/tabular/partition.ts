import { dirname, sep } from 'node:path';
import type { InputFile } from './find-files.ts';

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
