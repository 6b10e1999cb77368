import type { Shipment } from '../model/job.ts';
import type { Ends } from '../store/ends.ts';
import type { Snapshot } from '../store/store.ts';
import { openEnds, type OpenStore } from './open-ends.ts';

/** A shipment's opened ends, and the moment at which its source is looked at, where it can be held still. */
export class FrozenEnds implements AsyncDisposable {
  readonly ends: Ends;
  #snapshot: Snapshot | undefined;

  constructor(ends: Ends, snapshot: Snapshot | undefined) {
    this.ends = ends;
    this.#snapshot = snapshot;
  }

  /** The source's position; undefined where it cannot freeze, or is not frozen. */
  get position(): string | undefined {
    return this.#snapshot?.position;
  }

  /** Looks at the source at another moment from now on. */
  async renew(take: () => Promise<Snapshot | undefined> | undefined): Promise<void> {
    const before = this.#snapshot;
    this.#snapshot = await take();
    await before?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#snapshot?.[Symbol.asyncDispose]();
    await this.ends[Symbol.asyncDispose]();
  }
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
  try {
    return new FrozenEnds(ends, await ends.source.snapshot?.(at, signal));
  } catch (error) {
    await ends[Symbol.asyncDispose]();
    throw error;
  }
}
