import { join } from 'node:path';
import type { Totals } from '../journal/journal.ts';
import type { Item } from '../model/item.ts';
import type { Shipment } from '../model/job.ts';
import { MigrationError } from '../model/migration-error.ts';
import type { Step } from '../model/step.ts';
import type { Crew } from '../move/move.ts';
import { moveSteps } from '../move/move-steps.ts';
import { Pool } from '../move/pool.ts';
import { verifyShipment } from '../verify/verify.ts';
import type { RunContext } from './active-run.ts';
import { assembleCrew } from './crew.ts';
import { openFrozen, type FrozenEnds } from './frozen-ends.ts';
import { journaledMembers } from './journaled.ts';

/** Brings one shipment from where it is to done. */
export async function runShipment(index: number, context: RunContext): Promise<void> {
  if (context.progress().phases[index] === 'done') return;
  const shipment = context.header.job.shipments[index];
  if (!shipment) throw new MigrationError('internal', `There is no shipment ${index}.`);
  await context.enter(index, 'preparing');
  const frozen = await freeze(index, shipment, context);
  const steps = () => context.steps(index);

  await keepBackup(index, shipment, frozen, steps, context);
  await context.enter(index, 'copying');
  await copy(index, shipment, frozen, steps, context);

  throwIfPaused(context);
  await context.enter(index, 'verifying');
  await verify(index, shipment, frozen, steps, context);
  // A fresh run without a step has written nothing that could be left over.
  if (!context.fresh || (await anyStep(steps))) await frozen.ends.sink.sweep(context.header.id, context.signal);
  await context.enter(index, 'done');
}

type Steps = () => AsyncIterable<readonly Step[]>;

/** The shipment's ends, the source frozen where the run began. When it no longer stands there, what was recorded does
 *  not belong together with what would be read now: everything begins anew. */
async function freeze(index: number, shipment: Shipment, context: RunContext): Promise<FrozenEnds> {
  const { parts, frozen, budgets, signal } = context;
  const open = frozen.get(index) ?? (await openFrozen(shipment, parts.open, undefined, budgets[index], signal));
  frozen.set(index, open);
  const before = context.past.position(index);
  if (open.position !== undefined && open.position !== before) {
    if (before !== undefined) await beginAnew(index, open, context);
    await context.record({ type: 'snapshot.taken', shipment: index, position: open.position });
  }
  return open;
}

async function beginAnew(index: number, { ends }: FrozenEnds, context: RunContext): Promise<void> {
  const message =
    'The source changed since the run was stopped: everything is copied anew, so that it belongs together.';
  const finding = { level: 'warning' as const, code: 'source.moved', message };
  await context.record({ type: 'finding.raised', shipment: index, finding });
  for await (const page of context.steps(index)) {
    for (const step of page) {
      const past = context.past.of(step.seq);
      if (!past.done && past.ticket === undefined) continue;
      const item = await ends.source.look?.(step.item, context.signal);
      const into = past.done && step.into === 'empty' ? { into: 'replace' as const } : {};
      const restarted = { type: 'item.restarted' as const, step: step.seq, reason: 'source.moved' };
      await context.record({ ...restarted, ...(item && { item }), ...into });
    }
  }
}

async function keepBackup(index: number, shipment: Shipment, { ends }: FrozenEnds, steps: Steps, context: RunContext) {
  if (shipment.backup === undefined || context.progress().backups[index]) return;
  async function* items(): AsyncGenerator<readonly Item[]> {
    for await (const page of steps()) yield page.flatMap(({ as }) => as.members ?? [as]);
  }
  const path = join(shipment.backup, `${context.header.id}-${index + 1}`);
  const backup = await ends.sink.backup?.(items(), path, context.signal);
  if (!backup) throw new MigrationError('store.unsupported', `${shipment.to.address} cannot keep a backup.`);
  await context.record({ type: 'backup.kept', shipment: index, backup });
}

async function copy(index: number, shipment: Shipment, frozen: FrozenEnds, steps: Steps, context: RunContext) {
  const { header, past, parts, signal, pause } = context;
  const work = await remaining(steps, context);
  if (work.items === 0) return;
  const workers = await assembleCrew({
    frozen,
    workers: header.job.workers,
    work,
    data: { run: header.id, maxQuarantine: header.job.maxQuarantine, shipment, budget: context.budgets[index] },
    threads: parts.threads,
    tick: (tick) => context.tick(tick),
  });
  const pool = new Pool({ workers, record: (event) => record(event), signal, pause });
  const record: RunContext['record'] = async (event) => {
    await context.record(event);
    if (event.type === 'chunk.written') refuseQuarantine(context);
  };
  const crew: Crew = {
    size: pool.size,
    dispatch: (task) => pool.dispatch(task),
    record: (event) => context.record(event),
    split: ({ item }) => frozen.ends.source.split(item, shipment.chunkBytes, signal),
    async look(step) {
      const item = await frozen.ends.source.look?.(step.item, signal);
      return item && { item, as: frozen.ends.sink.adapt(item).item };
    },
  };
  try {
    await moveSteps(steps(), past, crew);
  } finally {
    await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
  }
}

/** Rows may be left out up to the job's limit, over all chunks; entries of trees are reported, not limited. */
function refuseQuarantine(context: RunContext): void {
  const { header } = context;
  const { first } = context.progress().rejects;
  const rows = first.filter(({ code }) => code.startsWith('value.'));
  if (rows.length <= header.job.maxQuarantine) return;
  const last = rows.at(-1);
  throw new MigrationError(
    'value.unfit',
    `More than ${header.job.maxQuarantine} rows do not fit; the last is ${last?.item} ${last?.key}: ${last?.reason}.`,
    {
      hint: 'Correct the values at the source, or raise --max-quarantine.',
      ...(last && { where: `${last.item} ${last.key}` }),
    },
  );
}

async function remaining(steps: Steps, { past }: RunContext): Promise<Totals> {
  const totals = { items: 0, bytes: 0, rows: 0 };
  for await (const page of steps()) {
    for (const { seq, item } of page) {
      if (past.of(seq).done) continue;
      totals.items += item.members?.length ?? 1;
      totals.bytes += item.bytes;
      totals.rows += item.rows ?? 0;
    }
  }
  return totals;
}

async function verify(index: number, shipment: Shipment, { ends }: FrozenEnds, steps: Steps, context: RunContext) {
  // The plan of this very run has just compared both ends and found them equal: looking once more proves no more.
  const unreadable = context.header.findings.some(({ code }) => code === 'item.unreadable');
  const compared =
    context.fresh && shipment.strategy === 'incremental' && shipment.verify !== 'every-byte' && !unreadable;
  if (compared && !(await anyStep(steps))) return;
  let seen = { bytes: 0, rows: 0 };
  await verifyShipment({
    ends,
    shipment,
    depth: shipment.verify,
    steps,
    past: (step) => context.past.of(step),
    members: () => journaledMembers(context.parts.journal, context.header.id),
    reread: false,
    onDifference: (difference) => context.record({ type: 'difference.found', shipment: index, difference }),
    onItem({ key, bytes, rows }) {
      throwIfPaused(context);
      seen = { bytes: seen.bytes + bytes, rows: seen.rows + rows };
      context.tick({ type: 'verify.progress', step: -1, worker: 'verify', chunk: key, ...seen });
    },
    onStep: (step, equal) => context.record({ type: 'item.verified', step, equal }),
    signal: context.signal,
  });
}

async function anyStep(steps: Steps): Promise<boolean> {
  for await (const page of steps()) if (page.length > 0) return true;
  return false;
}

function throwIfPaused({ pause, signal }: RunContext): void {
  signal.throwIfAborted();
  if (pause.aborted) throw new MigrationError('run.paused', 'The run is paused.');
}
