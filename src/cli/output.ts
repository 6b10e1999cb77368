import pc from 'picocolors';
import { codes } from '../model/codes.ts';
import type { Finding } from '../model/finding.ts';
import type { MigrationError } from '../model/migration-error.ts';
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
      else stderr.write(redact(errorText(error, errorColors)));
    },
  };
}

function wantsColor(stream: NodeJS.WriteStream, env: OutputOptions['env']): boolean {
  if (env['NO_COLOR']) return false;
  if (env['FORCE_COLOR'] !== undefined) return env['FORCE_COLOR'] !== '0';
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}

function errorText(error: MigrationError, colors: Colors): string {
  const { code, where, hint } = error;
  const rows = [
    where === undefined ? '' : `  where: ${printable(where)}\n`,
    hint === undefined ? '' : `  hint:  ${printableLines(hint)}\n`,
    colors.dim(`  code:  ${code} (exit ${codes[code].exit}), docs/errors.md#${code}`),
  ];
  return `${colors.red(colors.bold('error:'))} ${printableLines(error.message)}\n${rows.join('')}\n`;
}

/** A finding of a plan: what, where, and what to do. */
export function findingText(finding: Finding, colors: Colors): string {
  const paint = { error: colors.red, warning: colors.yellow, info: colors.dim }[finding.level];
  const where = finding.where === undefined ? '' : ` ${colors.dim(`(${printable(finding.where)})`)}`;
  const hint = finding.hint === undefined ? '' : `\n      ${colors.dim(`→ ${printable(finding.hint)}`)}`;
  return `  ${paint(finding.level)} ${colors.dim(finding.code)} ${printableLines(finding.message)}${where}${hint}`;
}
