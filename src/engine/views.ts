import type { Snapshot } from '../store/store.ts';
import type { FrozenEnds } from './frozen-ends.ts';

/** Both ends as they stood at one moment: what clients write afterwards does not show to a comparison. */
export class Views {
  readonly #frozen: FrozenEnds;
  #target: Snapshot | undefined;
  held = false;

  constructor(frozen: FrozenEnds) {
    this.#frozen = frozen;
  }

  async hold(signal: AbortSignal): Promise<void> {
    const { source, target } = this.#frozen.ends;
    await this.#frozen.renew(() => source.snapshot?.(undefined, signal));
    this.#target = await target?.snapshot?.(undefined, signal);
    this.held = true;
  }

  async letGo(): Promise<void> {
    this.held = false;
    await this.#frozen.renew(() => undefined);
    await this.#target?.[Symbol.asyncDispose]();
    this.#target = undefined;
  }
}
