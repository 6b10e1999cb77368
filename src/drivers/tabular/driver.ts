/** tabular: files of rows. csv: (also TSV), json: (JSON lines) and parquet:, a file, a folder or a glob of them. What
 *  reads and writes them is loaded when one is opened. */
import type { Driver } from '../../store/store.ts';
import { csvOptions, jsonOptions, parquetOptions } from './options.ts';

export const csvDriver: Driver = {
  scheme: 'csv',
  title: 'CSV and TSV files',
  options: csvOptions,
  example: 'csv:exports/',
  local: true,
  async open(address, values, signal) {
    const { openTabular } = await import('./open-tabular.ts');
    signal.throwIfAborted();
    return openTabular({ format: 'csv', options: csvOptions.parse(values) }, address);
  },
};

export const jsonDriver: Driver = {
  scheme: 'json',
  title: 'JSON lines files',
  options: jsonOptions,
  example: 'json:events.jsonl',
  local: true,
  async open(address, values, signal) {
    const { openTabular } = await import('./open-tabular.ts');
    signal.throwIfAborted();
    return openTabular({ format: 'json', options: jsonOptions.parse(values) }, address);
  },
};

export const parquetDriver: Driver = {
  scheme: 'parquet',
  title: 'Parquet files',
  options: parquetOptions,
  example: 'parquet:lake/',
  local: true,
  async open(address, values, signal) {
    const { openTabular } = await import('./open-tabular.ts');
    signal.throwIfAborted();
    return openTabular({ format: 'parquet', options: parquetOptions.parse(values) }, address);
  },
};
