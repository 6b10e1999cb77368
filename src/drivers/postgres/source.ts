import { MigrationError } from '../../model/migration-error.ts';
import type { Chunk, Item } from '../../model/item.ts';
import { carriedColumns, type TableShape } from '../../model/shape.ts';
import type { RowsHash, Source } from '../../store/store.ts';
import { listItems } from './catalog.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import { copyOut } from './copy-out.ts';
import { bucketDigestsOf, digestTable, rowPrintsOf } from './digest-table.ts';
import { qualified } from './names.ts';
import { defaultSchema, type PostgresOptions } from './options.ts';
import { carriedSql, keysCondition } from './row-sql.ts';

/** What is stored, for verification and comparison. Tables are read whole: a chunk is a table or a list of keys. */
export function createSource(connections: Connections, { schema = defaultSchema }: PostgresOptions): Source {
  return {
    offers: ['rows', 'nothing'],
    list: (report, signal) =>
      stream(connections, 'read the catalogue', signal, (connection) => listItems(connection, schema, report)),
    async *split(item): AsyncGenerator<Chunk> {
      if (item.kind === 'table')
        yield { id: 'all', bytes: item.bytes, ...(item.rows !== undefined && { rows: item.rows }) };
    },
    async read(chunk, item, as, format, signal) {
      if (format !== 'rows')
        throw new MigrationError('internal', `Table ${item.key} travels as rows, not as ${format}.`);
      const shape = shapeOf(as);
      const condition = chunk.keys ? `WHERE ${keysCondition(shape, chunk.keys)}` : '';
      const statement = `COPY (SELECT ${carriedSql(shape)} FROM ${qualified(schema, item.key)} ${condition}) TO STDOUT (FORMAT binary)`;
      const copy = { statement, columns: carriedColumns(shape).length, text: false };
      const hash: RowsHash = { rows: 0, sum: 0n };
      const parts = stream(connections, `read table ${item.key}`, signal, (connection) =>
        copyOut(connection, copy, hash, signal),
      );
      return { format: 'rows', parts, rejects: [], hash };
    },
    digest: (item, as, signal) =>
      connections.use(`digest table ${item.key}`, signal, (connection) =>
        digestTable(connection, schema, item.key, shapeOf(as)),
      ),
    bucketDigests: (item, as, buckets, signal) =>
      connections.use(`digest table ${item.key}`, signal, (connection) =>
        bucketDigestsOf(connection, schema, item.key, shapeOf(as), buckets),
      ),
    rowPrints: (item, as, buckets, wanted, signal) =>
      stream(connections, `digest rows of table ${item.key}`, signal, (connection) =>
        rowPrintsOf(connection, schema, item.key, shapeOf(as), buckets, wanted),
      ),
  };
}

function shapeOf({ key, shape }: Item): TableShape {
  if (!shape) throw new MigrationError('internal', `${key} is no table.`);
  return shape;
}

/** Runs a generator on a session of its own, in one read-only snapshot. Left early, the session is thrown away. */
async function* stream<T>(
  connections: Connections,
  doing: string,
  signal: AbortSignal,
  generate: (connection: Connection) => AsyncIterable<T>,
): AsyncGenerator<T> {
  const lent = await connections.lend(doing, signal);
  let usable = false;
  try {
    await lent.connection.run('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    yield* generate(lent.connection);
    await lent.connection.run('COMMIT');
    usable = true;
  } catch (error) {
    throw lent.inWords(error);
  } finally {
    lent.giveBack({ usable });
  }
}
