import { parseBytes } from '../lib/byte-size.ts';
import { parseMilliseconds } from '../lib/duration.ts';
import type { CutoverOptions, FollowOptions } from '../model/job.ts';
import type { ShipmentEntry } from './job-schema.ts';
import type { Path, Problem } from './problem.ts';

const defaultKeptBytes = 16 * 2 ** 30;
const defaultBudgetMs = 10_000;
const defaultWaitMs = 5000;

/** `follow` and `cutover` of a shipment with their defaults, nothing for a strategy that has no use for them; undefined
 *  when they are wrong. */
export function readFollowing(
  { strategy, follow, cutover }: ShipmentEntry,
  path: Path,
  report: (...problems: readonly Problem[]) => void,
): { readonly follow?: FollowOptions; readonly cutover?: CutoverOptions } | undefined {
  if (strategy !== 'hybrid') {
    const given = (['follow', 'cutover'] as const).filter((key) => ({ follow, cutover })[key] !== undefined);
    for (const key of given) {
      report({ path: [...path, key], on: 'key', message: `\`${key}\` needs \`strategy: hybrid\`.` });
    }
    return given.length === 0 ? {} : undefined;
  }
  const keptBytes = follow?.keep === undefined ? defaultKeptBytes : parseBytes(String(follow.keep));
  const budgetMs = readMs(cutover?.budget, defaultBudgetMs);
  const waitMs = readMs(cutover?.wait, defaultWaitMs);
  const wrong = (key: string, what: string): Problem => ({
    path: [...path, ...key.split('.')],
    message: `\`${key.split('.')[1]}\` is not a ${what}.`,
    hint: what === 'size' ? 'Write it as 16GiB; a plain number is bytes.' : 'Write it as 10s, 500ms or 2min.',
  });
  if (!keptBytes) report(wrong('follow.keep', 'size'));
  if (!budgetMs) report(wrong('cutover.budget', 'duration'));
  if (waitMs === undefined) report(wrong('cutover.wait', 'duration'));
  if (!keptBytes || !budgetMs || waitMs === undefined) return undefined;
  return {
    follow: { mode: follow?.mode ?? 'asynchronous', ddl: follow?.ddl ?? 'stop', keptBytes },
    cutover: {
      when: cutover?.when ?? 'asked',
      writers: cutover?.writers ?? 'wait',
      reverse: cutover?.reverse ?? false,
      budgetMs,
      waitMs,
      ...(cutover?.command && { command: cutover.command }),
    },
  };
}

/** A plain number is seconds. */
const readMs = (given: string | number | undefined, otherwise: number): number | undefined =>
  given === undefined ? otherwise : parseMilliseconds(String(given));
