import type { Source } from '../../../store/store.ts';
import { listObjects, readObject } from './list-objects.ts';
import { listTables } from './list-tables.ts';
import type { Server } from './pair-servers.ts';
import { SharedSnapshot } from './shared-snapshot.ts';
import { createTableReader } from './table-reader.ts';

/** A whole database, or some of its schemas: tables (`schema.table`) with their rows, and everything else as objects. */
export function createCloneSource(server: Server, role: 'source' | 'target'): Source {
  const snapshot = new SharedSnapshot(server.connections);
  const tables = createTableReader(server, snapshot, { filtered: role === 'source' });
  return {
    offers: ['rows', 'bytes', 'nothing'],
    async *list(report, signal) {
      // Few enough to be held: a database has thousands of objects, not millions of files.
      const items = [
        ...(await listObjects(server, snapshot, report, signal)),
        ...(await listTables(server, snapshot, report, signal)),
      ];
      yield items.sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
    },
    ...tables,
    read: (chunk, item, as, format, signal) =>
      item.kind === 'object'
        ? readObject(server, snapshot, item, signal)
        : tables.read(chunk, item, as, format, signal),
    snapshot: (at, signal) => snapshot.take(at, signal),
  };
}
