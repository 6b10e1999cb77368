import { MigrationError } from '../../model/migration-error.ts';
import type { Snapshot } from '../../store/store.ts';
import type { Session } from './session.ts';

/** A view of the space at a position: now, or one that another living snapshot holds. */
export function takeView(session: Session, at: string | undefined): Snapshot {
  const { space } = session;
  const version = at === undefined ? space.version : Number(at);
  let view = space.frozen.get(version);
  if (!view) {
    if (version !== space.version) {
      throw new MigrationError('source.moved', `memory:${space.name} stands at ${space.version}, no longer at ${at}.`, {
        where: `memory:${space.name}`,
      });
    }
    view = { items: new Map(space.items), holders: 0 };
    space.frozen.set(version, view);
  }
  const held = view;
  held.holders += 1;
  let holding = true;
  const release = (): void => {
    if (!holding) return;
    holding = false;
    held.holders -= 1;
    if (held.holders === 0) space.frozen.delete(version);
    session.thaw(release);
  };
  session.freeze(held.items, release);
  return {
    position: String(version),
    async [Symbol.asyncDispose]() {
      release();
    },
  };
}
