import { formatBytes, formatCount } from '../lib/byte-size.ts';
import type { Depth } from '../model/job.ts';
import type { Bill } from './bill.ts';

/** What a person wants to know first. */
export interface Verdict {
  readonly good: boolean;
  /** One sentence; ends with a full stop. */
  readonly sentence: string;
}

export function verdictOf(bill: Bill): Verdict {
  const lost = notCarried(bill);
  const differing = sum(bill, (shipment) => shipment.differences.count || shipment.verified.unequal);
  const good = bill.outcome === 'done' && lost === '' && differing === 0;
  return { good, sentence: sentenceOf(bill, lost, differing) };
}

function sentenceOf(bill: Bill, lost: string, differing: number): string {
  const figures = carriedWords(bill);
  if (bill.outcome === 'failed') {
    return `The run failed${bill.error ? `: ${withoutStop(bill.error.message)}` : ''}; until then it had carried ${figures || 'nothing'}.`;
  }
  if (bill.outcome === 'cancelled') return `The run was cancelled; until then it had carried ${figures || 'nothing'}.`;
  if (bill.outcome === 'rolled-back')
    return `Writers are at the source again, with everything that was written to the target; ${figures || 'nothing'} had been carried.`;
  const problems = [
    lost && `${lost} could not be carried`,
    differing > 0 && `${plural(differing, 'difference')} found`,
  ];
  const bad = problems.filter(Boolean).join(' and ');
  if (bad) return `Not everything arrived: ${bad}. Carried: ${figures || 'nothing'}.`;
  if (bill.outcome === 'differs') return `Not everything is equal at both ends. Carried: ${figures || 'nothing'}.`;
  if (figures === '')
    return `Nothing had to be carried: ${plural(bill.planned.keep.items, 'item')} at the target ${bill.planned.keep.items === 1 ? 'was' : 'were'} already equal to the source.`;
  return `Everything arrived: ${figures}${followedWords(bill)}; ${verifiedWords(bill)}.`;
}

/** `, and 1,234 changes that followed`. */
function followedWords(bill: Bill): string {
  const changes = sum(bill, ({ followed }) => followed?.changes ?? 0);
  return changes === 0 ? '' : `, and ${plural(changes, 'change')} that followed`;
}

/** `15,607 rows in 11 tables, 514 files`; empty when nothing was carried. */
export function carriedWords(bill: Bill): string {
  const of = (kind: 'table' | 'file') => ({
    items: sum(bill, (shipment) => shipment.kinds[kind]?.items ?? 0),
    rows: sum(bill, (shipment) => shipment.kinds[kind]?.rows ?? 0),
    bytes: sum(bill, (shipment) => shipment.kinds[kind]?.bytes ?? 0),
  });
  const tables = of('table');
  const files = of('file');
  const all = sum(bill, (shipment) => shipment.carried.items);
  const removed = sum(bill, (shipment) => shipment.removed.items);
  return [
    tables.items > 0 && `${plural(tables.rows, 'row')} in ${plural(tables.items, 'table')}`,
    files.items > 0 && `${plural(files.items, 'file')} of ${formatBytes(files.bytes)}`,
    tables.items + files.items === 0 && all > 0 && plural(all, 'item'),
    removed > 0 && `${plural(removed, 'item')} removed`,
  ]
    .filter(Boolean)
    .join(', ');
}

function notCarried(bill: Bill): string {
  const rejects = sum(bill, (shipment) => shipment.rejects.count);
  const items = sum(bill, (shipment) => shipment.failures.count + shipment.unreached.count);
  return [rejects > 0 && plural(rejects, 'row or entry', 'rows or entries'), items > 0 && plural(items, 'item')]
    .filter(Boolean)
    .join(' and ');
}

export const depthWords: Readonly<Record<Depth, string>> = {
  counts: 'counts and attributes compared at both ends',
  digests: 'digests compared at both ends',
  'every-byte': 'every byte and row read back from both ends',
};

const depthBriefly: Readonly<Record<Depth, string>> = {
  counts: 'by counts and attributes',
  digests: 'by digests',
  'every-byte': 'by reading every byte back',
};

function verifiedWords(bill: Bill): string {
  const verified = sum(bill, (shipment) => shipment.verified.items);
  const carried = sum(bill, (shipment) => shipment.carried.items);
  if (verified === 0) return 'nothing was verified';
  const depths = [...new Set(bill.job.shipments.map((shipment) => depthBriefly[shipment.verify]))].join(' and ');
  if (verified < carried)
    return `${formatCount(verified)} of ${plural(carried, 'item')} verified ${depths}, no difference`;
  return `verified ${depths}, no difference`;
}

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${formatCount(count)} ${count === 1 ? one : many}`;

const sum = (bill: Bill, figure: (shipment: Bill['shipments'][number]) => number): number =>
  bill.shipments.reduce((total, shipment) => total + figure(shipment), 0);

const withoutStop = (text: string): string => text.replace(/\.$/, '');
