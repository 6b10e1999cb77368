import type { Command } from 'commander';
import { formatBytes, formatCount } from '../../lib/byte-size.ts';
import { stateFolderOf, type CommonOptions, type Context } from '../context.ts';
import { table } from '../display-width.ts';
import { exitCodesHelp } from '../exit-code.ts';
import type { Colors } from '../output.ts';
import { printable } from '../printable.ts';

export function runs(command: Command, context: Context): void {
  command.addHelpText('after', exitCodesHelp([0, 1])).action(async (options: CommonOptions) => {
    const { output } = context;
    await using engine = await context.openEngine(stateFolderOf(options, context));
    const found = await engine.runs();
    if (output.json) return output.object({ runs: found });
    if (found.length === 0) return output.line('No runs yet.');
    const rows = found.map(({ id, name, createdAt, state, bytes, rows: count }) => [
      id,
      printable(name),
      localTime(createdAt),
      state,
      count > 0 ? formatCount(count) : '',
      formatBytes(bytes),
    ]);
    const [head = '', ...lines] = table([['RUN', 'JOB', 'STARTED', 'STATE', 'ROWS', 'BYTES'], ...rows], [4, 5]);
    output.line(output.colors.dim(head));
    for (const [i, line] of lines.entries()) output.line(paint(line, found[i]?.state, output.colors));
  });
}

const paint = (line: string, state: string | undefined, colors: Colors): string =>
  state === 'failed' ? colors.red(line) : state === 'differs' || state === 'paused' ? colors.yellow(line) : line;

/** `2026-11-21 04:05` in the user's own time. */
export function localTime(at: number): string {
  const time = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return time.toISOString().slice(0, 16).replace('T', ' ');
}
