import { readFile } from 'node:fs/promises';
import { MigrationError } from '../../model/migration-error.ts';
import { carriedColumns, type TableShape } from '../../model/shape.ts';
import { createRowMarker } from '../../store/rows/row-digest.ts';
import { createRowKey, keyColumns } from '../../store/rows/row-key.ts';
import { RowReader } from '../../store/rows/row-reader.ts';
import type { DraftContext } from './table-draft.ts';

/** Keys are held while files are merged. */
const mostKeys = 2_000_000;

/** What stays of the rows at the target: all when rows are appended; when they are merged, those whose key neither comes
 *  anew nor is to go. */
export async function* keptRows(
  { as, shape, source, options }: DraftContext,
  keyFiles: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const gone = new Set(options.into === 'merge' ? options.removeKeys : []);
  for (const path of keyFiles) {
    for (const key of JSON.parse(await readFile(path, 'utf8')) as string[]) gone.add(key);
    if (gone.size > mostKeys) throw tooMany(shape.name);
  }
  const payload = await source.read({ id: 'all', bytes: as.bytes }, as, as, 'rows', signal);
  if (payload.format !== 'rows') return;
  const columns = carriedColumns(shape).length;
  const marker = createRowMarker(columns, keyColumns(shape));
  const keyOf = createRowKey(shape);
  const reader = new RowReader(columns);
  for await (const part of payload.parts) {
    if (gone.size === 0) {
      yield part;
      continue;
    }
    const marks = marker.mark(part);
    const rows: Uint8Array[] = [];
    for (let i = 0; i < marks.rows; i++) {
      reader.open(part, marks.offset(i)).next();
      if (gone.has(keyOf(reader, marks.hash(i)))) continue;
      rows.push(part.subarray(marks.offset(i), i + 1 < marks.rows ? marks.offset(i + 1) : part.length));
    }
    if (rows.length > 0) yield Buffer.concat(rows);
  }
  const [reject] = payload.rejects;
  if (reject) throw unreadable(shape.name, `${reject.key}: ${reject.reason}`);
}

/** The parts as they are; the keys of their rows are added to `keys`. */
export async function* notingKeys(
  parts: AsyncIterable<Uint8Array>,
  shape: TableShape,
  keys: string[],
): AsyncGenerator<Uint8Array> {
  const keyOf = createRowKey(shape);
  const reader = new RowReader(carriedColumns(shape).length);
  for await (const part of parts) {
    reader.open(part);
    while (reader.next()) keys.push(keyOf(reader, 0n));
    yield part;
  }
}

const tooMany = (table: string): MigrationError =>
  new MigrationError('store.unsupported', `More than ${mostKeys} rows of ${table} are to be merged into a file.`, {
    hint: 'A file is written anew whatever changes in it: use --into replace.',
    where: table,
  });

const unreadable = (table: string, why: string): MigrationError =>
  new MigrationError('value.unfit', `A row of ${table} that is at the target cannot be kept: ${why}.`, {
    hint: 'The file there does not fit the table: use --into replace.',
    where: table,
  });
