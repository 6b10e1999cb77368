import { MigrationError } from '../../model/migration-error.ts';
import { carriedColumns, type LogicalType, type TableShape } from '../../model/shape.ts';
import { fieldText, RowReader } from '../../store/rows/row-reader.ts';
import { nullPartition } from './partition.ts';
import { RowGroupWriter, type GroupFacts } from './row-groups.ts';
import type { WriteQueue } from './write-queue.ts';

/** Row groups of one folder of a partitioned table. */
export interface PartFacts {
  /** `year=2024/country=DE`; undefined where the table is not partitioned. */
  readonly folder?: string;
  readonly groups: readonly GroupFacts[];
}

/** Rows and values that wait, over all folders. */
const waitingBytes = 8 * 1024 * 1024;
const filledBytes = 64 * 1024 * 1024;
const mostFolders = 10_000;

/** The columns that are left in the files: those of the path are not repeated. */
export const fileShape = (shape: TableShape, partition: readonly string[]): TableShape => ({
  ...shape,
  columns: shape.columns.filter(({ name }) => !partition.includes(name)),
});

interface Folder {
  readonly writer: RowGroupWriter;
  rows: Uint8Array[];
}

/** A column of the path, and its place in the rows. */
interface By {
  readonly at: number;
  readonly name: string;
  readonly type: LogicalType;
}

/** Rows in, row groups of a folder each out, all in one file. */
export class PartitionedRowWriter {
  readonly #queue: WriteQueue;
  readonly #shape: TableShape;
  readonly #kept: TableShape;
  readonly #reader: RowReader;
  readonly #by: readonly By[];
  readonly #left: readonly number[];
  readonly #folders = new Map<string, Folder>();
  #waiting = 0;
  rows = 0;

  constructor(queue: WriteQueue, shape: TableShape, partition: readonly string[]) {
    const columns = carriedColumns(shape);
    this.#queue = queue;
    this.#shape = shape;
    this.#kept = fileShape(shape, partition);
    this.#reader = new RowReader(columns.length);
    this.#by = partition.map((name) => {
      const at = columns.findIndex((column) => column.name === name);
      return { at, name, type: columns[at]?.type ?? { kind: 'text' } };
    });
    this.#left = columns.flatMap(({ name }, i) => (partition.includes(name) ? [] : [i]));
  }

  get parts(): readonly PartFacts[] {
    return [...this.#folders].map(([folder, { writer }]) => ({ folder, groups: writer.groups }));
  }

  async add(part: Uint8Array): Promise<void> {
    const reader = this.#reader.open(part);
    while (reader.next()) {
      const folder = this.#folderOf(reader);
      const row = this.#rest(reader);
      folder.rows.push(row);
      this.#waiting += row.length;
      this.rows++;
    }
    if (this.#waiting >= waitingBytes) await this.#hand();
  }

  async end(): Promise<void> {
    await this.#hand();
    for (const { writer } of this.#folders.values()) await writer.close();
    await this.#queue.idle();
  }

  /** Gives waiting rows to their writers; the fullest write what they have when all have too much. */
  async #hand(): Promise<void> {
    this.#waiting = 0;
    for (const folder of this.#folders.values()) {
      if (folder.rows.length === 0) continue;
      const rows = folder.rows;
      folder.rows = [];
      await folder.writer.add(Buffer.concat(rows));
    }
    const writers = [...this.#folders.values()].map(({ writer }) => writer).sort((a, b) => b.filled - a.filled);
    let filled = writers.reduce((sum, writer) => sum + writer.filled, 0);
    for (const writer of writers) {
      if (filled < filledBytes) break;
      filled -= writer.filled;
      await writer.close();
    }
  }

  #folderOf(row: RowReader): Folder {
    const name = this.#by.map((column) => `${encodeURIComponent(column.name)}=${this.#valueOf(row, column)}`).join('/');
    const known = this.#folders.get(name);
    if (known) return known;
    if (this.#folders.size >= mostFolders) {
      throw new MigrationError(
        'store.unsupported',
        `Table ${this.#shape.name} has more than ${mostFolders} partitions.`,
        {
          hint: 'Partition by columns of fewer values.',
          where: this.#shape.name,
        },
      );
    }
    const folder = { writer: new RowGroupWriter(this.#queue, this.#kept), rows: [] };
    this.#folders.set(name, folder);
    return folder;
  }

  #valueOf(row: RowReader, { at, name, type }: By): string {
    const field = row.field(at);
    if (field === null) return nullPartition;
    if (type.kind === 'boolean') return field[0] === 1 ? 'true' : 'false';
    const text = fieldText(type, field);
    if (text !== '' && text !== nullPartition) return encodeURIComponent(text);
    const where = `${this.#shape.name}.${name}`;
    throw new MigrationError('value.unfit', `An empty text of ${where} cannot be the name of a partition.`, {
      hint: 'Readers take it for NULL. Partition by another column, or make it NULL at the source.',
      where,
    });
  }

  /** The row without the columns of the path. */
  #rest(row: RowReader): Uint8Array {
    const fields = this.#left.map((i) => row.field(i));
    const bytes = Buffer.allocUnsafe(fields.reduce((sum, field) => sum + 4 + (field?.length ?? 0), 2));
    let at = bytes.writeInt16BE(fields.length);
    for (const field of fields) {
      at = bytes.writeInt32BE(field === null ? -1 : field.length, at);
      if (field === null) continue;
      bytes.set(field, at);
      at += field.length;
    }
    return bytes;
  }
}
