import pc from 'picocolors';
import { codes } from '../model/codes.ts';
import type { MigrationError } from '../model/migration-error.ts';
import { wrap } from './display-width.ts';
import { printable, printableLines } from './printable.ts';

export type Colors = ReturnType<typeof pc.createColors>;

/** Where a command writes: results to stdout, remarks and errors to stderr; with --json everything to stdout, one JSON
 *  object a line. */
export interface Output {
  readonly json: boolean;
  /** stdout is a terminal, and people read it. */
  readonly live: boolean;
  readonly colors: Colors;
  readonly columns: number;
  /** Where lines of text are broken: nowhere but on a terminal. */
  readonly textWidth: number;
  /** For a live display. */
  readonly stream: NodeJS.WriteStream;
  line(text?: string): void;
  /** For people only: left out with --json. */
  remark(text: string): void;
  object(value: object): void;
  error(error: MigrationError): void;
}

export interface OutputOptions {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly json: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Last look at everything that is written. */
  readonly redact: (text: string) => string;
}

export function createOutput({ stdout, stderr, json, env, redact }: OutputOptions): Output {
  const colors = pc.createColors(wantsColor(stdout, env) && !json);
  const errorColors = pc.createColors(wantsColor(stderr, env));
  return {
    json,
    live: !json && stdout.isTTY === true && env['TERM'] !== 'dumb',
    colors,
    get textWidth() {
      return stdout.columns || Number.POSITIVE_INFINITY;
    },
    stream: stdout,
    get columns() {
      return stdout.columns || 80;
    },
    line: (text = '') => void stdout.write(redact(`${text}\n`)),
    remark: (text) => {
      if (!json) stderr.write(redact(`${text}\n`));
    },
    object: (value) => void stdout.write(redact(`${JSON.stringify(value)}\n`)),
    error(error) {
      if (json) stdout.write(redact(`${JSON.stringify({ error: { ...error.toJSON(), exit: error.exit } })}\n`));
      else stderr.write(redact(errorText(error, errorColors, stderr.columns || Infinity)));
    },
  };
}

function wantsColor(stream: NodeJS.WriteStream, env: OutputOptions['env']): boolean {
  if (env['NO_COLOR']) return false;
  if (env['FORCE_COLOR'] !== undefined) return env['FORCE_COLOR'] !== '0';
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}

function errorText(error: MigrationError, colors: Colors, width: number): string {
  const { code, where, hint } = error;
  const rows = [
    where === undefined ? '' : `  where: ${printable(where)}\n`,
    hint === undefined ? '' : `${wrap(`  hint:  ${printableLines(hint)}`, width, '         ')}\n`,
    colors.dim(`  code:  ${code} (exit ${codes[code].exit}), docs/errors.md#${code}`),
  ];
  const message = wrap(`error: ${printableLines(error.message)}`, width, '       ');
  return `${message.replace('error:', colors.red(colors.bold('error:')))}\n${rows.join('')}\n`;
}
