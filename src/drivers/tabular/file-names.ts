import type { TabularKind } from './options.ts';

/** File names of each kind, with what may stand behind them. */
export const endings: Readonly<Record<TabularKind['format'], RegExp>> = {
  csv: /\.(csv|tsv|tab)(\.gz|\.zst)?$/i,
  json: /\.(jsonl|ndjson|json)(\.gz|\.zst)?$/i,
  parquet: /\.(parquet|pq)$/i,
};

/** What a target's files are called. */
export const extensions: Readonly<Record<TabularKind['format'], string>> = {
  csv: '.csv',
  json: '.jsonl',
  parquet: '.parquet',
};

/** Characters that a file name cannot hold, or must not begin with, stand in it as %XX. */
export const fileOfTable = (table: string, format: TabularKind['format']): string =>
  `${folderOfTable(table)}${extensions[format]}`;

export const folderOfTable = (table: string): string => table.replace(/[%/\0]|^[._]/g, percent);

export const tableOfFile = (name: string, format: TabularKind['format']): string =>
  tableOfFolder(name.replace(endings[format], ''));

export const tableOfFolder = (name: string): string =>
  name.replace(/%(25|2F|00|2E|5F)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

const percent = (character: string): string =>
  `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
