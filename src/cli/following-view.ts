import { formatBytes, formatCount } from '../lib/byte-size.ts';
import { formatDuration } from '../lib/duration.ts';
import { cutoverSteps } from '../model/event.ts';
import type { Followed } from '../model/progress.ts';
import { shorten } from './display-width.ts';
import type { Colors } from './output.ts';
import type { FollowingFigures, FollowingPhase } from './progress-figures.ts';

export interface FollowingView {
  readonly run: string;
  readonly phase: FollowingPhase;
  readonly figures: FollowingFigures;
  readonly followed: Followed;
}

/** How far following is and what can be done next, for people. */
export function followingLines(
  { run, phase, figures, followed }: FollowingView,
  width: number,
  colors: Colors,
): string[] {
  const lines = [shorten(changeWords(figures), width), shorten(lagWords(figures), width)];
  switch (phase) {
    case 'following':
    case 'ready':
      lines.push(shorten(predictionWords(figures), width));
      if (phase === 'ready') lines.push(colors.green(shorten(`Ready: waybill cutover ${run}`, width)));
      return lines;
    case 'cutting-over':
    case 'rolling-back':
      return [...lines, shorten(stepWords(followed), width)];
    case 'reverse-following': {
      const open = `Writers are at the target. waybill rollback ${run} · waybill finish ${run}`;
      return [...lines, colors.green(shorten(open, width))];
    }
  }
}

/** `1,234 changes/s · 56,789 changes in 1,234 transactions`. */
export const changeWords = ({ changesPerSecond, changes, transactions }: FollowingFigures): string =>
  `${formatCount(changesPerSecond)} changes/s · ${formatCount(changes)} changes in ${formatCount(transactions)} transactions`;

/** `behind by 1.2 MiB, 0.4 s, 12 transactions · 34 MiB of log kept at the source`. */
export function lagWords({ lag }: FollowingFigures): string {
  if (!lag) return 'how far behind is not known yet';
  const { bytes, seconds, transactions, keptBytes } = lag;
  const parts = [formatBytes(bytes), formatDuration(seconds)];
  if (transactions !== undefined) parts.push(`${formatCount(transactions)} transactions`);
  const behind = bytes === 0 && seconds === 0 ? 'not behind' : `behind by ${parts.join(', ')}`;
  return `${behind} · ${formatBytes(keptBytes)} of log kept at the source`;
}

export const predictionWords = ({ predictedSeconds }: FollowingFigures): string =>
  predictedSeconds === undefined
    ? 'how long a cutover would take cannot be told yet'
    : `a cutover would keep writers waiting for about ${formatDuration(predictedSeconds)}`;

/** `frozen 0.0 s · drained 0.1 s`: since it was asked for. */
export function stepWords({ steps }: Followed): string {
  const asked = steps.asked ?? 0;
  return cutoverSteps
    .flatMap((step) => {
      const at = steps[step];
      return at === undefined || step === 'asked' ? [] : [`${step} ${((at - asked) / 1000).toFixed(2)} s`];
    })
    .join(' · ');
}
