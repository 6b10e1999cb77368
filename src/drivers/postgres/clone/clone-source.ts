import type { Source } from '../../../store/store.ts';
import { createObjectReader } from './list-objects.ts';
import { listTables } from './list-tables.ts';
import type { Peer, Server } from './pair-servers.ts';
import { SharedSnapshot } from './shared-snapshot.ts';
import { createTableReader } from './table-reader.ts';

/** A whole database, or some of its schemas: tables (`schema.table`) with their rows, and everything else as objects, in
 *  words that the peer understands. */
export function createCloneSource(server: Server, peer?: Peer): Source & AsyncDisposable {
  const snapshot = new SharedSnapshot(server.connections);
  const objects = createObjectReader(server, peer, snapshot);
  const tables = createTableReader(server, snapshot, { filtered: peer !== undefined });
  return {
    offers: ['rows', 'bytes', 'nothing'],
    selects: true,
    async *list(report, signal) {
      const leftOut = await objects.leftOut(signal);
      // Few enough to be held: a database has thousands of objects, not millions of files.
      const items = [
        ...(await objects.list(report, signal)),
        ...(await listTables(server, snapshot, report, signal)).filter(({ key }) => !leftOut.has(key)),
      ];
      yield items.sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
    },
    ...tables,
    read: (chunk, item, as, format, signal) =>
      item.kind === 'object' ? objects.read(item, signal) : tables.read(chunk, item, as, format, signal),
    snapshot: (at, signal) => snapshot.take(at, signal),
    [Symbol.asyncDispose]: () => objects[Symbol.asyncDispose](),
  };
}
