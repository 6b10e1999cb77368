import { MigrationError } from '../../model/migration-error.ts';
import type { CsvOptions, TextKind } from './options.ts';
import { startTextKernel } from './text-kernel.ts';

export type Dialect =
  | {
      readonly format: 'csv';
      readonly delimiter: number;
      /** 0: there are no quotes. */
      readonly quote: number;
      readonly null: string;
      readonly quotedNull: boolean;
    }
  | { readonly format: 'json' };

/** How a file begins: where its rows do, and what its fields are called. */
export interface Opening {
  readonly dialect: Dialect;
  /** Of JSON lines none: they name their keys in each row. */
  readonly names: readonly string[];
  readonly start: number;
  /** Line of the first row. */
  readonly line: number;
  readonly header: boolean;
  /** What is wrong with the names, if anything is. */
  readonly problem?: string;
}

const sniffedRows = 50;
const common = [',', ';', '\t', '|'].map((text) => text.charCodeAt(0));

/** `head` is the beginning of the file, `whole` if it is all of it. Undefined: more of it is needed. */
export function readOpening(head: Uint8Array, whole: boolean, path: string, kind: TextKind): Opening | undefined {
  refuseUtf16(head, path);
  const mark = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
  if (kind.format === 'json') {
    const first = head.subarray(mark).find((byte) => byte > 32);
    if (first === 0x5b) throw notLines(path);
    return { dialect: { format: 'json' }, names: [], start: mark, line: 1, header: false };
  }
  const { options } = kind;
  const text = head.subarray(mark);
  const delimiter = chooseDelimiter(text, whole, path, options);
  const first = splitRow(text, whole, delimiter, options);
  if (!first) return undefined;
  const dialect = {
    format: 'csv',
    delimiter,
    quote: options.quote.charCodeAt(0) || 0,
    null: options.null,
    quotedNull: options.quotedNull,
  } as const;
  if (text.length === 0) return { dialect, names: [], start: mark, line: 1, header: false };
  const header = options.header === 'auto' ? !first.fields.some(looksLikeData) : options.header === 'yes';
  if (!header) {
    const names = first.fields.map((_, i) => `column${i + 1}`);
    return { dialect, names, start: mark, line: 1, header };
  }
  const names = first.fields.map((name, i) => (name.trim() === '' ? `column${i + 1}` : name));
  const problem = first.wrong ? 'its first line ends within quotes' : nameProblem(names);
  return {
    dialect,
    names,
    start: mark + first.bytes,
    line: 1 + first.lines,
    header,
    ...(problem !== undefined && { problem }),
  };
}

function nameProblem(names: readonly string[]): string | undefined {
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) {
    const [one, other] = [names.indexOf(twice) + 1, names.lastIndexOf(twice) + 1];
    return `fields ${one} and ${other} of its header are both called ${twice}`;
  }
  const wrong = names.findIndex((name) => name.includes('\0') || name.includes('\ufffd'));
  return wrong < 0 ? undefined : `the name of field ${wrong + 1} is not UTF-8 text`;
}

/** Numbers, dates, truth values: what no column is called. */
const looksLikeData = (text: string): boolean =>
  /^[+-]?\d+([.,]\d+)*(e[+-]?\d+)?$/i.test(text.trim()) ||
  /^\d{4}-\d\d-\d\d/.test(text) ||
  /^(true|false)$/i.test(text) ||
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-/i.test(text);

interface Row {
  readonly fields: readonly string[];
  readonly bytes: number;
  readonly lines: number;
  readonly wrong: boolean;
}

const spanBytes = 12;
const mostFields = 100_000;

/** A row as texts; undefined when it is not whole. */
function splitRow(text: Uint8Array, whole: boolean, delimiter: number, options: CsvOptions): Row | undefined {
  const kernel = startTextKernel();
  const counts = layText(kernel, text, delimiter, options, mostFields);
  const { spansAt, textAt } = counts;
  const count = kernel.firstRow(textAt, textAt + text.length, whole ? 1 : 0);
  if (count < 0) return undefined;
  const spans = new Uint32Array(kernel.memory.buffer, spansAt, (Math.min(count, mostFields) * spanBytes) / 4);
  const fields = Array.from({ length: spans.length / 3 }, (_, i) => {
    const [at = 0, length = 0, flags = 0] = spans.subarray(i * 3, i * 3 + 3);
    const field = Buffer.from(kernel.memory.buffer, at, length).toString('utf8');
    return (flags & 2) === 0 ? field : field.replaceAll(options.quote.repeat(2), options.quote);
  });
  const { consumed, lines, misfits } = kernel;
  return { fields, bytes: consumed.value, lines: lines.value, wrong: misfits.value !== 0 };
}

function layText(
  kernel: ReturnType<typeof startTextKernel>,
  text: Uint8Array,
  delimiter: number,
  options: CsvOptions,
  fields: number,
) {
  const classesAt = Math.ceil(kernel.base() / 16) * 16;
  const spansAt = classesAt + 256;
  const textAt = spansAt + fields * spanBytes + 16;
  const missing = textAt + text.length + 64 - kernel.memory.buffer.byteLength;
  if (missing > 0) kernel.memory.grow(Math.ceil(missing / 65_536));
  const memory = new Uint8Array(kernel.memory.buffer);
  for (const byte of [delimiter, 10, 13]) memory[classesAt + byte] = 1;
  memory.set(text, textAt);
  kernel.layout(classesAt, spansAt, 0, fields, spansAt, spansAt);
  kernel.dialect(delimiter, options.quote.charCodeAt(0) || 0, 0, 0, 0);
  return { spansAt, textAt };
}

/** The separator that gives most rows the same number of fields, and more than one. */
function chooseDelimiter(text: Uint8Array, whole: boolean, path: string, options: CsvOptions): number {
  if (options.delimiter === 'tab') return 9;
  if (options.delimiter !== 'auto') return options.delimiter.charCodeAt(0);
  if (/\.(tsv|tab)(\.|$)/i.test(path)) return 9;
  let best = { delimiter: common[0] ?? 44, even: 0, fields: 1 };
  for (const delimiter of common) {
    const kernel = startTextKernel();
    const { textAt } = layText(kernel, text, delimiter, options, 0);
    const counts: number[] = [];
    let at = textAt;
    while (at < textAt + text.length && counts.length < sniffedRows) {
      const count = kernel.firstRow(at, textAt + text.length, whole ? 1 : 0);
      if (count < 0) break;
      counts.push(count);
      at += kernel.consumed.value;
    }
    const [fields = 1] = counts;
    const even = counts.filter((count) => count === fields).length / Math.max(1, counts.length);
    if (fields < 2) continue;
    if (even > best.even || (even === best.even && fields > best.fields)) best = { delimiter, even, fields };
  }
  return best.delimiter;
}

function refuseUtf16(head: Uint8Array, path: string): void {
  const [first, second] = head;
  if (!((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))) return;
  throw new MigrationError('item.unreadable', `${path} is UTF-16, not UTF-8.`, {
    hint: `Convert it: iconv -f UTF-16 -t UTF-8 ${path} > utf8.csv`,
    where: path,
  });
}

const notLines = (path: string): MigrationError =>
  new MigrationError('item.unreadable', `${path} is one JSON array, not JSON lines (an object on each line).`, {
    hint: `Convert it: jq -c '.[]' ${path} > lines.jsonl`,
    where: path,
  });
