import type { Shipment } from '../model/job.ts';
import { MigrationError } from '../model/migration-error.ts';
import type { RunContext, ShipmentContext } from './active-run.ts';
import { beginAnew } from './begin-anew.ts';
import { copySteps } from './copy-steps.ts';
import { openFrozen, type FrozenEnds } from './frozen-ends.ts';
import { keepBackup } from './keep-backup.ts';
import { runHybrid } from './run-hybrid.ts';
import { throwIfPaused, verifySteps } from './verify-steps.ts';

/** Brings one shipment from where it is to its end. */
export async function runShipment(index: number, run: RunContext): Promise<void> {
  const phase = run.progress().phases[index];
  if (phase === 'done' || phase === 'rolled-back') return;
  const shipment = run.header.job.shipments[index];
  if (!shipment) throw new MigrationError('internal', `There is no shipment ${index}.`);
  await run.enter(index, 'preparing');
  if (shipment.strategy === 'hybrid') return await runHybrid(index, shipment, run);
  const frozen = await freeze(index, shipment, run);
  const context: ShipmentContext = { index, shipment, frozen, run };

  await keepBackup(context);
  await run.enter(index, 'copying');
  await copySteps(context);

  throwIfPaused(run);
  await run.enter(index, 'verifying');
  if (!(await wasCompared(context))) await verifySteps(context);
  // A fresh run without a step has written nothing that could be left over.
  if (!run.fresh || (await anyStep(context))) await frozen.ends.sink.sweep(run.header.id, run.signal);
  await run.enter(index, 'done');
}

/** The shipment's ends, the source frozen where the run began. When it no longer stands there, what was recorded does
 *  not belong together with what would be read now: everything begins anew. */
async function freeze(index: number, shipment: Shipment, run: RunContext): Promise<FrozenEnds> {
  const { parts, frozen, budgets, signal } = run;
  const open = frozen.get(index) ?? (await openFrozen(shipment, parts.open, undefined, budgets[index], signal));
  frozen.set(index, open);
  const before = run.past.position(index);
  if (open.position !== undefined && open.position !== before) {
    if (before !== undefined) await beginAnew(index, open, run);
    await run.record({ type: 'snapshot.taken', shipment: index, position: open.position });
  }
  return open;
}

/** The plan of this very run has just compared both ends and found them equal: looking once more proves no more. */
async function wasCompared(context: ShipmentContext): Promise<boolean> {
  const { shipment, run } = context;
  if (!run.fresh || shipment.strategy !== 'incremental' || shipment.verify === 'every-byte') return false;
  if (run.header.findings.some(({ code }) => code === 'item.unreadable')) return false;
  return !(await anyStep(context));
}

async function anyStep({ index, run }: ShipmentContext): Promise<boolean> {
  for await (const page of run.steps(index)) if (page.length > 0) return true;
  return false;
}
