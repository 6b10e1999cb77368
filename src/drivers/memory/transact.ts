import { MigrationError } from '../../model/migration-error.ts';
import { changeSpace, type MemoryChange, type Space } from './space.ts';

/** What somebody else writes to a space at once. Throws `store.denied` while the space is frozen or closed. */
export function transact(space: Space, changes: readonly MemoryChange[]): void {
  beginTransaction(space).commit(changes);
}

export interface MemoryTransaction {
  /** Throws `store.denied` when it was ended from outside. */
  commit(changes: readonly MemoryChange[]): void;
  rollback(): void;
}

/** A transaction that takes its time. A freeze waits for it or ends it. */
export function beginTransaction(space: Space): MemoryTransaction {
  if (space.frozenFor !== undefined || space.closedFor !== undefined) throw denied(space);
  const transaction = {
    rollback() {
      if (space.writers.delete(transaction)) for (const listener of space.listeners) listener();
    },
    commit(changes: readonly MemoryChange[]) {
      if (!space.writers.delete(transaction)) throw denied(space);
      changeSpace(space, changes);
    },
  };
  space.writers.add(transaction);
  return transaction;
}

/** Takes the next number of a sequence. */
export function nextNumber(space: Space, sequence: string): number {
  if (space.frozenFor !== undefined || space.closedFor !== undefined) throw denied(space);
  const next = space.counters.get(sequence) ?? 1;
  space.counters.set(sequence, next + 1);
  return next;
}

const denied = ({ name }: Space): MigrationError =>
  new MigrationError('store.denied', `memory:${name} lets nobody write.`, { where: `memory:${name}` });
