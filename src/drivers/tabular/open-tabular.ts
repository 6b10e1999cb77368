import type { Address } from '../../model/address.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { Store } from '../../store/store.ts';
import { findTables } from './find-files.ts';
import type { TabularKind } from './options.ts';
import { createSink } from './sink.ts';
import { createSource } from './source.ts';
import { refuseTarget } from './target-places.ts';
import type { TableReader } from './table-reader.ts';
import { createTextReader } from './text-reader.ts';

export async function openTabular(kind: TabularKind, address: Address): Promise<Store> {
  const { path } = address;
  if (path === '') {
    throw new MigrationError('address.invalid', `${address.text} names no file or folder.`, {
      hint: `Write ${kind.format}:folder/ or ${kind.format}:file.`,
    });
  }
  const reader = kind.format === 'parquet' ? await openParquetReader() : createTextReader(kind);
  const source = createSource(kind, path, reader);
  return {
    address,
    source,
    sink: createSink(kind, path, source),
    async probe(role) {
      if (role === 'target') refuseTarget(kind, path);
      else if ((await findTables(kind, path)).length === 0) {
        throw new MigrationError('source.missing', `There are no ${kind.format} files at ${path}.`, {
          hint: 'Check the path. In a folder, files are told by their names: .csv, .tsv, .jsonl, .ndjson, .json, .parquet.',
          where: path,
        });
      }
      return [];
    },
    async [Symbol.asyncDispose]() {
      await reader.close();
    },
  };
}

/** DuckDB is loaded only for who needs it. */
async function openParquetReader(): Promise<TableReader> {
  const { createParquetReader } = await import('./parquet-reader.ts');
  return createParquetReader();
}
