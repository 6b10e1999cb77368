import type { Item } from '../../model/item.ts';
import type { Into } from '../../model/job.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { FilePart } from '../../store/store.ts';
import { rowKeys, shapeOf } from './rows.ts';
import { putInSpace, type DraftRecord, type Kept, type Space, type WrittenChunk } from './space.ts';

/** Makes a draft visible. Everything that can fail comes before the first change, and nothing here waits: all of it
 *  is seen at once. */
export function publishDraft(space: Space, draft: DraftRecord): void {
  const { as, options, chunks } = draft;
  refuseOccupied(space, as, options.into);
  const written = [...chunks.values()];
  if (as.kind === 'batch') {
    for (const member of written.flatMap(({ members = [] }) => members)) {
      const { item, bytes, extents = [[0, bytes.length]] } = member;
      const pieces = extents.map(([from, to]): FilePart => ({ offset: from, bytes: bytes.subarray(from, to) }));
      const parts = pieces.filter((piece) => piece.bytes.length > 0);
      putInSpace(space, item, item.kind === 'file' ? { parts } : {});
    }
  } else if (as.kind === 'table') {
    putInSpace(space, as, { rows: tableRows(space.items.get(as.key), draft, written) });
  } else if (as.kind === 'file') {
    const parts = written.flatMap((chunk) => chunk.parts ?? []).filter(({ bytes }) => bytes.length > 0);
    putInSpace(space, as, { parts: parts.sort((a, b) => a.offset - b.offset) });
  } else {
    putInSpace(space, as);
  }
  draft.published = true;
  chunks.clear();
}

/** Whoever says `empty`, or adds files with `append`, wants nothing overwritten. A directory that is there is the same
 *  directory. */
export function refuseOccupied(space: Space, as: Item, into: Into): void {
  if (into === 'replace' || into === 'merge') return;
  for (const item of as.members ?? [as]) {
    if (item.kind === 'directory' || (into === 'append' && item.kind === 'table') || !space.items.has(item.key))
      continue;
    throw new MigrationError('target.not-empty', `${item.key} is already in memory:${space.name}.`, {
      hint: 'Say what should happen to it: --into replace or --into merge.',
      where: item.key,
    });
  }
}

function tableRows(before: Kept | undefined, { as, options }: DraftRecord, written: readonly WrittenChunk[]) {
  const shape = shapeOf(as);
  const brought = written.flatMap(({ rows = [] }) => rows);
  const have = before?.rows ?? [];
  const rows = options.into === 'append' || options.into === 'merge' ? [...have, ...brought] : brought;
  if (options.into !== 'merge') {
    refuseTwice(rows, as);
    return rows;
  }
  const replaced = new Set([...rowKeys(brought, shape), ...(options.removeKeys ?? [])]);
  const keys = rowKeys(have, shape);
  return [...have.filter((_, i) => !replaced.has(keys[i] ?? '')), ...brought];
}

function refuseTwice(rows: readonly Uint8Array[], as: Item): void {
  const shape = shapeOf(as);
  if (shape.primaryKey.length === 0) return;
  const seen = new Set<string>();
  for (const key of rowKeys(rows, shape)) {
    if (seen.has(key)) {
      throw new MigrationError('index.broken', `${as.key} would hold the key ${key} twice.`, { where: as.key });
    }
    seen.add(key);
  }
}
