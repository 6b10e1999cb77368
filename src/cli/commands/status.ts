import type { Command } from 'commander';
import type { RunHeader } from '../../journal/journal.ts';
import { formatBytes, formatCount } from '../../lib/byte-size.ts';
import { formatDuration } from '../../lib/duration.ts';
import { isOver, type Progress } from '../../model/progress.ts';
import { stateFolderOf, type CommonOptions, type Context } from '../context.ts';
import { table } from '../display-width.ts';
import { exitCodesHelp } from '../exit-code.ts';
import { findRun } from '../find-run.ts';
import type { Colors } from '../output.ts';
import { lagWords, predictionWords, stepWords } from '../following-view.ts';
import { followingFigures } from '../progress-figures.ts';
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
    ...followedFacts(progress),
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
    ...nextWords(id, progress),
  ].join('\n');
}

function followedFacts({ followed }: Progress): (readonly [string, string])[] {
  const last = Object.values(followed).at(-1);
  if (!last) return [];
  const figures = followingFigures(last, 0);
  return [
    ['followed', `${formatCount(figures.changes)} changes in ${formatCount(figures.transactions)} transactions`],
    ['lag', lagWords(figures)],
    ...(last.switched ? [] : [['cutover', predictionWords(figures)] as const]),
    ...(Object.keys(last.steps).length > 1 ? [['steps', stepWords(last)] as const] : []),
    ...(last.pauseMs === undefined
      ? []
      : [['pause', `writers waited ${formatDuration(last.pauseMs / 1000)}`] as const]),
  ];
}

/** What can be done with the run as it stands. */
function nextWords(id: string, { state, phases }: Progress): string[] {
  if (isOver(state)) return [];
  if (state !== 'running') return ['', `Go on with: waybill resume ${id}`];
  const phase = Object.values(phases).at(-1);
  if (phase === 'ready') return ['', `Ready: waybill cutover ${id}`];
  if (phase === 'reverse-following') return ['', `Next: waybill rollback ${id} · waybill finish ${id}`];
  return [];
}
