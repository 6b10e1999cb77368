/** Runs jobs side by side, at most `width` at once. After the first failure no job is started, and end() (or the next
 *  run()) throws it once those under way have ended. */
export class Lanes {
  readonly #width: number;
  readonly #active = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(width: number) {
    this.#width = Math.max(1, width);
  }

  /** Resolves when the job has been started, which may mean waiting for a lane. */
  async run(job: () => Promise<void>): Promise<void> {
    await this.room();
    const running = job()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#active.delete(running));
    this.#active.add(running);
  }

  /** Resolves when a lane is free. */
  async room(): Promise<void> {
    while (this.#active.size >= this.#width) await Promise.race(this.#active);
    if (this.#failure) await this.end();
  }

  /** Resolves when one of the jobs under way has ended; false when there is none. */
  async oneEnded(): Promise<boolean> {
    const any = this.#active.size > 0;
    if (any) await Promise.race(this.#active);
    if (this.#failure) await this.end();
    return any;
  }

  /** Resolves when all jobs have ended; throws the first failure. */
  async end(): Promise<void> {
    await Promise.all(this.#active);
    if (this.#failure) throw this.#failure.error;
  }
}
