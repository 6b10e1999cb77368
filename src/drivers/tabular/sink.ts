import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { BaseContent } from '../../model/event.ts';
import { noRows } from '../../model/digest.ts';
import type { Sink, Source } from '../../store/store.ts';
import { adaptTable, leftOut } from './adapt.ts';
import { sweepDrafts } from './draft-folder.ts';
import { fileError, inWords } from './file-error.ts';
import { findTables } from './find-files.ts';
import type { TabularKind } from './options.ts';
import { shapeFileOf } from './shape-file.ts';
import { shapeOf } from './shape-of.ts';
import { draftTable } from './table-draft.ts';
import { placesOf, type Places } from './target-places.ts';

/** `source` reads what is already there. */
export function createSink(kind: TabularKind, path: string, source: Source): Sink {
  const places: Places = placesOf(kind, path);
  const filesOf = async (table: string) => (await findTables(kind, path)).find((found) => found.table === table);
  return {
    accepts: ['rows', 'nothing'],
    visible: 'on publish',
    adapt: (item) => adaptTable(item, kind, places.table),
    leftOut,
    async exists(as) {
      return (await filesOf(as.key)) !== undefined;
    },
    async draft(as, ticket, options, signal) {
      try {
        let base: BaseContent | undefined;
        if (ticket === undefined && options.into === 'append') {
          const there = await filesOf(as.key);
          const content = there && (await source.digest?.(as, as, signal));
          base = { rows: content?.rows ?? 0, digest: content?.digest ?? noRows };
        }
        return await draftTable(
          { kind, places, source, as, shape: shapeOf(as), options, filesOf },
          ticket,
          base,
          signal,
        );
      } catch (error) {
        throw fileError(error, path);
      }
    },
    async remove(as) {
      const there = await filesOf(as.key);
      if (!there) return;
      await inWords(path, async () => {
        if (there.folder !== undefined) await rm(there.folder, { recursive: true, force: true });
        for (const file of there.folder === undefined ? there.files : []) {
          await rm(file.path, { force: true });
          await rm(shapeFileOf(file.path), { force: true });
        }
      });
    },
    async sweep(run) {
      await sweepDrafts(places.folder, run);
      if (places.table !== undefined) await sweepDrafts(dirname(path), run);
    },
  };
}
