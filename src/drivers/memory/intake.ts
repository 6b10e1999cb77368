import type { Json } from '../../model/model.ts';
import type { Intake } from '../../store/following.ts';
import type { Session } from './session.ts';
import { changeSpace, type MemoryChange } from './space.ts';

/** Applies what a memory feed gave. Pieces of a transaction are held by the session and become visible with its end. */
export function memoryIntake(session: Session): Intake {
  const { space } = session;
  let pieces: MemoryChange[] = [];
  return {
    async probe() {
      session.assertOpen();
      return [];
    },

    async position(run) {
      session.assertOpen();
      pieces = [];
      return space.followed.get(run);
    },

    async apply(run, batch, signal) {
      session.assertOpen();
      signal.throwIfAborted();
      pieces.push(...(batch.content as readonly MemoryChange[]));
      if (batch.position === undefined) return;
      const changes = pieces;
      pieces = [];
      if (changes.length > 0) changeSpace(space, changes);
      space.followed.set(run, batch.position);
    },

    async setCounters(counters: Json) {
      session.assertOpen();
      for (const [name, next] of Object.entries(counters ?? {})) {
        space.counters.set(name, Math.max(space.counters.get(name) ?? 0, Number(next)));
      }
    },

    async close(run) {
      session.assertOpen();
      space.closedFor = run;
    },

    async open(run) {
      session.assertOpen();
      if (space.closedFor === run) space.closedFor = undefined;
    },

    async end(run) {
      session.assertOpen();
      pieces = [];
      space.followed.delete(run);
    },
  };
}
