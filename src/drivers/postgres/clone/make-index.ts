import { MigrationError } from '../../../model/migration-error.ts';
import type { Connection } from '../connection.ts';
import { duplicates } from '../index-draft.ts';
import { qualified, quoteName } from '../names.ts';
import { sqlState, type ServerError } from '../store-error.ts';
import type { ObjectOf, QualifiedName } from './object-shape.ts';
import type { Work } from './statements-draft.ts';

type Made = ObjectOf<'index'> | ObjectOf<'constraint'>;

/** Builds the index in a transaction of its own: what finishes it locks the table, and must not wait for other builds
 *  while it holds a lock itself. */
export const makeIndex =
  (object: ObjectOf<'index'>): Work =>
  async (connection, mark) => {
    if (!(await indexExists(connection, object))) {
      await inWords(connection, object, `Index ${object.index.name}`, () =>
        connection.transaction(async () => {
          await prepare(connection, object.tablespace);
          await connection.run(object.definition);
        }),
      );
    }
    await finish(connection, object, object.index, mark);
  };

export const makeConstraint =
  (object: ObjectOf<'constraint'>): Work =>
  async (connection, mark) => {
    const { table, name, attach, definition } = object;
    if (!(await constraintExists(connection, table, name))) {
      await inWords(connection, object, `Constraint ${name}`, () =>
        connection.transaction(async () => {
          await prepare(connection, object.tablespace);
          const words = attach ?? definition;
          await connection.run(
            `ALTER TABLE ONLY ${qualified(table.schema, table.name)} ADD CONSTRAINT ${quoteName(name)} ${words}`,
          );
        }),
      );
    }
    await finish(connection, object, { schema: table.schema, name }, mark);
  };

async function finish(connection: Connection, object: Made, index: QualifiedName, mark: () => Promise<void>) {
  await connection.transaction(async () => {
    for (const part of object.parts) {
      // Attaching what is attached changes nothing.
      await connection.run(
        `ALTER INDEX ${qualified(index.schema, index.name)} ATTACH PARTITION ${qualified(part.schema, part.name)}`,
      );
    }
    for (const statement of object.finish) await connection.run(statement);
    await mark();
  });
}

/** As much memory as a build needs at most, or a quarter of what the server was given; never less than it is set to. */
async function prepare(connection: Connection, tablespace: string): Promise<void> {
  await connection.run(
    `SELECT set_config('maintenance_work_mem', greatest(pg_size_bytes(current_setting('maintenance_work_mem')),
       least(pg_size_bytes(current_setting('shared_buffers')) / 4, 1073741824), 268435456) / 1024 || 'kB', true)`,
  );
  if (tablespace !== '') await connection.run(`SET LOCAL default_tablespace = ${quoteName(tablespace)}`);
}

export async function indexExists(connection: Connection, { index, table }: ObjectOf<'index'>): Promise<boolean> {
  const rows = await connection.query(
    `SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indexrelid = to_regclass($1) AND i.indrelid = to_regclass($2) AND (i.indisvalid OR c.relkind = 'I')`,
    [qualified(index.schema, index.name), qualified(table.schema, table.name)],
  );
  return rows.length > 0;
}

export async function constraintExists(connection: Connection, table: QualifiedName, name: string): Promise<boolean> {
  const rows = await connection.query('SELECT FROM pg_constraint WHERE conrelid = to_regclass($1) AND conname = $2', [
    qualified(table.schema, table.name),
    name,
  ]);
  return rows.length > 0;
}

/** Rows with equal keys, oversized keys, rows that exclude one another are the rows' fault, not the server's. */
async function inWords(connection: Connection, object: Made, what: string, make: () => Promise<void>): Promise<void> {
  try {
    await make();
  } catch (error) {
    const state = sqlState(error);
    if (!['23505', '23P01', '54000', '42704', '22P02', '23502'].includes(state)) throw error;
    const { table, columns } = object;
    const why =
      state === '23505' && columns.length > 0
        ? await duplicates(connection, table.schema, table.name, columns)
        : `${(error as ServerError).message}${(error as ServerError).detail ? ` (${(error as ServerError).detail})` : ''}`;
    throw new MigrationError(
      'index.broken',
      `${what} of table ${table.schema}.${table.name} cannot be built: ${why}.`,
      {
        where: `${table.schema}.${table.name}`,
        hint: 'The rows have arrived, the index has not. Correct the rows at the source and run again.',
        cause: error,
      },
    );
  }
}
