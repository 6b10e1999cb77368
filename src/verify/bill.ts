import type { JournaledEvent, PlanTotals, RunHeader, Totals } from '../journal/journal.ts';
import { codes } from '../model/codes.ts';
import { addRowsDigests, noRows } from '../model/digest.ts';
import type { BackupRecord, Outcome, RunEvent } from '../model/event.ts';
import type { Finding } from '../model/finding.ts';
import type { Item, ItemKind } from '../model/item.ts';
import type { Job } from '../model/job.ts';
import { MigrationError, type ErrorRecord } from '../model/migration-error.ts';
import type { Phase } from '../model/phase.ts';
import type { Receipt } from '../model/receipt.ts';
import type { Step } from '../model/step.ts';
import { createFollowedFacts, type FollowedBill } from './followed-bill.ts';
import { Ledger, type StepEnd } from './ledger.ts';
import type { ItemLine, ManifestLine, ManifestRecord } from './manifest.ts';
import { publicJob } from './public-job.ts';
import { createTallies, type Listed, type Tally } from './tally.ts';
import { createStopwatch, type Timings } from './timings.ts';

/** What a run carried and what it could not: the document that is signed. docs/bill-format.md explains each member. */
export interface Bill {
  readonly format: 'waybill-bill/1';
  readonly run: string;
  readonly maker: Maker;
  readonly job: Job;
  readonly outcome: Outcome;
  /** Exit code of the process, as docs/errors.md lists them. */
  readonly exit: number;
  readonly error?: ErrorRecord;
  readonly timings: Timings;
  /** Of the whole run, as the plan had it. */
  readonly planned: PlanTotals;
  readonly findings: Listed<Finding>;
  /** In the order of `job.shipments`. */
  readonly shipments: readonly ShipmentBill[];
  readonly manifest: ManifestRecord;
}

/** Who made the bill. */
export interface Maker {
  readonly waybill: string;
  readonly node: string;
  readonly host: string;
}

export interface ShipmentBill extends Tally {
  readonly name: string;
  readonly phase: Phase;
  /** Where the source stood when it was read. */
  readonly position?: string;
  /** Strategy hybrid: changes and cutovers. */
  readonly followed?: FollowedBill;
  readonly planned: Totals;
  readonly plannedKinds: Readonly<Partial<Record<ItemKind, Totals>>>;
  readonly plannedRemovals: number;
  readonly backups: readonly BackupRecord[];
}

export interface BillInput {
  readonly header: RunHeader;
  readonly steps: AsyncIterable<readonly Step[]>;
  readonly events: AsyncIterable<readonly JournaledEvent[]>;
  readonly maker: Maker;
}

/** Makes the bill of a finished run from its journal alone: the same journal gives the same bytes. The lines go to
 *  `manifest` piece by piece, which says what it stored. Memory does not grow with items or chunks. Throws `internal` when
 *  the run has not finished. */
export async function buildBill(
  { header, steps, events, maker }: BillInput,
  manifest: (lines: AsyncIterable<Iterable<ManifestLine>>) => Promise<ManifestRecord>,
): Promise<Bill> {
  using ledger = new Ledger();
  const stopwatch = createStopwatch();
  const facts = createFacts(header);
  const following = createFollowedFacts();
  for await (const page of events) {
    for (const { event } of page) {
      ledger.add(event);
      stopwatch.add(event);
      facts.add(event);
      following.add(event);
    }
  }
  const timings = stopwatch.read(header.totals.estimatedSeconds);
  if (!timings || !facts.finished)
    throw new MigrationError('internal', `Run ${header.id} has not finished: it has no bill yet.`);
  const { outcome, error } = facts.finished;

  const sums = createTallies(header.job.shipments.length);
  const plan = createPlanSums(header.job.shipments.length);
  const record = await manifest(
    billLines(
      steps,
      ledger,
      (step) => plan.add(step),
      (line) => sums.add(line),
    ),
  );
  return {
    format: 'waybill-bill/1',
    run: header.id,
    maker,
    job: publicJob(header.job),
    outcome,
    exit: exitOf(outcome, error),
    ...(error && { error }),
    timings,
    planned: header.totals,
    findings: { count: facts.findings.count, first: facts.findings.first },
    shipments: header.job.shipments.map((shipment, i) => ({
      name: shipment.name,
      ...facts.shipment(i),
      ...following.shipment(i),
      ...plan.sum(i),
      ...(sums.tallies[i] as Tally),
    })),
    manifest: record,
  };
}

function exitOf(outcome: Outcome, error: ErrorRecord | undefined): number {
  if (outcome === 'done' || outcome === 'rolled-back') return 0;
  if (outcome === 'differs') return 3;
  if (outcome === 'cancelled') return 130;
  return error && error.code in codes ? codes[error.code as keyof typeof codes].exit : 1;
}

const findingLimit = 1000;

/** What the events say of the run and its shipments as a whole. */
function createFacts(header: RunHeader) {
  const phases = new Map<number, Phase>();
  const positions = new Map<number, string>();
  const backups = new Map<string, { shipment: number; backup: BackupRecord }>();
  const findings = { count: header.findings.length, first: header.findings.slice(0, findingLimit) };
  let finished: { outcome: Outcome; error: ErrorRecord | undefined } | undefined;
  return {
    findings,
    get finished() {
      return finished;
    },
    add(event: RunEvent) {
      if (event.type === 'phase.changed') phases.set(event.shipment, event.phase);
      if (event.type === 'snapshot.taken' && event.position !== '') positions.set(event.shipment, event.position);
      if (event.type === 'backup.kept') backups.set(`${event.shipment} ${event.backup.path}`, event);
      if (event.type === 'finding.raised') {
        findings.count += 1;
        if (findings.first.length < findingLimit) findings.first.push(event.finding);
      }
      if (event.type === 'run.finished') finished = { outcome: event.outcome, error: event.error };
    },
    shipment(i: number) {
      const position = positions.get(i);
      const kept = [...backups.values()].filter(({ shipment }) => shipment === i);
      return {
        phase: phases.get(i) ?? ('planned' as const),
        ...(position !== undefined && { position }),
        backups: kept.map(({ backup }) => backup),
      };
    },
  };
}

/** What the plan's steps add up to, by shipment. */
function createPlanSums(shipments: number) {
  const sums = Array.from({ length: shipments }, () => ({
    planned: { items: 0, bytes: 0, rows: 0 },
    plannedKinds: {} as Partial<Record<ItemKind, { items: number; bytes: number; rows: number }>>,
    plannedRemovals: 0,
  }));
  const sumOf = (shipment: number) => {
    const found = sums[shipment];
    if (!found) throw new RangeError(`a step names shipment ${shipment} of ${shipments}`);
    return found;
  };
  return {
    sum: sumOf,
    add(step: Step) {
      const sums = sumOf(step.shipment);
      if (step.action === 'remove') {
        sums.plannedRemovals += 1;
        return;
      }
      for (const item of itemsOf(step)) {
        const ofKind = (sums.plannedKinds[item.kind] ??= { items: 0, bytes: 0, rows: 0 });
        for (const sum of [sums.planned, ofKind]) {
          sum.items += 1;
          for (const part of step.chunks ?? [item]) {
            sum.bytes += part.bytes;
            sum.rows += part.rows ?? 0;
          }
        }
      }
    },
  };
}

/** What a person would count: the members of a batch, not the batch. */
const itemsOf = (step: Step): readonly Item[] => step.item.members ?? [step.item];

/** Every line of the manifest, in the order of the plan; differences last. In pieces: waiting for each line by itself
 *  would take longer than making it. */
async function* billLines(
  steps: AsyncIterable<readonly Step[]>,
  ledger: Ledger,
  planned: (step: Step) => void,
  count: (line: ManifestLine) => void,
): AsyncGenerator<Iterable<ManifestLine>> {
  function* counted(lines: Iterable<ManifestLine>): Generator<ManifestLine> {
    for (const line of lines) {
      count(line);
      yield line;
    }
  }
  for await (const page of steps) {
    for (const step of page) {
      planned(step);
      yield counted(stepLines(step, ledger));
    }
  }
  yield counted(differenceLines(ledger));
}

function* differenceLines(ledger: Ledger): Generator<ManifestLine> {
  for (const found of ledger.differences()) yield { type: 'difference', ...found };
}

function* stepLines(step: Step, ledger: Ledger): Generator<ManifestLine> {
  const { shipment, action, item } = step;
  const state = ledger.step(step.seq);
  const { kind, key } = item;
  const rejects = rejectsOf(state, ledger.receipts(step.seq));
  if (state.end === 'removed') yield { type: 'removed', shipment, kind, key };
  else if (state.end === 'published' && item.members) yield* batchLines(step, state, ledger, rejects);
  else if (state.end === 'published' && action === 'copy') yield* itemLines(step, state, ledger);
  else {
    for (const member of itemsOf(step)) {
      const name = { action, kind: member.kind, key: member.key };
      if (state.error) yield { type: 'failure', shipment, failure: { ...name, error: state.error } };
      else yield { type: 'unreached', shipment, item: name };
    }
  }
  for (const reject of rejects) yield { type: 'reject', shipment, reject };
}

/** Those of the receipts and those of the failure, which may name the same ones. */
function rejectsOf(state: StepEnd, receipts: Iterable<Receipt>) {
  const all = [...(state.rejects ?? [])];
  for (const receipt of receipts) all.push(...(receipt.rejects ?? []));
  return [...new Map(all.map((reject) => [JSON.stringify([reject.item, reject.key, reject.column]), reject])).values()];
}

function* itemLines(step: Step, state: StepEnd, ledger: Ledger): Generator<ManifestLine> {
  const { shipment, item } = step;
  let chunks = 0;
  let bytes = 0;
  let rows = 0;
  let digest = item.kind === 'table' ? noRows : 'none';
  for (const receipt of ledger.receipts(step.seq)) {
    chunks += 1;
    bytes += receipt.bytes;
    rows += receipt.rows;
    digest = item.kind === 'table' ? addRowsDigests(digest, receipt.digest) : receipt.digest;
  }
  const split = item.kind !== 'table' && chunks > 1;
  yield {
    ...itemLine(step, item, state),
    bytes,
    ...(item.kind === 'table' && { rows }),
    ...(!split && { digest }),
    ...(step.as.key !== item.key && { as: step.as.key }),
    ...(state.base && { base: state.base }),
    ...(step.removeKeys && { removedRows: step.removeKeys.length }),
  };
  if (!split) return;
  for (const { chunk, bytes: part, digest: own } of ledger.receipts(step.seq)) {
    yield { type: 'chunk', shipment, key: item.key, chunk, bytes: part, digest: own };
  }
}

/** A line per member that has a receipt; one that has none and is not rejected either has not been reached. */
function* batchLines(
  step: Step,
  state: StepEnd,
  ledger: Ledger,
  rejects: readonly { readonly item: string; readonly key: string }[],
): Generator<ManifestLine> {
  const { shipment, item } = step;
  const waiting = new Map((item.members ?? []).map((member) => [member.key, member]));
  for (const receipt of ledger.receipts(step.seq)) {
    for (const { key, bytes, digest } of receipt.members ?? []) {
      const member = waiting.get(key);
      if (!member) continue;
      waiting.delete(key);
      yield { ...itemLine(step, member, state), bytes, digest };
    }
  }
  for (const { item: name, key } of rejects) {
    waiting.delete(name);
    waiting.delete(key);
  }
  for (const { kind, key } of waiting.values()) {
    yield { type: 'unreached', shipment, item: { action: 'copy', kind, key } };
  }
}

const itemLine = ({ shipment }: Step, { kind, key }: Item, { equal }: StepEnd): Omit<ItemLine, 'bytes'> => ({
  type: 'item',
  shipment,
  kind,
  key,
  ...(equal !== undefined && { equal }),
});
