import type { Finding } from '../model/finding.ts';
import { runId } from '../model/ids.ts';
import type { Job, Shipment } from '../model/job.ts';
import type { Journal, PlanTotals } from '../journal/journal.ts';
import { addTotals } from '../plan/inventory.ts';
import { planShipment, type ShipmentPlan } from '../plan/plan-shipment.ts';
import type { Step } from '../model/step.ts';
import type { Plan, PlanOptions } from './engine.ts';
import { openFrozen, type FrozenEnds } from './frozen-ends.ts';
import type { OpenStore } from './open-ends.ts';

/** A plan that can be started: it keeps the ends open and the sources frozen, so that what runs is what was shown. */
export interface OpenPlan extends Plan {
  readonly frozen: readonly FrozenEnds[];
  /** One per shipment, made with its ends. */
  readonly budgets: readonly (SharedArrayBuffer | undefined)[];
  steps(): Iterable<readonly Step[]>;
}

export async function makePlan(job: Job, open: OpenStore, journal: Journal, options: PlanOptions): Promise<OpenPlan> {
  const frozen: FrozenEnds[] = [];
  const plans: ShipmentPlan[] = [];
  const budgets = job.shipments.map(({ bytesPerSecond }) =>
    bytesPerSecond === undefined ? undefined : new SharedArrayBuffer(8),
  );
  const dispose = async (): Promise<void> => {
    for (const { steps } of plans) steps[Symbol.dispose]();
    for (const ends of frozen) await ends[Symbol.asyncDispose]();
  };
  try {
    for (const [index, shipment] of job.shipments.entries()) {
      const opened = await openFrozen(shipment, open, undefined, budgets[index], options.signal);
      frozen.push(opened);
      plans.push(
        await planShipment({
          index,
          shipment,
          ends: opened.ends,
          since: await lastRunStart(shipment, journal),
          workers: job.workers,
          signal: options.signal,
          onSeen({ copy, keep }) {
            options.onProgress?.({
              shipment: shipment.name,
              items: copy.items + keep.items,
              rows: copy.rows + keep.rows,
            });
          },
        }),
      );
    }
  } catch (error) {
    await dispose();
    throw error;
  }
  const findings: Finding[] = plans.flatMap((plan) => plan.findings);
  return {
    id: runId(Date.now(), Math.random()),
    job,
    shipments: plans.map(({ planned }) => planned),
    findings,
    totals: plans.map(({ planned }) => planned.totals).reduce(sumTotals, noTotals),
    startable: !findings.some(({ level }) => level === 'error'),
    frozen,
    budgets,
    steps: () => inPages(plans),
    [Symbol.asyncDispose]: dispose,
  };
}

const stepsPerPage = 256;

function* inPages(plans: readonly ShipmentPlan[]): Generator<readonly Step[]> {
  let page: Step[] = [];
  let seq = 0;
  for (const { steps } of plans) {
    for (const step of steps.steps(seq)) {
      page.push(step);
      seq = step.seq + 1;
      if (page.length < stepsPerPage) continue;
      yield page;
      page = [];
    }
  }
  if (page.length > 0) yield page;
}

/** When the last finished run between the same ends began: entries whose ctime is older did not change since. */
async function lastRunStart(shipment: Shipment, journal: Journal): Promise<number | undefined> {
  if (shipment.strategy !== 'incremental') return undefined;
  const same = (other: Shipment): boolean =>
    other.from.address === shipment.from.address && other.to.address === shipment.to.address;
  for (const { state, createdAt, job } of await journal.runs()) {
    if (state === 'done' && job.shipments.some(same)) return createdAt;
  }
  return undefined;
}

const zero = { items: 0, bytes: 0, rows: 0 };
const noTotals: PlanTotals = { copy: zero, keep: zero, remove: zero };

function sumTotals(a: PlanTotals, b: PlanTotals): PlanTotals {
  const seconds = [a.estimatedSeconds, b.estimatedSeconds].filter((value) => value !== undefined);
  return {
    copy: addTotals(a.copy, b.copy),
    keep: addTotals(a.keep, b.keep),
    remove: addTotals(a.remove, b.remove),
    ...(seconds.length > 0 && { estimatedSeconds: seconds.reduce((sum, value) => sum + value) }),
  };
}
