import type { Sink } from '../../../store/store.ts';
import { openCloneTable, removeTable, sweepTables, tableExists } from './clone-table-draft.ts';
import { openObjectDraft, removeObject, sweepObjects } from './object-draft.ts';
import { objectExists } from './object-exists.ts';
import type { Server } from './pair-servers.ts';

/** Takes a database as its source describes it. Rows are written into the tables themselves, which nobody should use
 *  before the run is done. */
export function createCloneSink(server: Server): Sink {
  return {
    accepts: ['rows', 'bytes', 'nothing'],
    visible: 'as written',
    // Definitions cannot be added to one another.
    intos: ['empty', 'replace'],
    adapt: (item) => ({ item, findings: [] }),
    exists: (as, signal) => (as.kind === 'table' ? tableExists(server, as, signal) : objectExists(server, as, signal)),
    draft: (as, ticket, options, signal) =>
      as.kind === 'table'
        ? openCloneTable(server, as, ticket, options, signal)
        : openObjectDraft(server, as, ticket, options, signal),
    remove: (as, signal) => (as.kind === 'table' ? removeTable(server, as, signal) : removeObject(server, as, signal)),
    async sweep(run, signal) {
      await sweepTables(server, run, signal);
      await sweepObjects(server, run, signal);
    },
  };
}
