import { rm, stat } from 'node:fs/promises';
import { writeAtomically } from '../../lib/write-atomically.ts';
import type { BaseContent } from '../../model/event.ts';
import type { Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { TableShape } from '../../model/shape.ts';
import type { Draft, DraftOptions, Source } from '../../store/store.ts';
import { DraftFolder } from './draft-folder.ts';
import { fileError, inWords } from './file-error.ts';
import type { TableFiles } from './find-files.ts';
import { keptRows, notingKeys } from './kept-rows.ts';
import type { TabularKind } from './options.ts';
import { shapeFileOf, shapeFileText } from './shape-file.ts';
import { assembleTable, writeRows, type ChunkFile } from './table-format.ts';
import { moveIntoPlace } from './move-into-place.ts';
import type { Places } from './target-places.ts';

export interface DraftContext {
  readonly kind: TabularKind;
  readonly places: Places;
  readonly source: Source;
  readonly as: Item;
  readonly shape: TableShape;
  readonly options: DraftOptions;
  readonly filesOf: (table: string) => Promise<TableFiles | undefined>;
}

const keptChunk = 'kept';

/** A table being written: each chunk is a file of the draft's folder, and all are put together and renamed into place
 *  when it is published. The ticket is the folder's name. */
export async function draftTable(
  context: DraftContext,
  ticket: string | undefined,
  base: BaseContent | undefined,
  signal: AbortSignal,
): Promise<Draft> {
  const { kind, places, shape, options } = context;
  signal.throwIfAborted();
  const folder =
    ticket === undefined
      ? DraftFolder.named(places.folder, options.run, options.step)
      : new DraftFolder(places.folder, ticket);
  if (ticket === undefined) {
    await refuseInto(context);
    await folder.begin();
  } else if (!(await folder.isThere())) throw lost(shape.name, 'its folder is gone');
  if (await folder.publication()) await finish(context, folder);
  const published = await folder.isPublished();

  return {
    ticket: folder.ticket,
    published,
    ...(base && { base }),
    async write(chunk, payload, writeSignal) {
      if (payload.format !== 'rows') throw new TypeError(`a table takes rows, not ${payload.format}`);
      const known = published ? { rows: 0, bytes: 0 } : await folder.find(chunk.id);
      if (known) {
        for await (const _ of payload.parts) writeSignal.throwIfAborted();
        return { rows: known.rows, bytes: known.bytes };
      }
      try {
        const keys: string[] = [];
        const merges = options.into === 'merge' && shape.primaryKey.length > 0;
        const parts = merges ? notingKeys(payload.parts, shape, keys) : payload.parts;
        const written = await writeAtomically(folder.contentOf(chunk.id), 0o600, (file) =>
          writeRows(file, kind, shape, parts, writeSignal),
        );
        if (merges) await folder.keepKeys(chunk.id, keys);
        await folder.enter({ chunk: chunk.id, ...written });
        return { rows: written.rows, bytes: written.bytes };
      } catch (error) {
        if (!(await folder.isThere())) throw lost(shape.name, 'its folder is gone');
        throw fileError(error, folder.path);
      }
    },
    async publish(receipts, publishSignal) {
      await inWords(folder.path, async () => {
        if (await folder.isPublished()) return;
        if (!(await folder.isThere())) throw lost(shape.name, 'its folder is gone');
        if (!(await folder.publication())) await assemble(context, folder, receipts, publishSignal);
        await finish(context, folder);
      });
    },
    async discard() {
      await folder.remove();
    },
    async [Symbol.asyncDispose]() {},
  };
}

async function refuseInto({ shape, options, filesOf }: DraftContext): Promise<void> {
  const there = await filesOf(shape.name);
  if (there && options.into === 'empty') throw notEmpty(shape.name);
  if (there && options.into === 'merge' && shape.primaryKey.length === 0) {
    throw new MigrationError('store.unsupported', `Table ${shape.name} has no primary key, so rows cannot be merged.`, {
      hint: 'Use --into replace or append.',
      where: shape.name,
    });
  }
}

/** Puts the chunks together as they will stand at the target, and decides on it. */
async function assemble(
  context: DraftContext,
  folder: DraftFolder,
  receipts: readonly Receipt[],
  signal: AbortSignal,
): Promise<void> {
  const { kind, places, shape, options, filesOf } = context;
  const chunks: ChunkFile[] = [];
  const ids = receipts.map(({ chunk }) => chunk).sort(compareChunks);
  for (const receipt of receipts) {
    if ((await folder.find(receipt.chunk))?.rows !== receipt.rows) throw lost(shape.name, 'a chunk is gone');
  }
  const there = await filesOf(shape.name);
  if (there && options.into === 'empty') throw notEmpty(shape.name);
  if (there && (options.into === 'append' || options.into === 'merge')) {
    chunks.push(await keep(context, folder, ids, signal));
  }
  for (const id of ids) {
    const line = await folder.find(id);
    if (line) chunks.push({ path: folder.contentOf(id), facts: line.facts });
  }
  await rm(folder.whole, { recursive: true, force: true });
  const isFolder = await assembleTable(folder.whole, kind, shape, chunks);
  const { ino, size } = await stat(folder.whole, { bigint: true });
  const target = isFolder ? places.folderOf(shape.name) : places.fileOf(shape.name);
  const obsolete = there?.folder !== undefined ? [there.folder] : (there?.files ?? []).map(({ path }) => path);
  await folder.decide({
    inode: String(ino),
    target,
    isFolder,
    bytes: Number(size),
    obsolete: obsolete.filter((path) => path !== target),
  });
}

/** What stays of the rows that are there, as one more chunk. */
async function keep(
  context: DraftContext,
  folder: DraftFolder,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<ChunkFile> {
  const { kind, shape, options } = context;
  const path = folder.contentOf(keptChunk);
  const keyFiles = options.into === 'merge' ? ids.map((id) => folder.keysOf(id)) : [];
  await rm(path, { force: true });
  const { facts } = await writeAtomically(path, 0o600, (file) =>
    writeRows(file, kind, shape, keptRows(context, keyFiles, signal), signal),
  );
  return { path, facts };
}

/** Does what was decided, as far as it is not done: safe to repeat, also by another process. */
async function finish({ kind, shape }: DraftContext, folder: DraftFolder): Promise<void> {
  if (await folder.isPublished()) return;
  const publication = await folder.publication();
  if (!publication) throw lost(shape.name, 'what was to be published is gone');
  const { target } = publication;
  if (!(await moveIntoPlace(folder.whole, publication))) throw lost(shape.name, 'what was put together is gone');
  if (kind.format !== 'parquet') {
    const text = shapeFileText(target, publication.bytes, shape);
    await writeAtomically(shapeFileOf(target), 0o644, (file) => file.writeFile(text));
  }
  for (const path of publication.obsolete) {
    await rm(path, { recursive: true, force: true });
    await rm(shapeFileOf(path), { force: true });
  }
  await folder.markPublished();
}

/** The order that chunks of every source have by their names: numbers count as such. */
function compareChunks(a: string, b: string): number {
  const [x, y] = [a.split(/(\d+)/), b.split(/(\d+)/)];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const [one = '', other = ''] = [x[i], y[i]];
    if (one === other) continue;
    if (i % 2 === 1) return BigInt(one || '0') < BigInt(other || '0') ? -1 : 1;
    return one < other ? -1 : 1;
  }
  return 0;
}

const notEmpty = (table: string): MigrationError =>
  new MigrationError('target.not-empty', `Table ${table} is already at the target.`, {
    hint: 'Say what should happen to it: --into replace, append or merge.',
    where: table,
  });

const lost = (table: string, why: string): MigrationError =>
  new MigrationError('draft.lost', `The half-written table ${table} cannot be completed: ${why}.`, { where: table });
