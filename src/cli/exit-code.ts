import type { codes } from '../model/codes.ts';

export type ExitCode = 0 | (typeof codes)[keyof typeof codes]['exit'];

/** What every exit code means; each command's help lists those it can end with. */
export const exitCodes: Readonly<Record<ExitCode, string>> = {
  0: 'done',
  1: 'failed; what was recorded stays, and the run can be resumed',
  2: 'wrong use, job file or plan; nothing was written',
  3: 'finished, with differences or with items that could not be carried',
  4: 'a store cannot be reached, refuses, or is full',
  130: 'paused by a signal; resume it with `waybill resume RUN`',
};

/** The part of a command's help that lists its exit codes. */
export function exitCodesHelp(used: readonly ExitCode[]): string {
  const lines = used.map((code) => `  ${String(code).padEnd(4)} ${exitCodes[code]}`);
  return `\nExit codes:\n${lines.join('\n')}\n`;
}
