import { relative } from 'node:path';
import type { Plan } from '../engine/engine.ts';
import type { PlanTotals } from '../journal/journal.ts';
import { formatBytes } from '../lib/byte-size.ts';
import { formatDuration } from '../lib/duration.ts';
import type { Shipment } from '../model/job.ts';
import type { PlannedShipment } from '../plan/plan.ts';
import { shorten, table } from './display-width.ts';
import { findingLines } from './finding-text.ts';
import type { Output } from './output.ts';
import { plural } from './plural.ts';
import { printable } from './printable.ts';

type Look = Pick<Output, 'colors' | 'columns' | 'textWidth'>;

/** A plan for people: per shipment what is copied, kept and removed and what is large; then what was found. */
export function planText(plan: Plan, look: Look): string {
  const { colors } = look;
  const { id, job, shipments, findings, totals, startable } = plan;
  const blocks = shipments.map((shipment) => shipmentText(shipment, look));
  return [
    `${colors.bold('Plan')} ${id} of ${printable(job.name)}, ${plural(job.workers, 'worker')}`,
    '',
    ...blocks.flatMap((lines) => [...lines, '']),
    ...findingLines(findings, look),
    startable ? summary(totals) : colors.red('This plan cannot be started: mend the errors above first.'),
  ].join('\n');
}

/** The same for programs. */
export const planObject = ({ id, job, shipments, findings, totals, startable }: Plan): object => ({
  type: 'plan',
  id,
  job,
  shipments,
  findings,
  totals,
  startable,
});

function summary({ copy, estimatedSeconds }: PlanTotals): string {
  if (copy.items === 0) return 'Nothing to copy: the target already has what the source has.';
  const time = estimatedSeconds === undefined ? '' : ` in about ${formatDuration(estimatedSeconds)}`;
  return `To copy: ${amount(copy)}${time}.`;
}

function shipmentText({ shipment, totals, largest, kinds }: PlannedShipment, { colors, columns }: Look): string[] {
  const { copy, keep, remove } = totals;
  const room = Math.max(20, columns - 4);
  const ends = `${shorten(printable(shipment.from.address), Math.floor((room - 4) / 2))} → ${shorten(printable(shipment.to.address), Math.ceil((room - 4) / 2))}`;
  const big = largest.slice(0, 5).filter((item) => item.bytes > 0);
  const rows = table(
    big.map(({ kind, key, rows: count, bytes }) => [
      kind,
      shorten(printable(key), Math.max(12, room - 48)),
      count === undefined ? '' : plural(count, 'row'),
      formatBytes(bytes),
    ]),
    [2, 3],
  );
  return [
    `${colors.bold(printable(shipment.name))}  ${colors.dim(`${shipment.strategy}, ${effect(shipment)}, verify ${shipment.verify}`)}`,
    `  ${colors.cyan(ends)}`,
    `  ${'copy'.padEnd(8)} ${copy.items === 0 ? 'nothing' : `${kindWords(kinds)}${figures(copy)}`}`,
    ...(keep.items > 0 ? [`  ${'keep'.padEnd(8)} ${amount(keep)} that are equal already`] : []),
    ...(remove.items + remove.rows > 0
      ? [colors.yellow(`  ${'remove'.padEnd(8)} ${amount(remove)} at the target`)]
      : []),
    ...(shipment.backup === undefined ? [] : [`  ${'backup'.padEnd(8)} ${shortPath(shipment)}`]),
    ...rows.map((row, i) => `  ${(i === 0 ? 'largest' : '').padEnd(8)} ${row}`),
    ...(totals.estimatedSeconds === undefined
      ? []
      : [`  ${'estimate'.padEnd(8)} ${formatDuration(totals.estimatedSeconds)}`]),
  ];
}

function shortPath({ backup = '' }: Shipment): string {
  const short = relative('', backup);
  return printable(short.startsWith('..') ? backup : `./${short}`);
}

const plurals: Readonly<Record<string, string>> = {
  directory: 'directories',
  index: 'indexes',
  batch: 'batches',
  special: 'special files',
};

/** `11 tables, 4 indexes, 11 foreign keys`. */
const kindWords = (kinds: Readonly<Record<string, number>>): string =>
  Object.entries(kinds)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => plural(count, kind.replace('-', ' '), plurals[kind]))
    .join(', ');

interface Amount {
  readonly items: number;
  readonly rows: number;
  readonly bytes: number;
}

const amount = (totals: Amount): string => `${plural(totals.items, 'item')}${figures(totals)}`;

const figures = ({ rows, bytes }: Amount): string =>
  `${rows > 0 ? `, ${plural(rows, 'row')}` : ''}${bytes > 0 ? `, ${formatBytes(bytes)}` : ''}`;

/** What becomes of what the target already holds. */
const effect = ({ strategy, into, deletions }: Shipment): string =>
  strategy !== 'incremental' ? `into ${into}` : deletions ? 'with deletions' : 'no deletions';
