import type { Item } from '../../../model/item.ts';
import type { Connection } from '../connection.ts';
import { qualified, quoteLiteral, quoteName } from '../names.ts';
import { classes } from './list-indexes.ts';
import { foreignKeyKey } from './object-keys.ts';
import type { ObjectShape } from './object-shape.ts';

interface KeyRow {
  readonly oid: string;
  readonly schema: string;
  readonly table: string;
  readonly other_schema: string;
  readonly other_table: string;
  readonly name: string;
  readonly partitioned: boolean;
  readonly definition: string;
  readonly valid: boolean;
  readonly columns: string[];
  readonly other_columns: string[];
  readonly comment: string | null;
}

const columnsSql = (relation: string, numbers: string) =>
  `ARRAY(SELECT a.attname::text FROM unnest(${numbers}) WITH ORDINALITY u(attnum, n)
     JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = u.attnum ORDER BY u.n)`;

/** Foreign keys, each an item that is added and checked when the rows of all tables are there. Those of partitions come
 *  with that of the whole. */
export async function listForeignKeys(connection: Connection, leftOut: ReadonlySet<string>) {
  const rows = await connection.query<KeyRow>(
    `SELECT k.oid, n.nspname AS schema, r.relname AS table, fn.nspname AS other_schema, f.relname AS other_table, k.conname AS name, r.relkind = 'p' AS partitioned,
       regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', '') AS definition, k.convalidated AS valid,
       ${columnsSql('k.conrelid', 'k.conkey')} AS columns, ${columnsSql('k.confrelid', 'k.confkey')} AS other_columns,
       obj_description(k.oid, 'pg_constraint') AS comment
     FROM pg_constraint k JOIN pg_class r ON r.oid = k.conrelid JOIN pg_namespace n ON n.oid = r.relnamespace
       JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
     WHERE k.contype = 'f' AND k.conparentid = 0 AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> '_waybill'
       AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = r.oid AND e.deptype = 'e')
     ORDER BY 2, 3, 6`,
  );
  const carried = rows.filter(({ oid }) => !leftOut.has(`${classes.constraint} ${oid}`));
  const items = carried.map((row): Item => {
    const table = { schema: row.schema, name: row.table };
    const { name, definition, partitioned, valid, columns, comment } = row;
    const on = `CONSTRAINT ${quoteName(name)} ON ${qualified(row.schema, row.table)}`;
    const object: ObjectShape = {
      what: 'foreign-key',
      table,
      name,
      definition,
      partitioned,
      valid,
      columns,
      other: { schema: row.other_schema, name: row.other_table },
      otherColumns: row.other_columns,
      finish: comment === null ? [] : [`COMMENT ON ${on} IS ${quoteLiteral(comment)}`],
    };
    return { key: foreignKeyKey(table, name), kind: 'object', stage: 'after', bytes: 0, object };
  });
  return { items, made: new Set(carried.map(({ oid }) => `${classes.constraint} ${oid}`)) };
}
