import type { Finding } from '../model/finding.ts';
import type { Item } from '../model/item.ts';
import type { CutoverOptions, Shipment } from '../model/job.ts';
import { toMigrationError, type MigrationError } from '../model/migration-error.ts';
import { formatDuration } from '../lib/duration.ts';
import type { PlanTotals, Totals } from '../journal/journal.ts';
import type { Ends } from '../store/ends.ts';
import { compareSeconds, estimateSeconds, probeReadRate } from './estimate.ts';
import { planFull } from './full.ts';
import { planIncremental } from './incremental.ts';
import { createItemFilter } from '../store/item-filter.ts';
import { Tally } from './inventory.ts';
import type { PlannedShipment } from './plan.ts';
import { probeFollowing } from './probe-following.ts';
import { StepList } from './step-list.ts';

export interface PlanInput {
  /** Position of the shipment in its job. */
  readonly index: number;
  readonly shipment: Shipment;
  readonly ends: Ends;
  /** Start of the last finished run over the same ends, in milliseconds since 1970. */
  readonly since: number | undefined;
  readonly workers: number;
  readonly onSeen: (totals: PlanTotals) => void;
  readonly signal: AbortSignal;
}

export interface PlanContext extends PlanInput {
  readonly filter: (item: Item) => boolean;
  readonly tally: Tally;
  readonly steps: StepList;
  /** The item at the target; undefined (and an error finding) when it cannot be there. */
  readonly adapt: (item: Item) => Item | undefined;
}

export interface ShipmentPlan {
  readonly planned: PlannedShipment;
  readonly findings: readonly Finding[];
  readonly steps: StepList;
}

/** Decides every step of one shipment. Reads both ends, writes neither. */
export async function planShipment(input: PlanInput): Promise<ShipmentPlan> {
  const { shipment, ends, signal } = input;
  const tally = new Tally();
  const incremental = shipment.strategy === 'incremental';
  const into = incremental ? (shipment.deletions ? 'replace' : 'merge') : shipment.into;
  const steps = new StepList(input.index, into);
  const context: PlanContext = {
    ...input,
    filter: withPlace(createItemFilter(shipment), ends, tally),
    tally,
    steps,
    adapt: createAdapter(ends, tally),
  };
  const done = (seconds?: number): ShipmentPlan => ({
    planned: tally.finish(shipment, seconds),
    findings: tally.findings,
    steps,
  });

  for (const finding of await ends.from.probe('source', signal)) tally.report(finding);
  for (const finding of await ends.to.probe('target', signal)) tally.report(finding);
  if (shipment.strategy === 'hybrid') {
    for (const finding of await probeFollowing(ends, shipment, signal)) tally.report(finding);
  }
  checkFormats(ends, shipment, tally);
  checkInto(ends, shipment, tally);
  checkApart(ends, tally);
  if (shipment.backup !== undefined) await checkBackup(ends, shipment, tally, signal);
  if (tally.findings.some(({ level }) => level === 'error')) return done();

  if (incremental) await planIncremental(context);
  else await planFull(context);
  if (shipment.cutover) tally.report(cutoverFinding(tally.totals().copy, shipment.cutover));

  const rate = await probeReadRate(context);
  return done(rate === undefined ? undefined : estimateSeconds(tally.totals().copy, rate, input.workers));
}

/** Leaves out what has no place at the target, and says so. */
function withPlace(filter: (item: Item) => boolean, { sink }: Ends, tally: Tally): (item: Item) => boolean {
  return (item) => {
    if (!filter(item)) return false;
    const finding = sink.leftOut?.(item);
    if (finding) tally.report(finding);
    return finding === undefined;
  };
}

/** What the cutover will be like, as far as it can be told before anything has moved. */
function cutoverFinding(copy: Totals, { budgetMs, reverse }: CutoverOptions): Finding {
  const seconds = compareSeconds(copy);
  const fits = seconds * 1000 <= budgetMs / 2;
  const when = fits
    ? `while writers wait, within the budget of ${formatDuration(budgetMs / 1000)}`
    : `after the switch, because it does not fit the budget of ${formatDuration(budgetMs / 1000)}`;
  return {
    level: 'info',
    code: 'plan.cutover',
    message:
      `At the cutover both ends are compared ${when}: that takes about ${formatDuration(seconds)}. ` +
      `${reverse ? 'The way back is kept open.' : 'There is no way back after it (`reverse: true` keeps one).'}`,
  };
}

function checkFormats(ends: Ends, shipment: Shipment, tally: Tally): void {
  const content = ends.source.offers.filter((format) => format !== 'nothing');
  if (content.some((format) => ends.sink.accepts.includes(format))) return;
  tally.report({
    level: 'error',
    code: 'store.unsupported',
    message: `${shipment.from.address} gives ${content.join(', ')}; ${shipment.to.address} takes ${ends.sink.accepts.join(', ')}.`,
    hint: 'Databases go to databases and trees to trees; see `waybill connectors`.',
  });
}

function checkInto({ sink, to }: Ends, { strategy, into }: Shipment, tally: Tally): void {
  if (!sink.intos) return;
  const asked = strategy === 'incremental' ? 'merge' : into;
  if (sink.intos.includes(asked)) return;
  tally.report({
    level: 'error',
    code: 'store.unsupported',
    message:
      strategy === 'incremental'
        ? `${to.address.text} is carried whole, with its definitions: what changed cannot be carried alone.`
        : `${to.address.text} is carried whole, with its definitions: that cannot be done with \`into: ${into}\`.`,
    hint: `Use ${sink.intos.map((each) => `\`into: ${each}\``).join(' or ')}; to keep up with changes, \`strategy: hybrid\`.`,
    where: to.address.text,
  });
}

/** A store cannot be carried onto itself, nor a tree into itself: the next run would carry the copy as well. */
function checkApart({ from, to }: Ends, tally: Tally): void {
  const [source, target] = [from.address, to.address];
  if (source.scheme !== target.scheme) return;
  const nested = source.host === undefined && target.path.startsWith(`${source.path.replace(/\/$/, '')}/`);
  if (source.text !== target.text && !nested) return;
  tally.report({
    level: 'error',
    code: 'config.invalid',
    message: nested
      ? `The target ${target.text} lies inside the source ${source.text}.`
      : `${source.text} is both source and target.`,
    hint: 'Name a target outside the source.',
    where: target.text,
  });
}

async function checkBackup(ends: Ends, shipment: Shipment, tally: Tally, signal: AbortSignal): Promise<void> {
  if (!ends.sink.backup) {
    tally.report({
      level: 'error',
      code: 'store.unsupported',
      message: `${shipment.to.address} cannot keep a backup of what will be replaced.`,
      hint: 'Leave `backup` out and keep a copy by its own means.',
    });
    return;
  }
  try {
    await ends.to.probeBackup?.(signal);
  } catch (error) {
    tally.report(asFinding(toMigrationError(error)));
  }
}

const asFinding = ({ code, message, hint }: MigrationError, where?: string): Finding => ({
  level: 'error',
  code,
  message,
  ...(hint !== undefined && { hint }),
  ...(where !== undefined && { where }),
});

/** Names at the target, each item once: two items with one name there are refused before anything moves. */
function createAdapter(ends: Ends, tally: Tally): (item: Item) => Item | undefined {
  const taken = new Map<string, string>();
  return (item) => {
    try {
      const { item: as, findings } = ends.sink.adapt(item);
      for (const finding of findings) tally.report(finding);
      if (item.entry && as.key === item.key) return as;
      const other = taken.get(as.key);
      if (other === undefined) {
        taken.set(as.key, item.key);
        return as;
      }
      tally.report({
        level: 'error',
        code: 'plan.name-clash',
        message: `${item.kind} ${item.key} and ${other} would both be called ${as.key} at the target.`,
        hint: 'Rename one, leave one out with `exclude`, or keep names as they are with the option `names: keep`.',
        where: item.key,
      });
    } catch (thrown) {
      const error = toMigrationError(thrown);
      if (error.code === 'internal') throw thrown;
      tally.report(asFinding(error, item.key));
    }
    return undefined;
  };
}
