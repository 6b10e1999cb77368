import { MigrationError } from '../model/migration-error.ts';
import type { Step } from '../model/step.ts';

/** Knows which steps of a stage must wait for which (`Item.after`). Tree entries are neither waited for nor waiting, so
 *  they are not kept: memory grows with tables and objects only. */
export class Waiting {
  /** How the items ended that others may wait for. */
  readonly #ended = new Map<string, MigrationError | 'carried'>();
  readonly #missing = new Map<Step, Set<string>>();
  readonly #waiters = new Map<string, Step[]>();
  readonly #ready: Step[] = [];

  /** True when the step has to wait; `next` gives it when its time has come. */
  add(step: Step): boolean {
    const missing = new Set(step.item.after?.filter((key) => !this.#ended.has(key)));
    if (missing.size === 0) return false;
    this.#missing.set(step, missing);
    for (const key of missing) {
      const waiters = this.#waiters.get(key);
      if (waiters) waiters.push(step);
      else this.#waiters.set(key, [step]);
    }
    return true;
  }

  end({ item }: Step, failure?: MigrationError): void {
    if (item.entry || item.kind === 'batch') return;
    this.#ended.set(item.key, failure ?? 'carried');
    this.#release(item.key);
  }

  next(): Step | undefined {
    return this.#ready.shift();
  }

  /** To be called when every step that does not wait has ended: what is still waited for is not part of the plan. Of
   *  steps that wait for one another in a circle the first is let go. False when nobody waits. */
  releaseRest(): boolean {
    const waiting = new Set([...this.#missing.keys()].map(({ item }) => item.key));
    const unknown = [...this.#waiters.keys()].filter((key) => !waiting.has(key));
    const keys = unknown.length > 0 ? unknown : [...this.#waiters.keys()].slice(0, 1);
    for (const key of keys) this.#release(key);
    return keys.length > 0;
  }

  /** Why the step cannot be done: an item that it comes after could not be carried. */
  obstacle({ item }: Step): MigrationError | undefined {
    for (const key of item.after ?? []) {
      const end = this.#ended.get(key);
      if (end === undefined || end === 'carried') continue;
      return new MigrationError(end.code, `${item.key} was left out, because ${key} could not be carried.`, {
        where: item.key,
        hint: `See why ${key} failed; resume when that is mended.`,
      });
    }
    return undefined;
  }

  #release(key: string): void {
    for (const step of this.#waiters.get(key) ?? []) {
      const missing = this.#missing.get(step);
      if (!missing?.delete(key) || missing.size > 0) continue;
      this.#missing.delete(step);
      this.#ready.push(step);
    }
    this.#waiters.delete(key);
  }
}
