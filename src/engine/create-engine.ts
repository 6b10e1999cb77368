import { hostname } from 'node:os';
import type { Difference } from '../model/difference.ts';
import { MigrationError } from '../model/migration-error.ts';
import { Past } from '../model/past.ts';
import { advance, noProgress, type Progress, type RunState } from '../model/progress.ts';
import type { JournaledRun, RunHeader } from '../journal/journal.ts';
import { verifyShipment } from '../verify/verify.ts';
import { checkRequest } from './check-request.ts';
import { isHeld, watchRun } from './watch-run.ts';
import { ActiveRun, type RunParts } from './active-run.ts';
import type { Engine, Plan, Verification, VerifyOptions } from './engine.ts';
import { threadsFor } from './crew.ts';
import { journaledMembers, ofShipment } from './journaled.ts';
import { makePlan, type OpenPlan } from './make-plan.ts';
import { openEnds } from './open-ends.ts';

const listedDifferences = 1000;

/** The engine over a journal. The journal is closed with it. */
export function createEngine(parts: RunParts): Engine {
  const { journal, open } = parts;
  return {
    plan: (job, options) => makePlan(job, open, journal, options),

    async start(plan, options) {
      const opened = openPlan(plan);
      if (!plan.startable) throw refused(plan);
      const { id, job, findings, totals } = opened;
      const header: RunHeader = { id, createdAt: Date.now(), job, findings, totals };
      const [first] = opened.shipments;
      if (first) parts.threads?.expect(threadsFor(first.totals.copy, job.workers));
      await journal.create(header, opened.steps());
      const frozen = new Map(opened.frozen.entries());
      return new ActiveRun(header, parts, options, {
        frozen,
        budgets: opened.budgets,
        fresh: true,
        steps: (shipment) => ofShipment(opened.steps(), shipment),
      });
    },

    async resume(run, options) {
      const header = await journal.header(run);
      const budgets = header.job.shipments.map((shipment) =>
        shipment.bytesPerSecond === undefined ? undefined : new SharedArrayBuffer(8),
      );
      const steps = (shipment: number) => ofShipment(journal.steps(run), shipment);
      return new ActiveRun(header, parts, options, { frozen: new Map(), budgets, fresh: false, steps });
    },

    verify: (run, options) => verifyRun(run, parts, options),

    async restore(run, { signal }) {
      const header = await journal.header(run);
      const { backups } = await replay(run, parts);
      if (Object.keys(backups).length === 0) {
        throw new MigrationError('config.invalid', `Run ${run} kept no backup, so there is nothing to restore.`, {
          hint: 'A job keeps a pre-image when it says `backup: FOLDER`.',
        });
      }
      for (const [index, shipment] of header.job.shipments.entries()) {
        const backup = backups[index];
        if (!backup) continue;
        await using ends = await openEnds(shipment, open, undefined, signal);
        if (!ends.sink.restore) throw new MigrationError('store.unsupported', `${shipment.to.address} cannot restore.`);
        await ends.sink.restore(backup, signal);
      }
    },

    async ask(run, request) {
      const header = await journal.header(run);
      const { progress, seq } = await replayed(run, parts);
      checkRequest(request, header, progress);
      await journal.ask(run, request);
      return { held: await isHeld(run, journal), seq };
    },

    watch: (run, after, signal) => watchRun(run, after, journal, signal),

    async runs() {
      const runs = await journal.runs();
      return runs.map((run) => ({
        id: run.id,
        name: run.job.name,
        createdAt: run.createdAt,
        state: stateNow(run),
        bytes: run.bytes,
        rows: run.rows,
      }));
    },

    async status(run) {
      const header = await journal.header(run);
      const known = (await journal.runs()).find(({ id }) => id === run);
      const progress = await replay(run, parts);
      return { header, progress: known ? { ...progress, state: stateNow(known) } : progress };
    },

    async [Symbol.asyncDispose]() {
      parts.threads?.[Symbol.dispose]();
      await journal[Symbol.asyncDispose]();
    },
  };
}

/** Only a plan of this engine can be started: it holds the open stores. */
function openPlan(plan: Plan): OpenPlan {
  if (!('frozen' in plan)) throw new TypeError('start() takes a plan made by plan() of the same engine');
  return plan as OpenPlan;
}

function refused({ findings }: Plan): MigrationError {
  const errors = findings.filter(({ level }) => level === 'error');
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  return new MigrationError('plan.refused', `The plan has errors: ${first?.message ?? ''}${more}`, {
    ...(first?.hint !== undefined && { hint: first.hint }),
    ...(first?.where !== undefined && { where: first.where }),
  });
}

const replay = async (run: string, parts: RunParts): Promise<Progress> => (await replayed(run, parts)).progress;

async function replayed(run: string, { journal }: RunParts) {
  let progress = noProgress;
  let last = 0;
  for await (const page of journal.replay(run)) {
    for (const { event, seq } of page) {
      progress = advance(progress, event);
      last = seq;
    }
  }
  return { progress, seq: last };
}

/** What an unfinished run has recorded so far may be equal at both ends, and much be missing all the same. */
async function refuseUnfinished(run: string, { journal }: RunParts): Promise<void> {
  const known = (await journal.runs()).find(({ id }) => id === run);
  const state = known && stateNow(known);
  if (state === 'done' || state === 'differs') return;
  throw new MigrationError(
    'config.invalid',
    `Run ${run} is ${state ?? 'unknown'}: only a finished run can be verified.`,
    {
      hint: `Let it finish first: waybill resume ${run}`,
      where: run,
    },
  );
}

async function verifyRun(run: string, parts: RunParts, options: VerifyOptions): Promise<Verification> {
  const { journal, open } = parts;
  const header = await journal.header(run);
  await refuseUnfinished(run, parts);
  const past = new Past({ keepReceipts: true });
  for await (const page of journal.replay(run)) for (const { event } of page) past.add(event);
  const differences: { shipment: string; difference: Difference }[] = [];
  const sums = { items: 0, rows: 0, bytes: 0, differenceCount: 0 };
  for (const [index, shipment] of header.job.shipments.entries()) {
    await using ends = await openEnds(shipment, open, undefined, options.signal);
    await using _snapshot = await ends.source.snapshot?.(undefined, options.signal);
    await verifyShipment({
      ends,
      shipment,
      depth: options.depth,
      steps: () => ofShipment(journal.steps(run), index),
      past: (step) => past.of(step),
      members: () => journaledMembers(journal, run),
      reread: true,
      async onDifference(difference) {
        sums.differenceCount += 1;
        if (differences.length < listedDifferences) differences.push({ shipment: shipment.name, difference });
        options.onDifference?.(shipment.name, difference);
      },
      onItem(content) {
        sums.items += content.items;
        sums.rows += content.rows;
        sums.bytes += content.bytes;
        const { bytes, rows } = sums;
        options.onTick?.({ type: 'verify.progress', step: -1, worker: 'verify', chunk: content.key, bytes, rows });
      },
      async onStep() {},
      signal: options.signal,
    });
  }
  return { ...sums, differences, equal: sums.differenceCount === 0 };
}

/** A run whose process was killed had no time to say so: it stands still, and can be resumed. */
function stateNow({ state, holder }: JournaledRun): RunState {
  if (state !== 'running' || holder?.host !== hostname()) return state;
  try {
    process.kill(holder.pid, 0);
    return state;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH' ? 'paused' : state;
  }
}
