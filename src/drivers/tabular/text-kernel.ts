import { parseDate, parseTime, parseTimestamp } from '../../store/rows/civil-time.ts';
import { kernelBase64 } from './text-kernel.gen.ts';

/** Neither TypeScript's esnext library nor Node's types declare this global. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

interface Global {
  readonly value: number;
}

/** text-kernel.as.ts as it is called from here. */
export interface TextKernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly consumed: Global;
  readonly written: Global;
  readonly rows: Global;
  readonly lines: Global;
  readonly misfits: Global;
  readonly keyAt: Global;
  readonly keyLength: Global;
  base(): number;
  layout(classes: number, columns: number, count: number, fields: number, spans: number, notes: number): void;
  dialect(separator: number, quote: number, nullAt: number, nullLength: number, quotedNull: number): void;
  jsonKeys(at: number, count: number): void;
  beStrict(yes: number): void;
  encode(from: number, to: number, final: number, into: number, room: number): number;
  infer(from: number, to: number, final: number, most: number): number;
  firstRow(from: number, to: number, final: number): number;
}

const noValue = -(2n ** 63n) + 1n;
const longestNumber = 400;
const kernelModule = new WebAssembly.Module(Buffer.from(kernelBase64, 'base64'));

/** A kernel of its own memory. */
export function startTextKernel(): TextKernel {
  const text = (at: number, length: number): string => Buffer.from(kernel.memory.buffer, at, length).toString('utf8');
  const imports = {
    abort() {
      throw new Error('the text kernel was aborted');
    },
    isExactFloat: (at: number, length: number): number => (isExactFloat(text(at, length)) ? 1 : 0),
    readFloat: (at: number, length: number): number => readFloat(text(at, Math.min(length, longestNumber))),
    readTime: (kind: number, at: number, length: number): bigint => {
      if (length > longestNumber) return noValue;
      const value = readTime(kind, text(at, length));
      return value === undefined ? noValue : BigInt(value);
    },
    isJson: (at: number, length: number): number => {
      try {
        JSON.parse(text(at, length));
        return 1;
      } catch {
        return 0;
      }
    },
  };
  const kernel = new WebAssembly.Instance(kernelModule, { env: imports }).exports as TextKernel;
  return kernel;
}

function readTime(kind: number, text: string): number | bigint | undefined {
  if (kind === 8) return parseDate(text);
  if (kind === 9) return parseTime(text);
  return parseTimestamp(text, kind === 11);
}

const floatPattern = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const infinities: Readonly<Record<string, number>> = {
  infinity: Infinity,
  inf: Infinity,
  '+infinity': Infinity,
  '-infinity': -Infinity,
  '-inf': -Infinity,
};

/** NaN for what is no number. */
function readFloat(text: string): number {
  return floatPattern.test(text) ? Number(text) : (infinities[text.toLowerCase()] ?? Number.NaN);
}

/** Does a double say the same number as these digits? */
function isExactFloat(text: string): boolean {
  if (text === 'Infinity' || text === '-Infinity') return true;
  const value = Number(text);
  if (!Number.isFinite(value)) return false;
  return digitsOf(text) === digitsOf(String(value));
}

/** A number's digits and its power of ten, the same however it is written. */
function digitsOf(text: string): string {
  const match = /^(-?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text);
  if (!match) return text;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const all = (whole + fraction).replace(/^0+/, '');
  const digits = all.replace(/0+$/, '');
  if (digits === '') return `${sign}0`;
  return `${sign}${digits}e${Number(exponent) - fraction.length + all.length - digits.length}`;
}
