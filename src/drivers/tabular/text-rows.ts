import { MigrationError } from '../../model/migration-error.ts';
import { carriedColumns, type ColumnShape, type TableShape } from '../../model/shape.ts';
import { fieldText, RowReader } from '../../store/rows/row-reader.ts';
import type { TextKind } from './options.ts';
import { TextBuffer } from './text-buffer.ts';
import type { WriteQueue } from './write-queue.ts';

/** Written to the file at this size. */
const flushBytes = 1024 * 1024;

/** Rows in, lines of CSV or JSON out, from the file's first byte. */
export class TextRowWriter {
  readonly #queue: WriteQueue;
  readonly #reader: RowReader;
  readonly #buffer = new TextBuffer(flushBytes);
  readonly #writeRow: (row: RowReader, to: TextBuffer) => void;
  rows = 0;

  constructor(queue: WriteQueue, shape: TableShape, kind: TextKind) {
    const columns = carriedColumns(shape);
    this.#queue = queue;
    this.#reader = new RowReader(columns.length);
    this.#writeRow = kind.format === 'csv' ? csvRows(columns, csvDialect(kind)) : jsonRows(shape.name, columns);
  }

  async add(part: Uint8Array): Promise<void> {
    this.#reader.open(part);
    while (this.#reader.next()) {
      this.#writeRow(this.#reader, this.#buffer);
      this.rows++;
      if (this.#buffer.length >= flushBytes) await this.#flush();
    }
  }

  async end(): Promise<void> {
    await this.#flush();
    await this.#queue.idle();
  }

  async #flush(): Promise<void> {
    const bytes = this.#buffer.take();
    if (bytes.length === 0) return;
    await this.#queue.idle();
    this.#queue.run(() => this.#queue.write([bytes]));
  }
}

export interface CsvDialect {
  readonly delimiter: string;
  readonly quote: string;
  readonly null: string;
}

/** How CSV is written: what the options say, a comma where they leave it open. */
export function csvDialect({ options }: Extract<TextKind, { format: 'csv' }>): CsvDialect {
  const { delimiter, quote } = options;
  return {
    delimiter: delimiter === 'auto' ? ',' : delimiter === 'tab' ? '\t' : delimiter,
    quote: quote === '' ? '"' : quote,
    null: options.null,
  };
}

export function csvHeader(shape: TableShape, dialect: CsvDialect): Buffer {
  const buffer = new TextBuffer(4096);
  for (const [i, { name }] of carriedColumns(shape).entries()) {
    if (i > 0) buffer.ascii(dialect.delimiter);
    buffer.quoted(Buffer.from(name), dialect);
  }
  buffer.ascii('\n');
  return buffer.take();
}

function csvRows(columns: readonly ColumnShape[], dialect: CsvDialect) {
  const { delimiter } = dialect;
  const types = columns.map(({ type }) => type);
  return (row: RowReader, to: TextBuffer): void => {
    for (const [i, type] of types.entries()) {
      if (i > 0) to.ascii(delimiter);
      const field = row.field(i);
      if (field === null) to.text(dialect.null);
      else if (type.kind === 'text') to.quoted(field, dialect);
      else if (type.kind === 'json') to.quoted(type.binary ? field.subarray(1) : field, dialect);
      else if (type.kind === 'boolean') to.ascii(field[0] === 1 ? 'true' : 'false');
      else to.plain(fieldText(type, field), dialect);
    }
    to.ascii('\n');
  };
}

function jsonRows(table: string, columns: readonly ColumnShape[]) {
  const keys = columns.map(({ name }, i) => `${i > 0 ? ',' : ''}${JSON.stringify(name)}:`);
  return (row: RowReader, to: TextBuffer): void => {
    to.ascii('{');
    for (const [i, { name, type }] of columns.entries()) {
      to.text(keys[i] ?? '');
      const field = row.field(i);
      if (field === null) to.ascii('null');
      else if (type.kind === 'text') to.jsonString(field);
      else if (type.kind === 'json') to.bytes(oneLine(type.binary ? field.subarray(1) : field, `${table}.${name}`));
      else if (type.kind === 'boolean') to.ascii(field[0] === 1 ? 'true' : 'false');
      else {
        const text = fieldText(type, field);
        const number = /^(integer|decimal|float)$/.test(type.kind) && /^-?\d/.test(text);
        to.ascii(number ? text : JSON.stringify(text));
      }
    }
    to.ascii('}\n');
  };
}

/** JSON within JSON lines stands as it is, which not every text of JSON can. */
function oneLine(text: Uint8Array, where: string): Uint8Array {
  const first = text[0] ?? 32;
  const last = text.at(-1) ?? 32;
  const isNull = text.length === 4 && Buffer.from(text).toString('latin1') === 'null';
  if (first > 32 && last > 32 && !isNull && !text.includes(10) && !text.includes(13)) return text;
  throw new MigrationError('value.unfit', `A JSON text of ${where} has no exact form in JSON lines.`, {
    hint: 'Texts of several lines, with spaces around them, or null are such. CSV and Parquet hold them.',
    where,
  });
}
