import type { EntryAttributes } from '../model/entry.ts';
import type { Item, ItemKind, Stage } from '../model/item.ts';
import type { ColumnShape, LogicalType, TableShape } from '../model/shape.ts';
import { pieceBytes } from '../store/content-digest.ts';
import { RowWriter } from '../store/rows/row-writer.ts';
import type { FilePart } from '../store/store.ts';

/** An item with its content, as a memory store takes it. */
export interface Sample {
  readonly item: Item;
  readonly parts?: readonly FilePart[];
  readonly rows?: readonly Uint8Array[];
}

export const defaultSeed = 20_251;

/** Numbers in [0, 1) that are the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Texts that break careless code: many scripts, quotes, control characters, the copy formats' own escapes. */
export const texts = [
  'plain',
  '',
  'Zürich, Šibenik, Łódź',
  'Ελλάδα',
  'مرحبا بالعالم',
  'שלום',
  '日本語のテキスト',
  'हिन्दी',
  'e\u0301 is not \u00e9',
  '👩‍👩‍👧‍👦 🇪🇺',
  'it\'s "quoted" `so`',
  'back\\slash \\N \\. \\t',
  'tab\there, line\nbreak, return\r',
  '${env:HOME} %s {} $1',
  '\u{10ffff}\ufeff',
] as const;

const types = { file: 0o100000, directory: 0o040000, symlink: 0o120000, 'hard-link': 0o100000 } as const;
const stageOf: Readonly<Record<keyof typeof types, Stage>> = {
  file: 'data',
  directory: 'last',
  symlink: 'data',
  'hard-link': 'after',
};

export interface TreeOptions {
  readonly seed?: number;
  /** Names with bytes that are no UTF-8. */
  readonly byteNames?: boolean;
}

/** A small tree: names of many kinds, an empty file, links, holes, a file of two pieces that is nearly all hole. */
export function sampleTree({ seed = defaultSeed, byteNames = true }: TreeOptions = {}): readonly Sample[] {
  const random = seeded(seed);
  let second = 1_700_000_000;
  const entry = (
    kind: keyof typeof types,
    key: string,
    mode: number,
    more: Partial<EntryAttributes> = {},
    content: { readonly bytes: number; readonly parts: readonly FilePart[] } = { bytes: 0, parts: [] },
  ): Sample => {
    const mtime = `${second++}${String(Math.floor(random() * 1e9)).padStart(9, '0')}`;
    const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const attributes: EntryAttributes = { mode: types[kind] | mode, ...owner, mtime, ...more };
    const item: Item = {
      key,
      kind: kind satisfies ItemKind,
      stage: stageOf[kind],
      bytes: content.bytes,
      entry: attributes,
    };
    return kind === 'file' ? { item, parts: content.parts } : { item };
  };
  const noise = (bytes: number): Uint8Array => Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256));
  const whole = (bytes: Uint8Array) => ({ bytes: bytes.length, parts: bytes.length > 0 ? [{ offset: 0, bytes }] : [] });
  const text = (content: string) => whole(Buffer.from(content));
  const holed = {
    bytes: pieceBytes + 300_000,
    parts: [
      { offset: 131_072, bytes: noise(65_536) },
      { offset: pieceBytes + 4096, bytes: noise(8192) },
    ],
  };
  return [
    entry('file', '-rf', 0o644, {}, text('a name like an option')),
    entry('file', 'a \'b\' "c" $d.txt', 0o640, {}, text('quotes')),
    ...(byteNames ? [entry('file', 'bytes\udcff\udc80.bin', 0o644, {}, text('no UTF-8'))] : []),
    entry('directory', 'deep/', 0o755),
    entry('directory', 'deep/er/', 0o700),
    entry('file', 'deep/er/est.txt', 0o600, {}, text(texts.join('\n'))),
    entry('file', 'empty.txt', 0o644),
    entry('file', 'holes.img', 0o600, { sparse: true }, holed),
    entry('directory', 'links/', 0o755),
    entry('symlink', 'links/dangling', 0o777, { target: '../nowhere' }),
    entry('symlink', 'links/soft', 0o777, { target: '../plain.txt' }),
    entry('file', 'plain.txt', 0o755, {}, text('The content that two names share.')),
    entry('hard-link', 'plain.txt.hard', 0o755, { linkTo: 'plain.txt' }),
    entry('file', 'random.bin', 0o444, {}, whole(noise(200_000))),
    entry('directory', 'void/', 0o755),
    entry('directory', 'Ω/', 0o755),
    entry('file', 'Ω/日本語 😀.txt', 0o644, {}, text('こんにちは')),
  ];
}

const column = (name: string, type: LogicalType, declared: string, nullable = true): ColumnShape => ({
  name,
  type,
  declared,
  nullable,
});

const people: TableShape = {
  name: 'people',
  primaryKey: ['id'],
  unique: [],
  columns: [
    column('id', { kind: 'integer', bits: 64 }, 'bigint', false),
    column('name', { kind: 'text' }, 'text', false),
    column('note', { kind: 'text' }, 'text'),
    column('height', { kind: 'float', bits: 64 }, 'double precision'),
    column('balance', { kind: 'decimal', precision: 12, scale: 2 }, 'numeric(12,2)'),
    column('born', { kind: 'date' }, 'date'),
    column('seen', { kind: 'timestamp', zone: false }, 'timestamp'),
    column('photo', { kind: 'bytes' }, 'bytea'),
    column('active', { kind: 'boolean' }, 'boolean'),
    column('level', { kind: 'integer', bits: 32 }, 'integer'),
  ],
};

const pairs: TableShape = {
  name: 'pairs',
  primaryKey: ['word', 'turn'],
  unique: [],
  columns: [
    column('turn', { kind: 'integer', bits: 32 }, 'integer', false),
    column('word', { kind: 'text' }, 'text', false),
    column('person', { kind: 'integer', bits: 64 }, 'bigint'),
  ],
};

const loose: TableShape = {
  name: 'Größe "loose"',
  primaryKey: [],
  unique: [],
  columns: [column('select', { kind: 'text' }, 'text'), column('two words', { kind: 'integer', bits: 64 }, 'bigint')],
};

const bare: TableShape = { ...pairs, name: 'bare', primaryKey: ['turn'] };

export interface TablesOptions {
  readonly seed?: number;
  readonly people?: number;
  /** False: without the index and the foreign key. */
  readonly constraints?: boolean;
}

/** Small tables: every value kind, NULLs, extremes; a key of two columns, no key but rows that are there twice, no rows;
 *  an index and a foreign key. Values are those that every store can hold. */
export function sampleTables({
  seed = defaultSeed,
  people: count = 300,
  constraints = true,
}: TablesOptions = {}): readonly Sample[] {
  const random = seeded(seed);
  const index = { name: 'people_name', columns: [{ name: 'name', descending: false }], unique: false };
  const foreignKey = {
    name: 'pairs_person',
    columns: ['person'],
    references: 'people',
    referencedColumns: ['id'],
    onDelete: 'cascade',
    onUpdate: 'no action',
    deferred: false,
  } as const;
  const tables = [
    table(
      people,
      Array.from({ length: count }, (_, i) => (writer) => writePerson(writer, i, random)),
    ),
    table(
      pairs,
      texts.flatMap((word) =>
        [1, -2_147_483_648].map((turn, i) => (writer: RowWriter) => writePair(writer, turn, word, i)),
      ),
    ),
    table(
      loose,
      [1, 2, 2, 3, 3, 3].map((n) => (writer) => writeLoose(writer, n)),
    ),
    table(bare, []),
  ];
  if (!constraints) return tables;
  return [
    ...tables,
    {
      item: {
        key: 'people.index.people_name',
        kind: 'index',
        stage: 'after',
        bytes: 0,
        index: { table: 'people', index },
      },
    },
    {
      item: {
        key: 'pairs.foreign-key.person',
        kind: 'foreign-key',
        stage: 'after',
        bytes: 0,
        foreignKey: { table: 'pairs', foreignKey },
      },
    },
  ];
}

function table(shape: TableShape, writes: readonly ((writer: RowWriter) => void)[]): Sample {
  const writer = new RowWriter(4096);
  const rows = writes.map((write) => {
    writer.beginRow(shape.columns.length);
    write(writer);
    return Uint8Array.from(writer.take());
  });
  const bytes = rows.reduce((sum, row) => sum + row.length, 0);
  return { item: { key: shape.name, kind: 'table', stage: 'data', bytes, rows: rows.length, shape }, rows };
}

const at = <T>(list: readonly T[], i: number): T => list[i % list.length] as T;

function writePerson(writer: RowWriter, i: number, random: () => number): void {
  const isNull = i > 0 && i % 7 === 0;
  const extremes = [-(2n ** 63n), 2n ** 63n - 1n];
  const field = (write: () => boolean): void => {
    if (isNull) writer.null();
    else if (!write()) throw new Error(`sample value of row ${i} has no form in its type`);
  };
  writer.integer(extremes[i] ?? BigInt(i), 64);
  writer.text(at(texts, i));
  field(() => writer.text(at(texts, i + 3).repeat(1 + (i % 5))));
  field(() => writer.float(at([0.1, 1.5e308, 5e-324, -273.15, random() * 1e6], i), 64));
  field(() =>
    writer.decimal(at(['0.00', '-0.01', '9999999999.99', '-9999999999.99', '12.50'], i), { precision: 12, scale: 2 }),
  );
  field(() => writer.date(at(['2024-02-29', '0001-01-01', '9999-12-31', '1969-12-31'], i)));
  field(() =>
    writer.timestamp(at(['2024-02-29 23:59:59.999999', '0001-01-01 00:00:00', '1999-12-31 23:59:59.5'], i), false),
  );
  field(() => writer.binary(Uint8Array.from({ length: i % 50 }, () => Math.floor(random() * 256))));
  field(() => writer.boolean(i % 2 === 0));
  field(() => writer.integer(at([0, 2_147_483_647, -2_147_483_648, i], i), 32));
}

function writePair(writer: RowWriter, turn: number, word: string, i: number): void {
  writer.integer(turn, 32);
  writer.text(word);
  if (i === 0) writer.null();
  else writer.integer(12, 64);
}

function writeLoose(writer: RowWriter, n: number): void {
  writer.text(at(texts, n));
  if (n === 3) writer.null();
  else writer.integer(n, 64);
}

/** Packs samples that fit into a batch, as a plan does. */
export function batchOf(items: readonly Item[]): Item {
  const bytes = items.reduce((sum, item) => sum + item.bytes, 0);
  return { key: `${items[0]?.key} … ${items.at(-1)?.key}`, kind: 'batch', stage: 'data', bytes, members: items };
}
