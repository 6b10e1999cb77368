import { MigrationError } from '../model/migration-error.ts';
import { openWayBack, type Hybrid } from './hybrid.ts';
import { fitsPause, predictedCheckMs } from './predicted-check.ts';
import { verifySteps } from './verify-steps.ts';

/** What a cutover needs beside its lane: the comparison of both ends, and the way back. Opened before writers are asked
 *  to wait. */
export interface Handover extends AsyncDisposable {
  check(leftMs: number, signal: AbortSignal): Promise<'digests' | 'position'>;
  keepWayBack(signal: AbortSignal): Promise<string>;
  undo(signal: AbortSignal): Promise<void>;
}

export async function openHandover(hybrid: Hybrid): Promise<Handover> {
  const { cutover, views, shipment } = hybrid;
  const back = cutover.reverse ? await openWayBack(hybrid) : undefined;
  const checkMs = await predictedCheckMs(hybrid);
  return {
    async check(leftMs, signal) {
      await views.hold(signal);
      if (!fitsPause(shipment, checkMs, leftMs)) return 'position';
      const differences = await verifySteps(hybrid, { patient: true, signal });
      if (differences === 0) return 'digests';
      throw new MigrationError(
        'verify.differs',
        `Both ends differ although every change was applied (${differences} differences): nothing was switched.`,
        { hint: 'The bill names the differences. Somebody else may have written to the target.' },
      );
    },
    async keepWayBack(signal) {
      if (!back) throw new TypeError('nobody asked for a way back');
      await using snapshot = await back.feed.begin(back.name, back.options, signal);
      return snapshot.position;
    },
    async undo(signal) {
      await back?.feed.end(back.name, signal);
      await views.letGo();
    },
    async [Symbol.asyncDispose]() {
      await back?.[Symbol.asyncDispose]();
    },
  };
}
