import { MigrationError } from '../model/migration-error.ts';
import { verifyShipment } from '../verify/verify.ts';
import type { RunContext, ShipmentContext } from './active-run.ts';
import { journaledMembers } from './journaled.ts';

export interface VerifyStepsOptions {
  /** Goes on although the run is to be paused: what is looked at now cannot be looked at later. */
  readonly patient?: true;
  /** Added to every difference. */
  readonly detail?: string;
  readonly signal?: AbortSignal;
}

/** Compares both ends of a shipment and records what differs; how much that is. */
export async function verifySteps(
  { index, shipment, frozen, run }: ShipmentContext,
  { patient, detail, signal = run.signal }: VerifyStepsOptions = {},
): Promise<number> {
  let differences = 0;
  let seen = { bytes: 0, rows: 0 };
  await verifyShipment({
    ends: frozen.ends,
    shipment,
    depth: shipment.verify,
    steps: () => run.steps(index),
    past: (step) => run.past.of(step),
    members: () => journaledMembers(run.parts.journal, run.header.id),
    reread: false,
    async onDifference(found) {
      differences += 1;
      const difference =
        detail === undefined ? found : { ...found, detail: [found.detail, detail].filter(Boolean).join('; ') };
      await run.record({ type: 'difference.found', shipment: index, difference });
    },
    onItem({ key, bytes, rows }) {
      if (!patient) throwIfPaused(run);
      seen = { bytes: seen.bytes + bytes, rows: seen.rows + rows };
      run.tick({ type: 'verify.progress', step: -1, worker: 'verify', chunk: key, ...seen });
    },
    onStep: (step, equal) => run.record({ type: 'item.verified', step, equal }),
    signal,
  });
  return differences;
}

/** Throws `run.paused`, or the reason of an abort. */
export function throwIfPaused({ pause, signal }: RunContext): void {
  signal.throwIfAborted();
  if (pause.aborted) throw new MigrationError('run.paused', 'The run is paused.');
}
