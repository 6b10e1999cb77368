import { setImmediate } from 'node:timers/promises';
import type { Chunk } from '../../model/item.ts';
import { carriedColumns } from '../../model/shape.ts';
import { positionOf, type InputFile, type TableFiles } from './find-files.ts';
import type { HeldFiles } from './file-blocks.ts';
import { isCompressed } from './file-blocks.ts';
import type { TextKind } from './options.ts';
import { fieldsOf, fileKeys, openText, rowBlocks, scanText, type ScannedTable } from './scan-text.ts';
import { shapeOf } from './shape-of.ts';
import type { TableReader } from './table-reader.ts';
import { rejectOf } from './text-misfit.ts';
import { TextScanner } from './text-scanner.ts';

/** A place among the files of a table, as a chunk carries it. */
type Place = readonly [file: number, offset: number, line: number];

/** A table larger than this is cut into several chunks even where they get smaller than asked for, so that workers can
 *  share it. */
const sharedBytes = 8 * 1024 * 1024;
const sharedChunks = 4;

export function createTextReader(kind: TextKind): TableReader {
  /** Where rows begin, found while the columns were; kept for split, under the position of the files. */
  const scans = new Map<string, ScannedTable>();

  async function scan(table: TableFiles, held: HeldFiles, report: () => void, signal: AbortSignal) {
    const position = positionOf([table]);
    const known = scans.get(position);
    if (known) return known;
    const scanned = await scanText(table, kind, held, report, signal);
    if (scanned) scans.set(position, scanned);
    return scanned;
  }

  async function* readFile(
    file: InputFile,
    from: Place | undefined,
    to: number | undefined,
    read: Parameters<TableReader['read']>,
  ): AsyncGenerator<Uint8Array> {
    const [, , item, as, held, rejects, signal] = read;
    const opening = await openText(file, kind, held);
    const columns = carriedColumns(shapeOf(as));
    const fields = fieldsOf(carriedColumns(shapeOf(item)), columns, opening);
    const names = fileKeys(opening, { columns: carriedColumns(shapeOf(item)) });
    const [start, line] = from ? [from[1], from[2]] : [opening.start, opening.line];
    const scanner = new TextScanner(opening.dialect, names, fields, line);
    const note = (misfit: Parameters<typeof rejectOf>[3]): void => {
      rejects.push(rejectOf(item.key, file, columns, misfit));
    };
    for await (const block of rowBlocks(file, opening, start, to, held)) {
      signal.throwIfAborted();
      scanner.push(block);
      yield* scanner.encode(false, note);
    }
    yield* scanner.encode(true, note);
    const rest = scanner.rest();
    if (rest) yield rest;
  }

  return {
    async describe(table, held, report, signal) {
      const scanned = await scanText(table, kind, held, report, signal);
      if (scanned) scans.set(positionOf([table]), scanned);
      return scanned;
    },
    async *split(table, targetBytes, held, signal) {
      const scanned = await scan(table, held, () => {}, signal);
      if (!scanned) return;
      for (const chunk of chunksOf(scanned, targetBytes)) {
        yield chunk;
        await setImmediate();
        signal.throwIfAborted();
      }
    },
    async *read(...read) {
      const [table, range] = read;
      const [from, to] = range ? range.map((text) => JSON.parse(text) as Place) : [];
      for (const [i, file] of table.files.entries()) {
        if (from && i < from[0]) continue;
        if (to && (i > to[0] || (i === to[0] && to[1] === 0))) break;
        yield* readFile(
          file,
          from?.[0] === i && from[1] > 0 ? from : undefined,
          to?.[0] === i ? to[1] : undefined,
          read,
        );
      }
    },
    async close() {
      scans.clear();
    },
  };
}

/** Cuts at marks, so that chunks begin with rows; small files share one. */
function* chunksOf(scanned: ScannedTable, targetBytes: number): Generator<Chunk> {
  const { bytes, files } = scanned;
  const wished = bytes > sharedBytes ? Math.min(targetBytes, Math.ceil(bytes / sharedChunks)) : targetBytes;
  const most = bytes <= targetBytes && bytes <= sharedBytes ? Infinity : wished;
  let from: Place = [0, 0, 0];
  let [filled, filledRows] = [0, 0];
  const chunk = (to: Place): Chunk => ({
    id: `${from[0]}@${from[1]}..${to[0]}@${to[1]}`,
    bytes: filled,
    rows: filledRows,
    range: [JSON.stringify(from), JSON.stringify(to)],
  });
  for (const [i, { file, marks, rows }] of files.entries()) {
    for (const [m, [offset, , before]] of marks.entries()) {
      const next = marks[m + 1];
      const cut = filled >= most;
      if (cut) {
        const here: Place = m === 0 ? [i, 0, 0] : [i, offset, marks[m]?.[1] ?? 1];
        yield chunk(here);
        from = here;
        [filled, filledRows] = [0, 0];
      }
      filled += (next?.[0] ?? (isCompressed(file) ? offset + file.bytes : file.bytes)) - offset;
      filledRows += (next?.[2] ?? rows) - before;
    }
  }
  if (files.length > 0) yield chunk([files.length, 0, 0]);
}
