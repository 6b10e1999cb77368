import { MigrationError } from '../../model/migration-error.ts';
import type { Finding } from '../../model/finding.ts';
import type { Reject } from '../../model/receipt.ts';
import type { ColumnShape, LogicalType, TableShape } from '../../model/shape.ts';
import { readOpening, type Opening } from './dialect.ts';
import { isCompressed, readBlocks, type HeldFiles } from './file-blocks.ts';
import type { InputFile, TableFiles } from './find-files.ts';
import type { TextKind } from './options.ts';
import { partitionOf } from './partition.ts';
import { columnOf, mergeSights, nameOfType, readTypes, typeOfSight } from './read-types.ts';
import { readShapeFile } from './shape-file.ts';
import { rejectOf } from './text-misfit.ts';
import { decodeKey, TextScanner, type Field, type FieldSight, type Misfit } from './text-scanner.ts';

/** A row begins here: its place in the file, its line, and how many rows stand before it. */
export type Mark = readonly [offset: number, line: number, rows: number];

export interface ScannedFile {
  readonly file: InputFile;
  readonly opening: Opening;
  readonly marks: readonly Mark[];
  readonly rows: number;
}

export interface ScannedTable {
  readonly shape: TableShape;
  readonly files: readonly ScannedFile[];
  readonly rows: number;
  readonly bytes: number;
}

const mostHead = 64 * 1024 * 1024;

/** Looks at every value of a table's files: its columns and their types, where rows begin, what cannot be carried.
 *  Undefined when there is no table to be had, which is reported. */
export async function scanText(
  table: TableFiles,
  kind: TextKind,
  held: HeldFiles,
  report: (finding: Finding) => void,
  signal: AbortSignal,
): Promise<ScannedTable | undefined> {
  const [known, openings] = [await readShapeFile(table, report), await readOpenings(table, kind, held, report)];
  if (!openings) return undefined;
  const types = declaredTypes(table.table, kind);
  const problems: Reject[] = [];
  let count = 0;
  const note = (file: InputFile, columns: readonly ColumnShape[]) => (misfit: Misfit) => {
    count++;
    if (problems.length < 1) problems.push(rejectOf(table.table, file, columns, misfit));
  };
  const scanned: ScannedFile[] = [];
  let sights = new Map<string, FieldSight>();

  const look = async (strict: boolean): Promise<void> => {
    sights = new Map();
    for (const [i, opening] of openings.entries()) {
      const file = table.files[i];
      if (!file) continue;
      const scanner = new TextScanner(opening.dialect, opening.names, undefined, opening.line);
      if (strict) scanner.beStrict();
      const marks = await walk(file, opening, scanner, held, signal, (final) => scanner.infer(final, note(file, [])));
      scanned.push({ file, opening, marks, rows: scanner.rows });
      const seen = scanner.sights();
      for (const [place, key] of scanner.keys.entries()) {
        const [name, sight] = [opening.dialect.format === 'json' ? decodeKey(key) : key, seen[place]];
        const before = sights.get(name);
        if (sight) sights.set(name, before ? mergeSights(before, sight) : sight);
      }
    }
  };

  const forget = (): void => {
    scanned.length = 0;
    problems.length = 0;
    count = 0;
  };

  let shape = known;
  if (!shape) {
    await look(false);
    const unsure = [...sights.values()].some((sight) => sight.doubtful && typeOfSight(sight).kind === 'float');
    if (unsure) {
      forget();
      await look(true);
    }
    shape = shapeOfSights(table.table, sights, types);
  }
  if (known || types.size > 0) {
    forget();
    for (const [i, opening] of openings.entries()) {
      const file = table.files[i];
      if (!file) continue;
      const fields = fieldsOf(shape.columns, shape.columns, opening);
      const scanner = new TextScanner(opening.dialect, fileKeys(opening, shape), fields, opening.line);
      const noting = note(file, shape.columns);
      const marks = await walk(file, opening, scanner, held, signal, (final) => {
        for (const _ of scanner.encode(final, noting)) signal.throwIfAborted();
        scanner.rest();
      });
      scanned.push({ file, opening, marks, rows: scanner.rows });
    }
  }
  if (shape.columns.length === 0) {
    report(noColumns(table));
    return undefined;
  }
  reportScan(table, shape, known !== undefined, sights, openings, problems[0], count, report);
  return {
    shape,
    files: scanned,
    rows: scanned.reduce((sum, { rows }) => sum + rows, 0),
    bytes: table.files.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** Where each file's rows begin and what its fields are called; undefined when they do not make one table. */
async function readOpenings(
  table: TableFiles,
  kind: TextKind,
  held: HeldFiles,
  report: (finding: Finding) => void,
): Promise<readonly Opening[] | undefined> {
  const hive = table.files.find((file) => partitionOf(file).size > 0);
  if (hive) {
    report({
      level: 'error',
      code: 'store.unsupported',
      message: `${hive.path} has columns in its path (name=value), which are read of Parquet only.`,
      hint: 'Turn it into Parquet first, or move the files to folders of other names.',
      where: table.table,
    });
    return undefined;
  }
  const openings: Opening[] = [];
  for (const file of table.files) openings.push(await openText(file, kind, held));
  const wrong = openings.findIndex(({ problem }) => problem !== undefined);
  if (wrong >= 0) {
    report({
      level: 'error',
      code: 'plan.name-clash',
      message: `${table.files[wrong]?.path}: ${openings[wrong]?.problem}.`,
      hint: 'Mend the header, or read the file without one: option header: no.',
      where: table.table,
    });
    return undefined;
  }
  const first = openings.find(({ names }) => names.length > 0);
  for (const [i, { names, dialect }] of openings.entries()) {
    if (dialect.format === 'json' || names.length === 0) continue;
    const odd =
      names.find((name) => !first?.names.includes(name)) ?? first?.names.find((name) => !names.includes(name));
    if (odd === undefined) continue;
    report({
      level: 'error',
      code: 'store.unsupported',
      message: `${table.files[i]?.path} and ${table.files[0]?.path} are to be one table, but only one has a column ${odd}.`,
      hint: 'Read them as tables of their own, or give them the same columns.',
      where: table.table,
    });
    return undefined;
  }
  return openings;
}

/** Reads as much of a file's beginning as it takes to know how it is written. */
export async function openText(file: InputFile, kind: TextKind, held: HeldFiles): Promise<Opening> {
  let head: Uint8Array = Buffer.alloc(0);
  for await (const block of readBlocks(file, 0, undefined, held)) {
    head = head.length === 0 ? block : Buffer.concat([head, block]);
    const opening = readOpening(head, head.length === file.bytes && !isCompressed(file), file.path, kind);
    if (opening) return opening;
    if (head.length <= mostHead) continue;
    throw new MigrationError('item.unreadable', `The first line of ${file.path} does not end.`, {
      where: file.name,
      hint: 'A quote may be left open in it.',
    });
  }
  const opening = readOpening(head, true, file.path, kind);
  if (!opening) throw new MigrationError('internal', `${file.path} has no first line.`);
  return opening;
}

/** Goes through a file's rows; a mark at each block. */
async function walk(
  file: InputFile,
  opening: Opening,
  scanner: TextScanner,
  held: HeldFiles,
  signal: AbortSignal,
  look: (final: boolean) => void,
): Promise<readonly Mark[]> {
  const marks: Mark[] = [[opening.start, opening.line, 0]];
  let at = opening.start;
  for await (const block of rowBlocks(file, opening, opening.start, undefined, held)) {
    signal.throwIfAborted();
    scanner.push(block);
    at += block.length;
    look(false);
    const offset = at - scanner.held;
    if (offset > (marks.at(-1)?.[0] ?? 0)) marks.push([offset, scanner.line, scanner.rows]);
  }
  look(true);
  return isCompressed(file) ? marks.slice(0, 1) : marks;
}

/** Blocks of the file's rows from `from` on; those of a compressed file come from its beginning. */
export async function* rowBlocks(
  file: InputFile,
  opening: Opening,
  from: number,
  to: number | undefined,
  held: HeldFiles,
): AsyncGenerator<Uint8Array> {
  if (!isCompressed(file)) {
    yield* readBlocks(file, from, to, held);
    return;
  }
  let skip = opening.start;
  for await (const block of readBlocks(file, 0, undefined, held)) {
    if (skip < block.length) yield skip === 0 ? block : block.subarray(skip);
    skip = Math.max(0, skip - block.length);
  }
}

/** What a scanner encodes: column i of `from` in the type of column i of `as`. */
export function fieldsOf(from: readonly ColumnShape[], as: readonly ColumnShape[], opening: Opening): readonly Field[] {
  return as.map((column, i) => {
    const name = from[i]?.name ?? column.name;
    const place = opening.dialect.format === 'json' ? i : opening.names.indexOf(name);
    return { column, place };
  });
}

/** The names a scanner knows fields by; of JSON lines the table's columns, as JSON writes them. */
export const fileKeys = (opening: Opening, { columns }: Pick<TableShape, 'columns'>): readonly string[] =>
  opening.dialect.format === 'json' ? columns.map(({ name }) => JSON.stringify(name).slice(1, -1)) : opening.names;

function declaredTypes(table: string, { options }: TextKind): ReadonlyMap<string, LogicalType> {
  const own = new Map<string, LogicalType>();
  for (const [name, type] of readTypes(options.types)) {
    const prefix = `${table}.`;
    own.set(name.startsWith(prefix) ? name.slice(prefix.length) : name, type);
  }
  return own;
}

function shapeOfSights(
  table: string,
  sights: ReadonlyMap<string, FieldSight>,
  types: ReadonlyMap<string, LogicalType>,
): TableShape {
  const columns = [...sights].map(([name, sight]) => columnOf(name, types.get(name) ?? typeOfSight(sight)));
  return { name: table, columns, primaryKey: [], unique: [] };
}

function reportScan(
  table: TableFiles,
  shape: TableShape,
  known: boolean,
  sights: ReadonlyMap<string, FieldSight>,
  openings: readonly Opening[],
  first: Reject | undefined,
  misfits: number,
  report: (finding: Finding) => void,
): void {
  const where = table.table;
  const types = shape.columns.map(({ name, type }) => `${name} ${nameOfType(type)}`).join(', ');
  const from = known ? 'as its shape file says' : 'by all of its values';
  report({ level: 'info', code: 'column.inferred', message: `Types of ${where}, ${from}: ${types}.`, where });
  const empty = [...sights].filter(([, { values }]) => values === 0).map(([name]) => name);
  if (empty.length > 0 && !known) {
    const message = `Columns of ${where} that hold nothing are carried as text: ${empty.join(', ')}.`;
    report({ level: 'info', code: 'column.empty', message, where });
  }
  if (openings.some(({ header, dialect, names }) => !header && dialect.format === 'csv' && names.length > 0)) {
    report({
      level: 'warning',
      code: 'column.unnamed',
      message: `${where} is read without a header: its columns are called ${shape.columns[0]?.name}, ….`,
      hint: 'Say header: yes if its first line is one, header: no if it is none.',
      where,
    });
  }
  if (!first) return;
  const column = first.column === undefined ? '' : `, column ${first.column}`;
  report({
    level: 'warning',
    code: first.code,
    message: `${misfits} rows of ${where} cannot be carried; the first is ${first.key}${column}: ${first.reason}.`,
    hint: 'Mend them, read the column as text (option types), or leave such rows out with --max-quarantine N.',
    where,
  });
}

const noColumns = (table: TableFiles): Finding => ({
  level: 'warning',
  code: 'item.unreadable',
  message: `${table.files.map(({ path }) => path).join(', ')} is empty: no header, no rows, no table.`,
  where: table.table,
});
