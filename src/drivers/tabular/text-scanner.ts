import { MigrationError } from '../../model/migration-error.ts';
import type { ColumnShape, LogicalType } from '../../model/shape.ts';
import type { Dialect } from './dialect.ts';
import { startTextKernel, type TextKernel } from './text-kernel.ts';

/** A row that cannot be carried: its line in the file (from 1), the column's place among those asked for, why. */
export interface Misfit {
  readonly line: number;
  readonly column: number;
  readonly reason: number;
}

/** What the values of a field may all be, as bits (text-kernel.as.ts). */
export interface FieldSight {
  readonly candidates: number;
  readonly jsonKinds: number;
  readonly wholeDigits: number;
  readonly decimals: number;
  readonly longest: number;
  /** Numbers longer than every double carries were taken for floats without a look. */
  readonly doubtful: boolean;
  readonly values: number;
  readonly nulls: number;
}

export interface Field {
  readonly column: ColumnShape;
  /** Place in the file; -1: the file has no such field, which is NULL. */
  readonly place: number;
}

const pageBytes = 65_536;
const slackBytes = 64;
const noteBytes = 16;
const maxNotes = 64;
const columnBytes = 32;
const sightBytes = 64;
const spanBytes = 12;
const keyBytes = 12;
const outputBytes = 320 * 1024;
/** A part of rows is handed on from this size. */
export const partBytes = 256 * 1024;
const startInput = 1024 * 1024;
const [atEnd, needsInput, needsOutput, noteFull, newKey] = [0, 1, 2, 3, 4];

/** The fields of a file of one dialect, block by block: pushed bytes are looked at or encoded row by row, and what is
 *  not yet a whole row waits for more. */
export class TextScanner {
  readonly #kernel: TextKernel = startTextKernel();
  readonly #dialect: Dialect;
  readonly #fields: readonly Field[] | undefined;
  #keys: readonly string[];
  #fieldCount: number;
  #columnsAt = 0;
  #notesAt = 0;
  #inputAt = 0;
  #inputBytes = startInput;
  #outputAt = 0;
  #outputRoom = outputBytes;
  #held = 0;
  #enough = 0;
  #line: number;
  #written = 0;
  #sights: FieldSight[];

  /** `fields`: what to encode; without them values are looked at. `names` are the fields of the file (of JSON lines: its
   *  keys as they are written). */
  constructor(dialect: Dialect, names: readonly string[], fields: readonly Field[] | undefined, line: number) {
    this.#dialect = dialect;
    this.#keys = names;
    this.#fieldCount = names.length;
    this.#fields = fields;
    this.#line = line;
    this.#sights = names.map(() => unseen);
    this.#layout();
  }

  rows = 0;

  /** Takes a look also at what is dear to look at: whether long numbers are exactly doubles. */
  beStrict(): this {
    this.#kernel.beStrict(1);
    return this;
  }

  /** Line of the next row. */
  get line(): number {
    return this.#line;
  }

  /** Bytes pushed and not yet used up. */
  get held(): number {
    return this.#held;
  }

  get keys(): readonly string[] {
    return this.#keys;
  }

  push(block: Uint8Array): void {
    if (this.#held + block.length > this.#inputBytes) {
      if (this.#held > longestRow) throw tooLong(this.#line);
      this.#inputBytes = Math.max(Math.ceil(this.#inputBytes * 1.5), this.#held + block.length);
      this.#placeOutput();
    }
    new Uint8Array(this.#kernel.memory.buffer, this.#inputAt + this.#held, block.length).set(block);
    this.#held += block.length;
  }

  /** Of a row that did not end in what was pushed before, as much again must come before it is looked at again: else a
   *  huge row would be gone through once for every block. */
  #mustWait(final: boolean): boolean {
    return !final && this.#held < this.#enough;
  }

  /** Encodes what was pushed; gives parts as they get full. Call `rest` at the end. */
  *encode(final: boolean, note: (misfit: Misfit) => void): Generator<Buffer> {
    if (this.#mustWait(final)) return;
    let used = 0;
    for (let end = noteFull; end !== needsInput && end !== atEnd;) {
      const kernel = this.#kernel;
      const into = this.#outputAt + this.#written;
      const from = this.#inputAt + used;
      const to = this.#inputAt + this.#held;
      end = kernel.encode(from, to, final ? 1 : 0, into, this.#outputAt + this.#outputRoom);
      this.#takeNotes(note);
      this.rows += kernel.rows.value;
      this.#line += kernel.lines.value;
      used += kernel.consumed.value;
      const before = this.#written;
      this.#written = kernel.written.value - this.#outputAt;
      if (end === newKey) used = this.#addKey(used);
      else if (end === needsOutput && before === 0 && kernel.rows.value === 0 && kernel.consumed.value === 0) {
        // One row larger than the room there is.
        this.#outputRoom = Math.max(this.#outputRoom * 2, this.#held - used + this.#fieldCount * 64 + slackBytes);
        this.#placeOutput();
      } else if (end === needsOutput || this.#written >= partBytes) {
        const part = this.rest();
        if (part) yield part;
      }
    }
    this.#drop(used);
  }

  /** What was encoded and not given yet. */
  rest(): Buffer | undefined {
    if (this.#written === 0) return undefined;
    const part = Buffer.allocUnsafeSlow(this.#written);
    part.set(new Uint8Array(this.#kernel.memory.buffer, this.#outputAt, this.#written));
    this.#written = 0;
    return part;
  }

  /** Looks at what was pushed; keys that are new become fields. */
  infer(final: boolean, note: (misfit: Misfit) => void): void {
    if (this.#mustWait(final)) return;
    let used = 0;
    for (let end = noteFull; end !== needsInput && end !== atEnd;) {
      const kernel = this.#kernel;
      end = kernel.infer(this.#inputAt + used, this.#inputAt + this.#held, final ? 1 : 0, 0x7fffffff);
      this.#takeNotes(note);
      this.rows += kernel.rows.value;
      this.#line += kernel.lines.value;
      used += kernel.consumed.value;
      if (end === newKey) used = this.#addKey(used);
    }
    this.#drop(used);
  }

  /** Lays out the fields anew, with the key that was found; the place in the input to go on from. */
  #addKey(used: number): number {
    const kernel = this.#kernel;
    const key = Buffer.from(kernel.memory.buffer, kernel.keyAt.value, kernel.keyLength.value).toString('utf8');
    if (this.#fields && !this.#keys.some((known) => decodeKey(known) === decodeKey(key))) {
      throw new MigrationError('value.unfit', `Line ${this.#line} has a key that the table has no column for.`, {
        hint: 'Read the file anew: its columns are taken from all of its lines.',
      });
    }
    const waiting = this.rest();
    const rest = Buffer.from(new Uint8Array(kernel.memory.buffer, this.#inputAt + used, this.#held - used));
    if (!this.#fields) this.#sights = [...this.sights(), unseen];
    this.#keys = [...this.#keys, key];
    this.#fieldCount = this.#keys.length;
    this.#layout();
    this.#held = 0;
    this.push(rest);
    if (waiting) {
      new Uint8Array(kernel.memory.buffer, this.#outputAt, waiting.length).set(waiting);
      this.#written = waiting.length;
    }
    return 0;
  }

  sights(): FieldSight[] {
    const view = new DataView(this.#kernel.memory.buffer, this.#columnsAt, this.#fieldCount * sightBytes);
    return Array.from({ length: this.#fieldCount }, (_, i): FieldSight => {
      const at = i * sightBytes;
      return {
        candidates: view.getUint32(at, true),
        jsonKinds: view.getUint32(at + 4, true),
        wholeDigits: view.getUint32(at + 8, true),
        decimals: view.getUint32(at + 12, true),
        longest: view.getUint32(at + 16, true),
        doubtful: view.getUint32(at + 20, true) !== 0,
        values: view.getFloat64(at + 24, true),
        nulls: view.getFloat64(at + 32, true),
      };
    });
  }

  #drop(used: number): void {
    new Uint8Array(this.#kernel.memory.buffer, this.#inputAt, this.#held).copyWithin(0, used);
    this.#held -= used;
    this.#enough = used === 0 ? this.#held * 2 : 0;
  }

  #takeNotes(note: (misfit: Misfit) => void): void {
    const count = this.#kernel.misfits.value;
    if (count === 0) return;
    const notes = new Int32Array(this.#kernel.memory.buffer, this.#notesAt, (count * noteBytes) / 4);
    for (let i = 0; i < count; i++) {
      const [line = 0, column = 0, reason = 0] = notes.subarray(i * 4 + 1, i * 4 + 4);
      note({ line: this.#line + line, column, reason });
    }
  }

  #layout(): void {
    const kernel = this.#kernel;
    const dialect = this.#dialect;
    const keys = dialect.format === 'json' ? this.#keys.map((key) => Buffer.from(key)) : [];
    const nullText = dialect.format === 'csv' ? Buffer.from(dialect.null) : Buffer.alloc(0);
    const round = (at: number): number => Math.ceil(at / 16) * 16;
    const classesAt = round(kernel.base());
    const nullAt = classesAt + 256;
    this.#notesAt = round(nullAt + nullText.length + slackBytes);
    const spansAt = this.#notesAt + maxNotes * noteBytes;
    this.#columnsAt = round(spansAt + this.#fieldCount * spanBytes);
    const columnsEnd =
      this.#columnsAt + Math.max(this.#fieldCount * sightBytes, (this.#fields?.length ?? 0) * columnBytes);
    const keysAt = round(columnsEnd);
    const textsAt = keysAt + keys.length * keyBytes;
    this.#inputAt = round(textsAt + keys.reduce((sum, key) => sum + key.length, 0) + slackBytes);
    this.#placeOutput();
    const memory = new Uint8Array(kernel.memory.buffer);
    const view = new DataView(kernel.memory.buffer);
    memory.fill(0, classesAt, this.#inputAt);
    kernel.layout(classesAt, this.#columnsAt, this.#fields?.length ?? 0, this.#fieldCount, spansAt, this.#notesAt);
    if (dialect.format === 'csv') {
      for (const byte of [dialect.delimiter, 10, 13]) memory[classesAt + byte] = 1;
      memory.set(nullText, nullAt);
      kernel.dialect(dialect.delimiter, dialect.quote, nullAt, nullText.length, dialect.quotedNull ? 1 : 0);
    } else {
      let at = textsAt;
      const places = fieldPlaces(this.#keys);
      for (const [i, key] of keys.entries()) {
        memory.set(key, at);
        view.setUint32(keysAt + i * keyBytes, at, true);
        view.setUint32(keysAt + i * keyBytes + 4, key.length, true);
        view.setUint32(keysAt + i * keyBytes + 8, places[i] ?? i, true);
        at += key.length;
      }
      kernel.jsonKeys(keysAt, keys.length);
    }
    if (this.#fields) this.#layColumns(view, this.#fields);
    else this.#laySights(view);
  }

  #layColumns(view: DataView, fields: readonly Field[]): void {
    for (const [i, { column, place }] of fields.entries()) {
      const at = this.#columnsAt + i * columnBytes;
      const [type, first, second] = columnCode(column.type);
      view.setInt32(at, type, true);
      view.setInt32(at + 4, place, true);
      view.setInt32(at + 8, first, true);
      view.setInt32(at + 12, second, true);
      view.setInt32(at + 16, column.nullable ? 1 : 0, true);
    }
  }

  #laySights(view: DataView): void {
    for (const [i, sight] of this.#sights.entries()) {
      const at = this.#columnsAt + i * sightBytes;
      view.setUint32(at, sight.candidates, true);
      view.setUint32(at + 4, sight.jsonKinds, true);
      view.setUint32(at + 8, sight.wholeDigits, true);
      view.setUint32(at + 12, sight.decimals, true);
      view.setUint32(at + 16, sight.longest, true);
      view.setUint32(at + 20, sight.doubtful ? 1 : 0, true);
      view.setFloat64(at + 24, sight.values, true);
      view.setFloat64(at + 32, sight.nulls, true);
    }
  }

  /** Behind the input, and with memory for both. Only while nothing is written. */
  #placeOutput(): void {
    const kernel = this.#kernel;
    const waiting = this.rest();
    this.#outputAt = this.#inputAt + this.#inputBytes + slackBytes;
    if (waiting && waiting.length > this.#outputRoom) this.#outputRoom = waiting.length;
    const room = this.#fields ? this.#outputRoom : 0;
    const missing = this.#outputAt + room + slackBytes - kernel.memory.buffer.byteLength;
    if (missing > 0) kernel.memory.grow(Math.ceil(missing / pageBytes));
    if (!waiting) return;
    new Uint8Array(kernel.memory.buffer, this.#outputAt, waiting.length).set(waiting);
    this.#written = waiting.length;
  }
}

/** What PostgreSQL holds in one value, too. */
const longestRow = 1024 ** 3;

const tooLong = (line: number): MigrationError =>
  new MigrationError('value.unfit', `The row that begins in line ${line} is longer than 1 GiB.`, {
    hint: 'A quote may be left open in it.',
  });

const everything = 0x1ff;
const unseen: FieldSight = {
  candidates: everything,
  jsonKinds: 0,
  wholeDigits: 0,
  decimals: 0,
  longest: 0,
  doubtful: false,
  values: 0,
  nulls: 0,
};

/** Keys that are written differently and mean the same (`"a"`) share a field. */
export function fieldPlaces(keys: readonly string[]): readonly number[] {
  const decoded = keys.map(decodeKey);
  return decoded.map((key) => decoded.indexOf(key));
}

export function decodeKey(key: string): string {
  if (!key.includes('\\')) return key;
  try {
    return String(JSON.parse(`"${key}"`));
  } catch {
    return key;
  }
}

/** Type and limits as the kernel takes them. */
function columnCode(type: LogicalType): readonly [type: number, first: number, second: number] {
  switch (type.kind) {
    case 'interval':
    case 'bits':
      return [0, -1, -1];
    case 'text':
      return [0, type.length ?? -1, -1];
    case 'integer':
      return [1, type.bits, -1];
    case 'float':
      return [4, type.bits, -1];
    case 'decimal':
      return [6, type.precision ?? -1, type.scale ?? (type.precision === undefined ? -1 : 0)];
    case 'boolean':
      return [7, -1, -1];
    case 'date':
      return [8, -1, -1];
    case 'time':
      return [9, -1, -1];
    case 'timestamp':
      return [type.zone ? 11 : 10, -1, -1];
    case 'uuid':
      return [12, -1, -1];
    case 'bytes':
      return [13, -1, -1];
    case 'json':
      return [type.binary ? 15 : 14, -1, -1];
  }
}
