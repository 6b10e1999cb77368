import type { Shipment } from '../model/job.ts';
import type { Ends } from '../store/ends.ts';
import type { Snapshot } from '../store/store.ts';
import { openEnds, type OpenStore } from './open-ends.ts';

/** A shipment's opened ends with the source frozen, where it can freeze. */
export interface FrozenEnds extends AsyncDisposable {
  readonly ends: Ends;
  /** The source's position; undefined where it cannot freeze. */
  readonly position: string | undefined;
}

/** `at`: another worker's position. Throws `source.moved` when the source no longer stands there. */
export async function openFrozen(
  shipment: Shipment,
  open: OpenStore,
  at: string | undefined,
  budget: SharedArrayBuffer | undefined,
  signal: AbortSignal,
): Promise<FrozenEnds> {
  const ends = await openEnds(shipment, open, budget, signal);
  let snapshot: Snapshot | undefined;
  try {
    snapshot = await ends.source.snapshot?.(at, signal);
  } catch (error) {
    await ends[Symbol.asyncDispose]();
    throw error;
  }
  return {
    ends,
    position: snapshot?.position,
    async [Symbol.asyncDispose]() {
      await snapshot?.[Symbol.asyncDispose]();
      await ends[Symbol.asyncDispose]();
    },
  };
}
