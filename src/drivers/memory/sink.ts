import { hashBytes } from '../../store/content-digest.ts';
import type { BackupRecord } from '../../model/event.ts';
import type { Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { Sink } from '../../store/store.ts';
import { openDraft } from './draft.ts';
import type { Session } from './session.ts';
import { memoryIntake } from './intake.ts';
import { changeSpace, type Kept } from './space.ts';

export function memorySink(session: Session): Sink {
  const { space } = session;
  return {
    accepts: ['bytes', 'members', 'rows', 'nothing'],
    visible: 'on publish',
    intake: memoryIntake(session),

    adapt: (item) => ({ item, findings: [] }),

    async exists(as) {
      session.assertOpen();
      return space.items.has(as.key);
    },

    draft: async (as, ticket, options) => openDraft(session, as, ticket, options),

    async remove(as) {
      session.assertOpen();
      if (space.items.has(as.key)) changeSpace(space, [{ do: 'remove', key: as.key }]);
    },

    async sweep(run) {
      session.assertOpen();
      for (const [ticket, { options }] of space.drafts) if (options.run === run) space.drafts.delete(ticket);
    },

    backup: (items, path, signal) => backUp(session, items, path, signal),

    async restore(backup) {
      session.assertOpen();
      const kept = space.backups.get(backup.path);
      if (!kept) throw new MigrationError('source.missing', `memory:${space.name} has no backup ${backup.path}.`);
      space.version += 1;
      for (const [key, before] of kept) {
        if (before) space.items.set(key, before);
        else space.items.delete(key);
      }
    },
  };
}

/** Kept in the space itself, under the path's name: it lasts as long as the space does. */
async function backUp(
  session: Session,
  pages: AsyncIterable<readonly Item[]>,
  path: string,
  signal: AbortSignal,
): Promise<BackupRecord> {
  const { space } = session;
  const kept = new Map<string, Kept | undefined>();
  for await (const page of pages) {
    signal.throwIfAborted();
    for (const { key } of page.flatMap((item) => item.members ?? [item])) kept.set(key, space.items.get(key));
  }
  session.assertOpen();
  space.backups.set(path, kept);
  const bytes = [...kept.values()].reduce((sum, before) => sum + (before?.item.bytes ?? 0), 0);
  const digest = hashBytes(Buffer.from(JSON.stringify([...kept].map(([key, before]) => [key, before?.version]))));
  return { path, bytes, digest, detail: { space: space.name } };
}
