/** Whether a cutover would keep its budget, looked at long enough to be believed. */
export class Readiness {
  readonly #budgetMs: number;
  readonly #steadyMs: number;
  #since: number | undefined;
  ready = false;

  constructor(budgetMs: number, steadyMs: number) {
    this.#budgetMs = budgetMs;
    this.#steadyMs = steadyMs;
  }

  fits(predictedMs: number | undefined): boolean {
    return predictedMs !== undefined && predictedMs < this.#budgetMs;
  }

  /** True when `ready` has changed. A change is believed when it has lasted. */
  look(now: number, predictedMs: number | undefined): boolean {
    if (this.fits(predictedMs) === this.ready) {
      this.#since = undefined;
      return false;
    }
    this.#since ??= now;
    if (now - this.#since < this.#steadyMs) return false;
    this.ready = !this.ready;
    this.#since = undefined;
    return true;
  }
}
