import { MigrationError } from '../../../model/migration-error.ts';
import type { Chunk, Item } from '../../../model/item.ts';
import { carriedColumns, type TableShape } from '../../../model/shape.ts';
import type { RowsHash, Source } from '../../../store/store.ts';
import type { Connection } from '../connection.ts';
import { copyOut } from '../copy-out.ts';
import { columnList } from '../table-sql.ts';
import { bucketsOf, digestRows, printsOf, where, type HashedRows } from './digest-rows.ts';
import type { Server } from './pair-servers.ts';
import type { SharedSnapshot } from './shared-snapshot.ts';
import { pagesCondition, splitTable } from './split-table.ts';
import { tableSql } from './table-key.ts';

type TableReader = Required<Pick<Source, 'split' | 'read' | 'digest' | 'bucketDigests' | 'rowPrints' | 'chunkDigest'>>;

/** Digests are worth every core; nothing else runs at the server for this run meanwhile. */
const parallel = `SET LOCAL max_parallel_workers_per_gather = 4; SET LOCAL min_parallel_table_scan_size = '1MB';
  SET LOCAL parallel_setup_cost = 10; SET LOCAL jit = off`;

/** Tables of one server. `filtered`: it is the source, so that an item's condition chooses its rows; the target has
 *  no others. */
export function createTableReader(
  { connections }: Server,
  snapshot: SharedSnapshot,
  { filtered }: { readonly filtered: boolean },
): TableReader {
  const rowsOf = (item: Item, as: Item, pages?: string): HashedRows => ({
    item,
    as: shapeOf(as),
    condition: conditionOf(filtered ? item.where : undefined, pages),
  });
  const digest = async <T>(
    item: Item,
    doing: string,
    signal: AbortSignal,
    work: (connection: Connection) => Promise<T>,
  ) => {
    const hidden = await hidesRows(item, signal);
    return snapshot.use(
      doing,
      signal,
      async (connection) => {
        await connection.run(parallel);
        if (hidden) await seeAllRows(connection, item);
        return work(connection);
      },
      hidden ? 'READ WRITE' : 'READ ONLY',
    );
  };
  /** Of the source the plan has seen to it. */
  const hidesRows = async ({ key }: Item, signal: AbortSignal): Promise<boolean> =>
    !filtered &&
    connections.use(`look at table ${key}`, signal, async (connection) => {
      const [row] = await connection.query<{ hidden: boolean | null }>(
        'SELECT row_security_active(to_regclass($1)::oid) AS hidden',
        [tableSql(key)],
      );
      return row?.hidden === true;
    });
  /** One cut per table and run: a table that grows meanwhile keeps its chunks. */
  const cuts = new Map<string, Promise<readonly Chunk[]>>();

  return {
    async *split(item, targetBytes, signal) {
      if (item.kind !== 'table') return;
      const id = `${item.key} ${targetBytes}`;
      let cut = cuts.get(id);
      if (!cut) {
        cut = snapshot.use(`split table ${item.key}`, signal, (connection) =>
          splitTable(connection, item, targetBytes),
        );
        cuts.set(id, cut);
        cut.catch(() => cuts.delete(id));
      }
      yield* await cut;
    },
    async read(chunk, item, as, format, signal) {
      if (format !== 'rows')
        throw new MigrationError('internal', `Table ${item.key} travels as rows, not as ${format}.`);
      const shape = shapeOf(as);
      const hash: RowsHash = { rows: 0, sum: 0n };
      const copy = {
        statement: copySql(item, shape, conditionOf(filtered ? item.where : undefined, pagesCondition(chunk.id))),
        columns: carriedColumns(shape).length,
        text: shape.text === true,
      };
      const parts = snapshot.stream(`read table ${item.key}`, signal, (connection) =>
        copyOut(connection, copy, hash, signal),
      );
      return { format: 'rows', parts, rejects: [], hash };
    },
    digest: (item, as, signal) =>
      digest(item, `digest table ${item.key}`, signal, (connection) => digestRows(connection, rowsOf(item, as))),
    async chunkDigest(chunk, item, as, signal) {
      const pages = pagesCondition(chunk.id);
      const found = await digest(item, `digest chunk ${chunk.id} of table ${item.key}`, signal, (connection) =>
        digestRows(connection, rowsOf(item, as, pages)),
      );
      return found.digest;
    },
    bucketDigests: (item, as, buckets, signal) =>
      digest(item, `digest table ${item.key}`, signal, (connection) =>
        bucketsOf(connection, rowsOf(item, as), buckets),
      ),
    async *rowPrints(item, as, buckets, wanted, signal) {
      const hidden = await hidesRows(item, signal);
      yield* snapshot.stream(
        `digest rows of table ${item.key}`,
        signal,
        async function* (connection) {
          if (hidden) await seeAllRows(connection, item);
          yield* printsOf(connection, rowsOf(item, as), buckets, wanted);
        },
        hidden ? 'READ WRITE' : 'READ ONLY',
      );
    },
  };
}

/** FORCE ROW LEVEL SECURITY hides rows from a table's owner too. For the length of this transaction, which is rolled
 *  back, it does not. */
async function seeAllRows(connection: Connection, { key }: Item): Promise<void> {
  await connection.run(`ALTER TABLE ${tableSql(key)} NO FORCE ROW LEVEL SECURITY`);
}

function copySql(item: Item, shape: TableShape, condition: string | undefined): string {
  const columns = columnList(carriedColumns(shape).map(({ name }) => name));
  const table = tableSql(item.key);
  // A table without columns can be copied, but a query without columns cannot.
  const rows =
    condition === undefined
      ? `${table}${columns && ` (${columns})`}`
      : `(SELECT ${columns} FROM ONLY ${table} ${where(condition)})`;
  return `COPY ${rows} TO STDOUT${shape.text ? '' : ' (FORMAT binary)'}`;
}

function conditionOf(...conditions: readonly (string | undefined)[]): string | undefined {
  const all = conditions.filter((condition) => condition !== undefined);
  return all.length === 0 ? undefined : all.map((condition) => `(${condition})`).join(' AND ');
}

function shapeOf({ key, shape }: Item): TableShape {
  if (!shape) throw new MigrationError('internal', `${key} is no table.`);
  return shape;
}
