import { MigrationError } from '../../../model/migration-error.ts';
import type { Connection } from '../connection.ts';
import { qualified, quoteLiteral, quoteName } from '../names.ts';
import type { Scope } from './scope.ts';
import { definitionsOf, indexesOf, type Definitions, type SourceTable } from './source-tables.ts';

/** What the source remembers of a run, as the comment of its publication. */
export interface Remembered {
  /** Definitions of the tables when following began, or when the user was last told that they changed. */
  readonly tables: Definitions;
  readonly indexes: Definitions;
  /** While frozen: what default_transaction_read_only was set to for the database; empty when it was not set. */
  readonly frozen?: string;
}

/** Makes the publication of a run anew. Call it in a transaction. Throws `store.unsupported` when a row filter is one
 *  that would make changes fail at the source. */
export async function createPublication(
  connection: Connection,
  name: string,
  tables: readonly SourceTable[],
  scope: Scope,
): Promise<void> {
  const publication = quoteName(name);
  await connection.run(`DROP PUBLICATION IF EXISTS ${publication}`);
  const list = published(tables, scope);
  // Row filters and operations are decided per table; what is computed is computed at the target too.
  await connection.run(`CREATE PUBLICATION ${publication}${list.length > 0 ? ` FOR TABLE ${list.join(', ')}` : ''}`);
  await remember(connection, name, { tables: definitionsOf(tables), indexes: indexesOf(tables) });
  await refuseFilters(connection, name, tables);
}

/** A partitioned table that is carried whole is named itself, so that partitions made later are followed as well. */
function published(tables: readonly SourceTable[], scope: Scope): readonly string[] {
  const list = new Set<string>();
  for (const table of tables) {
    const where = scope.where(table.key);
    if (table.root && where === undefined) list.add(qualified(table.root.schema, table.root.table));
    else list.add(`ONLY ${qualified(table.schema, table.table)}${where === undefined ? '' : ` WHERE (${where})`}`);
  }
  return [...list];
}

/** A filter on columns that are not part of the row's identity would make every update fail at the source. */
async function refuseFilters(connection: Connection, name: string, tables: readonly SourceTable[]): Promise<void> {
  const rows = await connection.query<{ key: string; columns: string[] }>(
    `SELECT n.nspname || '.' || c.relname AS key, array_agg(a.attname::text) AS columns
     FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid
       JOIN pg_depend d ON d.classid = 'pg_publication_rel'::regclass AND d.objid = r.oid
         AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
       JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
     WHERE p.pubname = $1 GROUP BY 1`,
    [name],
  );
  for (const { key, columns } of rows) {
    const identity = tables.find((table) => table.key === key)?.identity ?? [];
    const outside = columns.filter((column) => identity.length > 0 && !identity.includes(column));
    if (outside.length === 0) continue;
    throw new MigrationError(
      'store.unsupported',
      `The rows of table ${key} are chosen by ${outside.join(', ')}, which changes do not tell of.`,
      {
        hint: `Choose rows by the key (${identity.join(', ')}), or: ALTER TABLE ${key} REPLICA IDENTITY FULL`,
        where: key,
      },
    );
  }
}

export async function remember(connection: Connection, name: string, what: Remembered): Promise<void> {
  await connection.run(`COMMENT ON PUBLICATION ${quoteName(name)} IS ${quoteLiteral(JSON.stringify(what))}`);
}

/** Undefined when there is no such publication. */
export async function remembered(connection: Connection, name: string): Promise<Remembered | undefined> {
  const rows = await connection.query<{ comment: string | null }>(
    `SELECT obj_description(oid, 'pg_publication') AS comment FROM pg_publication WHERE pubname = $1`,
    [name],
  );
  const comment = rows[0]?.comment;
  if (comment == null) return undefined;
  try {
    return JSON.parse(comment) as Remembered;
  } catch {
    return undefined;
  }
}

export async function dropPublication(connection: Connection, name: string): Promise<void> {
  await connection.run(`DROP PUBLICATION IF EXISTS ${quoteName(name)}`);
}
