import { MigrationError } from '../model/migration-error.ts';

/** The time that writers may be kept out, from now on. */
export class Budget implements Disposable {
  /** Aborted with `cutover.over-budget` when the time is used up, or with the parent's reason. */
  readonly signal: AbortSignal;
  readonly #until: number;
  readonly #timer: NodeJS.Timeout;

  constructor(ms: number, parent: AbortSignal) {
    const controller = new AbortController();
    this.#until = performance.now() + ms;
    this.#timer = setTimeout(() => controller.abort(overBudget(ms)), ms);
    this.signal = AbortSignal.any([parent, controller.signal]);
  }

  get leftMs(): number {
    return Math.max(0, this.#until - performance.now());
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

const overBudget = (ms: number): MigrationError =>
  new MigrationError('cutover.over-budget', `The cutover took longer than its budget of ${ms / 1000} s.`, {
    hint: 'The source was let go on. Ask again when it is quieter, or raise `cutover: { budget }`.',
  });
