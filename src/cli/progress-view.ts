import { formatBytes, formatCount } from '../lib/byte-size.ts';
import { formatDuration } from '../lib/duration.ts';
import type { Job } from '../model/job.ts';
import type { Progress } from '../model/progress.ts';
import { column, shorten } from './display-width.ts';
import type { Colors } from './output.ts';
import { followingLines } from './following-view.ts';
import { activeFollowed, type Figures, type FollowingPhase } from './progress-figures.ts';
import { printable } from './printable.ts';

export interface ProgressView {
  readonly run: string;
  readonly job: Job;
  readonly progress: Progress;
  readonly figures: Figures;
  readonly elapsedSeconds: number;
  readonly columns: number;
  readonly colors: Colors;
  /** What Ctrl-C has brought about so far. */
  readonly stopping?: string;
}

/** The live display: a bar, figures, and what every worker has in hand. No line is wider than the terminal. */
export function progressLines(view: ProgressView): string[] {
  const { job, progress, figures, elapsedSeconds, colors, stopping } = view;
  const width = Math.max(20, view.columns - 1);
  const title = `${phaseWords[figures.phase]} ${activeShipment(job, progress)}`;
  const clock = formatDuration(elapsedSeconds);
  const head = `${colors.bold(column(title, width - clock.length - 1))} ${colors.dim(clock)}`;
  const { following, phase } = figures;
  if (following && phase in followingWords) {
    const followed = activeFollowed(progress);
    const shown = { run: view.run, phase: phase as FollowingPhase, figures: following, followed };
    const last = stopping === undefined ? [] : [colors.yellow(shorten(stopping, width))];
    return [head, ...followingLines(shown, width, colors), ...problems(progress, width, colors), ...last];
  }
  const lines = [
    head,
    bar(figures.fraction, width, colors, figures.phase === 'verifying'),
    figureLine(figureWords(figures, progress), width),
    ...workerLines(progress, width, colors),
    ...problems(progress, width, colors),
  ];
  if (stopping !== undefined) lines.push(colors.yellow(shorten(stopping, width)));
  return lines;
}

const followingWords: Readonly<Record<FollowingPhase, string>> = {
  following: 'Following',
  ready: 'Following',
  'cutting-over': 'Cutting over',
  'reverse-following': 'Keeping the way back for',
  'rolling-back': 'Going back to the source of',
};
const phaseWords = { preparing: 'Preparing', copying: 'Copying', verifying: 'Verifying', ...followingWords } as const;

function activeShipment({ shipments }: Job, { phases }: Progress): string {
  const index = Object.entries(phases).findLast(([, phase]) => phase !== 'done')?.[0];
  const shipment = shipments[Number(index ?? 0)];
  const place = shipments.length > 1 ? ` (${Number(index ?? 0) + 1} of ${shipments.length})` : '';
  return `${printable(shipment?.name ?? '')}${place}`;
}

function bar(fraction: number, width: number, colors: Colors, complete: boolean): string {
  const percent = complete ? ' copied' : `${(Math.floor(fraction * 1000) / 10).toFixed(1)} %`.padStart(7);
  const room = Math.max(5, width - percent.length - 1);
  const full = Math.round(room * fraction);
  return `${colors.green('━'.repeat(full))}${colors.dim('─'.repeat(room - full))} ${percent}`;
}

/** As many as there is room for; the last say most, and the first can be seen from the bar. */
function figureLine(words: readonly string[], width: number): string {
  const line = words.join(' · ');
  return line.length <= width || words.length === 1 ? shorten(line, width) : figureLine(words.slice(1), width);
}

function figureWords(figures: Figures, { verified }: Progress): string[] {
  const { items, rows, bytes, bytesPerSecond, rowsPerSecond, secondsLeft, phase } = figures;
  const words = [`${formatCount(items)} items`];
  if (rows > 0) words.push(`${formatCount(rows)} rows`);
  words.push(formatBytes(bytes));
  if (phase === 'verifying') return [...words, `${formatCount(verified)} verified`];
  if (bytesPerSecond > 0) words.push(`${formatBytes(bytesPerSecond)}/s`);
  if (rowsPerSecond > 0) words.push(`${formatCount(rowsPerSecond)} rows/s`);
  if (secondsLeft !== undefined) words.push(`${formatDuration(Math.max(1, secondsLeft))} left`);
  return words;
}

const maxWorkers = 8;

function workerLines({ inFlight }: Progress, width: number, colors: Colors): string[] {
  const workers = Object.entries(inFlight).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const lines = workers.slice(0, maxWorkers).map(([worker, { item, chunk, bytes }]) => {
    const size = width < 40 ? '' : formatBytes(bytes).padStart(10);
    const room = width - '  worker-1 '.length - size.length;
    return `  ${colors.dim(column(worker, 8))} ${column(printable(item ?? chunk), room)}${colors.dim(size)}`;
  });
  if (workers.length > maxWorkers) lines.push(colors.dim(`  and ${workers.length - maxWorkers} more workers`));
  return lines;
}

function problems({ failures, rejects, differences }: Progress, width: number, colors: Colors): string[] {
  const found = [
    failures.count > 0 && `${formatCount(failures.count)} items not carried`,
    rejects.count > 0 && `${formatCount(rejects.count)} rows or entries left out`,
    differences.count > 0 && `${formatCount(differences.count)} differences`,
  ].filter((words) => words !== false);
  return found.length === 0 ? [] : [colors.yellow(shorten(`  ${found.join(', ')}`, width))];
}
