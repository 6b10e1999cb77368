import type { Lag } from '../model/lag.ts';

/** How long a cutover would keep the source still: what is left to apply at the speed seen so far, and what every
 *  cutover costs. */
export class Prediction {
  #bytes = 0;
  #ms = 0;
  #fixedMs: number;

  /** `fixedMs`: freezing, counters and opening, as measured or guessed from the ends' answers. */
  constructor(fixedMs: number) {
    this.#fixedMs = fixedMs;
  }

  /** A batch was applied. Older ones count less and less. */
  applied(bytes: number, ms: number): void {
    if (bytes === 0) return;
    this.#bytes = this.#bytes * 0.98 + bytes;
    this.#ms = this.#ms * 0.98 + ms;
  }

  /** Undefined while there is a lag and nothing was applied yet to tell its speed by. */
  pauseMs(lag: Lag): number | undefined {
    if (lag.bytes > 0 && this.#bytes === 0) return undefined;
    return this.#fixedMs + (lag.bytes === 0 ? 0 : (lag.bytes * this.#ms) / this.#bytes);
  }
}
