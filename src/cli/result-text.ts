import { relative } from 'node:path';
import type { RunResult } from '../engine/engine.ts';
import type { Difference } from '../model/difference.ts';
import { fromErrorRecord } from '../model/migration-error.ts';
import { notFollowed, type Progress } from '../model/progress.ts';
import { formatBytes } from '../lib/byte-size.ts';
import { formatDuration } from '../lib/duration.ts';
import type { Colors } from './output.ts';
import { plural } from './plural.ts';
import { printable, printableLines } from './printable.ts';

/** The end of a run for people: the verdict, what is not right, where the bill is, what to do next. */
export function resultText(result: RunResult, colors: Colors): string {
  const lines = [verdict(result, colors), ...problemLines(result.progress, colors)];
  if (result.bill) {
    lines.push(`  Bill:  ${shortPath(result.bill.json)}`, `  Page:  ${shortPath(result.bill.html)}`);
  }
  return [...lines, ...next(result, colors)].join('\n');
}

function verdict({ outcome, run, progress, error }: RunResult, colors: Colors): string {
  const { done, removed } = progress;
  switch (outcome) {
    case 'done':
      return done.items + done.rows + removed === 0
        ? `${colors.green(colors.bold('Nothing had changed.'))} The plan compared both ends and found them equal.`
        : `${colors.green(colors.bold('Done.'))} ${carried(progress)}${followedWords(progress)}, verified: no difference.`;
    case 'differs':
      return `${colors.yellow(colors.bold('Finished, but not everything is equal.'))} ${carried(progress)}.`;
    case 'rolled-back':
      return `${colors.green(colors.bold('Rolled back.'))} Writers are at the source again, with everything that was written to the target.`;
    case 'cancelled':
      return `${colors.yellow(colors.bold('Cancelled.'))} ${carried(progress)} until then; nothing is kept at the source for this run any more.`;
    case 'paused':
      return [
        `${colors.yellow(colors.bold('Paused.'))} ${carried(progress)} so far.`,
        `  Resume with: waybill resume ${run}`,
        ...keptWords(progress, run),
      ].join('\n');
    case 'failed':
      return `${colors.red(colors.bold('Failed:'))} ${error ? printableLines(error.message) : 'see the bill.'}`;
  }
}

/** `, 1,234 changes followed, writers waited 0.2 s`. */
function followedWords({ followed }: Progress): string {
  const last = Object.values(followed).at(-1);
  if (!last?.switched) return '';
  const pause = last.pauseMs === undefined ? '' : `, writers waited ${formatDuration(last.pauseMs / 1000)}`;
  return `, ${plural(last.changes, 'change')} followed${pause}`;
}

/** What a source that is followed goes on keeping while nobody works on the run. */
function keptWords({ followed, phases }: Progress, run: string): string[] {
  const active = Object.values(phases).some((phase) => followPhases.includes(phase));
  if (!active) return [];
  const { switched } = Object.values(followed).at(-1) ?? notFollowed;
  const letGo = switched ? `waybill finish ${run}` : `waybill cancel ${run}`;
  return [
    `  ${switched ? 'The target' : 'The source'} keeps its log meanwhile, which grows. Let go of it with: ${letGo}`,
  ];
}

const followPhases: readonly string[] = ['following', 'ready', 'cutting-over', 'reverse-following', 'rolling-back'];

function carried({ done, removed, startedAt, endedAt }: Progress): string {
  const figures = [plural(done.items, 'item'), done.rows > 0 && plural(done.rows, 'row'), formatBytes(done.bytes)];
  if (removed > 0) figures.push(`${plural(removed, 'item')} removed`);
  const seconds = startedAt !== undefined && endedAt !== undefined ? (endedAt - startedAt) / 1000 : undefined;
  return `${figures.filter(Boolean).join(', ')}${seconds === undefined ? '' : ` in ${formatDuration(seconds)}`}`;
}

/** What was not carried, was left out or differs: counts, and the first few by name. */
export function problemLines({ failures, rejects, differences }: Progress, colors: Colors): string[] {
  return [
    ...listed(
      failures.count,
      plural(failures.count, 'item', 'items') + ' not carried',
      colors,
      failures.first,
      ({ error }) => [error.where === undefined ? '' : `${error.where}:`, error.message],
    ),
    ...listed(
      rejects.count,
      plural(rejects.count, 'row or entry', 'rows or entries') + ' left out',
      colors,
      rejects.first,
      (reject) => [
        reject.item,
        reject.key === reject.item ? '' : reject.key,
        reject.column ?? '',
        `(${reject.reason})`,
      ],
    ),
    ...listed(differences.count, plural(differences.count, 'difference'), colors, differences.first, ({ difference }) =>
      differenceWords(difference),
    ),
  ];
}

const shown = 5;

function listed<T>(
  count: number,
  title: string,
  colors: Colors,
  first: readonly T[],
  words: (of: T) => readonly string[],
): string[] {
  if (count === 0) return [];
  const head = colors.yellow(`  ${title}${count > shown ? `, the first ${shown}` : ''}:`);
  return [head, ...first.slice(0, shown).map((of) => `    ${printable(words(of).filter(Boolean).join(' '))}`)];
}

export const differenceWords = ({ item, key, kind, detail }: Difference): readonly string[] => [
  item,
  key ?? '',
  kind,
  detail === undefined ? '' : `(${detail})`,
];

function next({ outcome, run, error }: RunResult, colors: Colors): string[] {
  if (outcome === 'paused') return [];
  if (outcome === 'failed') {
    const hint = error?.hint === undefined ? [] : [`  hint:  ${printableLines(error.hint)}`];
    const code = error ? fromErrorRecord(error).code : 'internal';
    return [
      ...hint,
      `  What was recorded stays. Go on with: waybill resume ${run}`,
      colors.dim(`  code:  ${code}, docs/errors.md#${code}`),
    ];
  }
  const verbs = outcome === 'done' ? ['verify --depth every-byte', 'status'] : ['bill', 'verify'];
  return [colors.dim(`  Next:  ${verbs.map((verb) => `waybill ${verb}`).join(' · ')}`)];
}

function shortPath(path: string): string {
  const short = relative('', path);
  return printable(short.startsWith('..') ? path : short);
}
