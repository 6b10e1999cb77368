import { MigrationError } from '../../model/migration-error.ts';
import { rowsDigest } from '../../model/digest.ts';
import type { Chunk, Item } from '../../model/item.ts';
import type { Reject } from '../../model/receipt.ts';
import { carriedColumns, type TableShape } from '../../model/shape.ts';
import { createBucketDigest, createRowDigest, createRowMarker } from '../../store/rows/row-digest.ts';
import { createRowKey, keyColumns } from '../../store/rows/row-key.ts';
import { RowReader } from '../../store/rows/row-reader.ts';
import type { RowPrint, Source } from '../../store/store.ts';
import { readCatalogue } from './catalogue.ts';
import type { Connection } from './connection.ts';
import type { Connections, Lent } from './connections.ts';
import { readByKeys } from './read-keys.ts';
import { readRows } from './read-rows.ts';
import { takeSnapshot, type HeldSnapshot } from './snapshot.ts';
import { rangeCondition, splitTable } from './split-table.ts';

const pageItems = 100;

export function createSource(connections: Connections): Source {
  const { options, place } = connections;
  const { database } = place;
  let held: HeldSnapshot | undefined;

  const lend = (doing: string, signal: AbortSignal): Promise<Lent> =>
    held ? held.lend(doing, signal) : connections.lend(doing, signal);

  async function use<T>(doing: string, signal: AbortSignal, work: (connection: Connection) => Promise<T>): Promise<T> {
    const lent = await lend(doing, signal);
    try {
      return await work(lent.connection);
    } catch (error) {
      throw lent.inWords(error);
    } finally {
      lent.giveBack({ usable: true });
    }
  }

  /** Rows of a table; without a snapshot all of one reading are of one moment all the same. */
  async function* rowsOf(item: Item, as: Item, condition: string, rejects: Reject[], signal: AbortSignal) {
    const lent = await lend(`read table ${item.key}`, signal);
    let usable = false;
    try {
      yield* readRows(
        {
          connection: lent.connection,
          database,
          item,
          from: shapeOf(item),
          as: shapeOf(as),
          options,
          mariadb: connections.mariadb,
          condition,
          rejects,
          kill: (id) => connections.kill(id),
        },
        signal,
      );
      usable = true;
    } catch (error) {
      // An error packet leaves the session as it was; one that broke is known to be broken.
      usable = true;
      throw lent.inWords(error);
    } finally {
      lent.giveBack({ usable: usable || held !== undefined });
    }
  }

  const whole = (item: Item, as: Item, signal: AbortSignal) => rowsOf(item, as, '', [], signal);

  return {
    offers: ['rows', 'nothing'],
    async *list(report, signal) {
      const items = await use('read the catalogue', signal, (connection) =>
        readCatalogue(connection, { database, mariadb: connections.mariadb, options }, report),
      );
      for (let i = 0; i < items.length; i += pageItems) yield items.slice(i, i + pageItems);
    },
    async *split(item, targetBytes, signal) {
      if (item.kind !== 'table') return;
      const session = <T>(work: (connection: Connection) => Promise<T>) => use(`split table ${item.key}`, signal, work);
      yield* splitTable(session, database, shapeOf(item), item, targetBytes);
    },
    async read(chunk: Chunk, item: Item, as: Item, format, signal) {
      if (format !== 'rows')
        throw new MigrationError('internal', `Table ${item.key} travels as rows, not as ${format}.`);
      const rejects: Reject[] = [];
      const parts = chunk.keys
        ? readByKeys(shapeOf(item), shapeOf(as), chunk.keys, rejects, (condition, found) =>
            rowsOf(item, as, condition, found, signal),
          )
        : rowsOf(item, as, rangeCondition(shapeOf(item), chunk.range), rejects, signal);
      return { format: 'rows', parts, rejects };
    },
    async snapshot(at, signal) {
      const taken = await takeSnapshot(connections, at, signal);
      held = taken;
      return {
        position: taken.position,
        async [Symbol.asyncDispose]() {
          held = undefined;
          await taken[Symbol.asyncDispose]();
        },
      };
    },
    async digest(item, as, signal) {
      const digest = createRowDigest(carriedColumns(shapeOf(as)).length);
      let bytes = 0;
      for await (const part of whole(item, as, signal)) {
        digest.update(part);
        bytes += part.length;
      }
      return { rows: digest.rows, bytes, digest: rowsDigest(digest.sum) };
    },
    async bucketDigests(item, as, buckets, signal) {
      const shape = shapeOf(as);
      const digest = createBucketDigest(carriedColumns(shape).length, keyColumns(shape), buckets);
      for await (const part of whole(item, as, signal)) digest.update(part);
      return digest.result();
    },
    async *rowPrints(item, as, buckets, wanted, signal) {
      const shape = shapeOf(as);
      const columns = carriedColumns(shape).length;
      const marker = createRowMarker(columns, keyColumns(shape));
      const keyOf = createRowKey(shape);
      const reader = new RowReader(columns);
      for await (const part of whole(item, as, signal)) {
        const marks = marker.mark(part);
        const prints: RowPrint[] = [];
        for (let i = 0; i < marks.rows; i++) {
          if (!wanted.has(marks.bucket(i, buckets))) continue;
          reader.open(part, marks.offset(i)).next();
          prints.push({ key: keyOf(reader, marks.hash(i)), hash: marks.hash(i) });
        }
        if (prints.length > 0) yield prints;
      }
    },
  };
}

export function shapeOf(item: Item): TableShape {
  if (!item.shape) throw new TypeError(`${item.key} has no table shape`);
  return item.shape;
}
