import { MigrationError } from '../../model/migration-error.ts';
import type { Kept, Space } from './space.ts';

type Items = ReadonlyMap<string, Kept>;

/** The half of a memory store that a crash takes: which view its source sees, and whether it is closed. */
export class Session {
  readonly space: Space;
  #view: Items | undefined;
  readonly #releases = new Set<() => void>();
  #closed = false;

  constructor(space: Space) {
    this.space = space;
  }

  /** What the source sees: the frozen view, or the items as they are. */
  items(): Items {
    this.assertOpen();
    return this.#view ?? this.space.items;
  }

  freeze(view: Items, release: () => void): void {
    this.assertOpen();
    this.#view = view;
    this.#releases.add(release);
  }

  thaw(release: () => void): void {
    this.#releases.delete(release);
    if (this.#releases.size === 0) this.#view = undefined;
  }

  /** Before every change: what a dropped store still had under way must not reach the space. */
  assertOpen(): void {
    if (this.#closed) {
      throw new MigrationError('store.unreachable', `memory:${this.space.name} was closed.`, {
        where: `memory:${this.space.name}`,
      });
    }
  }

  close(): void {
    for (const release of this.#releases) release();
    this.#closed = true;
  }
}
