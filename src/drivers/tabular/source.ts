import type { FileHandle } from 'node:fs/promises';
import { rowsDigest } from '../../model/digest.ts';
import type { Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { Reject } from '../../model/receipt.ts';
import { carriedColumns } from '../../model/shape.ts';
import { createBucketDigest, createRowDigest, createRowMarker, type RowMarks } from '../../store/rows/row-digest.ts';
import { createRowKey, keyColumns } from '../../store/rows/row-key.ts';
import { RowReader } from '../../store/rows/row-reader.ts';
import type { RowPrint, Source } from '../../store/store.ts';
import { openInput } from './file-blocks.ts';
import { findTables, positionOf, type TableFiles } from './find-files.ts';
import type { TabularKind } from './options.ts';
import { shapeOf } from './shape-of.ts';
import type { TableReader } from './table-reader.ts';

/** As many files are kept open while a snapshot lasts; of more, only size and time are watched. */
const mostHeld = 200;
const pageItems = 50;

interface Frozen {
  readonly tables: readonly TableFiles[];
  readonly held: ReadonlyMap<string, FileHandle>;
}

export function createSource(kind: TabularKind, path: string, reader: TableReader): Source {
  let frozen: Frozen | undefined;
  const tables = async (): Promise<readonly TableFiles[]> => frozen?.tables ?? findTables(kind, path);
  const held = (): Frozen['held'] => frozen?.held ?? new Map<string, FileHandle>();

  async function tableOf(item: Item): Promise<TableFiles> {
    const { name } = shapeOf(item);
    const found = (await tables()).find(({ table }) => table === name);
    if (found) return found;
    throw new MigrationError('source.moved', `The files of table ${name} are no longer in ${path}.`, { where: name });
  }

  async function* rowsOf(item: Item, as: Item, rejects: Reject[], signal: AbortSignal) {
    yield* reader.read(await tableOf(item), undefined, item, as, held(), rejects, signal);
  }

  /** All rows, to be compared: none may be left out. */
  async function* everyRow(item: Item, as: Item, signal: AbortSignal) {
    const rejects: Reject[] = [];
    yield* rowsOf(item, as, rejects, signal);
  }

  async function* marked(item: Item, as: Item, signal: AbortSignal, rejects: Reject[] = []) {
    const shape = shapeOf(as);
    const marker = createRowMarker(carriedColumns(shape).length, keyColumns(shape));
    for await (const part of rowsOf(item, as, rejects, signal)) yield { part, marks: marker.mark(part) };
  }

  return {
    offers: ['rows', 'nothing'],
    async *list(report, signal) {
      const page: Item[] = [];
      for (const table of await tables()) {
        signal.throwIfAborted();
        const described = await reader.describe(table, held(), report, signal);
        if (!described) continue;
        const { shape, rows, bytes } = described;
        page.push({ key: table.table, kind: 'table', stage: 'data', bytes, rows, shape });
        if (page.length >= pageItems) yield page.splice(0);
      }
      if (page.length > 0) yield page;
    },
    async *split(item, targetBytes, signal) {
      if (item.kind === 'table') yield* reader.split(await tableOf(item), targetBytes, held(), signal);
    },
    async read(chunk, item, as, _format, signal) {
      const rejects: Reject[] = [];
      const parts = chunk.keys
        ? withKeys(as, chunk.keys, marked(item, as, signal, rejects))
        : reader.read(await tableOf(item), chunk.range, item, as, held(), rejects, signal);
      return { format: 'rows', parts, rejects };
    },
    async snapshot(at) {
      const found = await findTables(kind, path);
      const position = positionOf(found);
      if (at !== undefined && at !== position) {
        throw new MigrationError('source.moved', `The files of ${path} changed since their position was recorded.`, {
          hint: 'Stop what writes to them, then run again.',
          where: path,
        });
      }
      const handles = new Map<string, FileHandle>();
      const files = found.flatMap((table) => table.files);
      if (files.length <= mostHeld) for (const file of files) handles.set(file.path, await openInput(file));
      frozen = { tables: found, held: handles };
      return {
        position,
        async [Symbol.asyncDispose]() {
          frozen = undefined;
          for (const handle of handles.values()) await handle.close();
        },
      };
    },
    async digest(item, as, signal) {
      const digest = createRowDigest(carriedColumns(shapeOf(as)).length);
      let bytes = 0;
      for await (const part of everyRow(item, as, signal)) {
        digest.update(part);
        bytes += part.length;
      }
      return { rows: digest.rows, bytes, digest: rowsDigest(digest.sum) };
    },
    async bucketDigests(item, as, buckets, signal) {
      const shape = shapeOf(as);
      const digest = createBucketDigest(carriedColumns(shape).length, keyColumns(shape), buckets);
      for await (const part of everyRow(item, as, signal)) digest.update(part);
      return digest.result();
    },
    async *rowPrints(item, as, buckets, wanted, signal) {
      const keyOf = createRowKey(shapeOf(as));
      const reader = new RowReader(carriedColumns(shapeOf(as)).length);
      for await (const { part, marks } of marked(item, as, signal)) {
        const prints: RowPrint[] = [];
        for (let i = 0; i < marks.rows; i++) {
          if (!wanted.has(marks.bucket(i, buckets))) continue;
          reader.open(part, marks.offset(i)).next();
          prints.push({ key: keyOf(reader, marks.hash(i)), hash: marks.hash(i) });
        }
        if (prints.length > 0) yield prints;
      }
    },
  };
}

/** The rows of the given keys: files have no index, so all are looked at. */
async function* withKeys(
  as: Item,
  keys: readonly string[],
  parts: AsyncIterable<{ readonly part: Uint8Array; readonly marks: RowMarks }>,
): AsyncGenerator<Uint8Array> {
  const wanted = new Set(keys);
  const keyOf = createRowKey(shapeOf(as));
  const reader = new RowReader(carriedColumns(shapeOf(as)).length);
  for await (const { part, marks } of parts) {
    const rows: Uint8Array[] = [];
    for (let i = 0; i < marks.rows; i++) {
      reader.open(part, marks.offset(i)).next();
      if (!wanted.has(keyOf(reader, marks.hash(i)))) continue;
      rows.push(part.subarray(marks.offset(i), i + 1 < marks.rows ? marks.offset(i + 1) : part.length));
    }
    if (rows.length > 0) yield Buffer.concat(rows);
  }
}
