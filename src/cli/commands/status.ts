import type { Command } from 'commander';
import type { RunHeader } from '../../journal/journal.ts';
import { formatBytes, formatCount } from '../../lib/byte-size.ts';
import { formatDuration } from '../../lib/duration.ts';
import type { Progress } from '../../model/progress.ts';
import { stateFolderOf, type CommonOptions, type Context } from '../context.ts';
import { table } from '../display-width.ts';
import { exitCodesHelp } from '../exit-code.ts';
import { findRun } from '../find-run.ts';
import type { Colors } from '../output.ts';
import { printable } from '../printable.ts';
import { problemLines } from '../result-text.ts';
import { localTime } from './runs.ts';

export function status(command: Command, context: Context): void {
  command
    .argument('[run]', 'id of the run, a part of it that is unique, or latest', 'latest')
    .addHelpText('after', exitCodesHelp([0, 1, 2]))
    .action(async (text: string, options: CommonOptions) => {
      const { output } = context;
      await using engine = await context.openEngine(stateFolderOf(options, context));
      const { header, progress } = await engine.status(await findRun(engine, text));
      if (output.json) output.object({ ...header, progress });
      else output.line(statusText(header, progress, output.colors));
    });
}

function statusText(header: RunHeader, progress: Progress, colors: Colors): string {
  const { job, totals, id, createdAt } = header;
  const { done, startedAt, endedAt, removed, verified, error, state } = progress;
  const of = (count: string, all: string, none: boolean) => (none ? count : `${count} of ${all}`);
  const facts = [
    ['run', `${id} of ${printable(job.name)}`],
    ['state', state],
    ['begun', localTime(createdAt)],
    ...(startedAt !== undefined && endedAt !== undefined
      ? [['took', formatDuration((endedAt - startedAt) / 1000)]]
      : []),
    ['items', of(formatCount(done.items), formatCount(totals.copy.items), totals.copy.items < done.items)],
    ...(totals.copy.rows > 0
      ? [['rows', of(formatCount(done.rows), formatCount(totals.copy.rows), totals.copy.rows < done.rows)]]
      : []),
    ['bytes', of(formatBytes(done.bytes), formatBytes(totals.copy.bytes), totals.copy.bytes < done.bytes)],
    ...(removed > 0 ? [['removed', `${formatCount(removed)} items`]] : []),
    ['verified', `${formatCount(verified)} items`],
  ];
  const shipments = job.shipments.map(({ name, from, to }, index) => [
    printable(name),
    progress.phases[index] ?? 'planned',
    `${printable(from.address)} → ${printable(to.address)}`,
  ]);
  return [
    ...table(facts.map(([name = '', value = '']) => [colors.dim(name.padEnd(9)), value])),
    '',
    ...table(shipments),
    ...problemLines(progress, colors),
    ...(error ? ['', `${colors.red('error:')} ${printable(error.message)}`] : []),
    ...(state === 'done' || state === 'differs' ? [] : ['', `Go on with: waybill resume ${id}`]),
  ].join('\n');
}
