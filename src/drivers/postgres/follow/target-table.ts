import { MigrationError } from '../../../model/migration-error.ts';
import type { Connection } from '../connection.ts';
import { qualified, quoteName } from '../names.ts';
import { relationKey, type Relation } from './relation.ts';

/** A table at the target, seen from a relation of the stream. */
export interface TargetTable {
  readonly key: string;
  /** Quoted. */
  readonly name: string;
  /** As UPDATE and DELETE name it: without tables that inherit from it. */
  readonly only: string;
  /** For each column of the relation; undefined: not carried. */
  readonly columns: readonly (TargetColumn | undefined)[];
  /** Columns of the relation that tell a row from others; empty: only the whole row does. */
  readonly identity: readonly number[];
  /** Columns of the relation that are carried. */
  readonly carried: readonly number[];
  /** The carried columns, quoted. */
  readonly list: string;
}

export interface TargetColumn {
  readonly name: string;
  /** Quoted. */
  readonly quoted: string;
  readonly type: string;
  /** Its values travel as an array of this type, or as an array of text that each value is cast from. */
  readonly array: string;
  readonly cast: boolean;
  /** Its text has nothing to quote in an array. */
  readonly plain: boolean;
  readonly comparable: boolean;
  readonly equals: string;
  /** Numbered by the server: an update must not name it. */
  readonly always: boolean;
}

interface Row {
  readonly name: string;
  readonly type: string;
  readonly array: string | null;
  readonly plain: boolean;
  readonly comparable: boolean;
  readonly operator_schema: string | null;
  readonly partitioned: boolean;
  readonly generated: boolean;
  readonly always: boolean;
}

const columnsText = `
  SELECT a.attname AS name, format_type(a.atttypid, -1) AS type,
         CASE WHEN t.typtype IN ('b', 'e', 'r') AND t.typcategory <> 'A' AND t.typarray <> 0 AND t.typdelim = ','
              THEN format_type(t.typarray, -1) END AS array,
         t.oid IN (16, 20, 21, 23, 26, 700, 701, 1082, 1700, 2950) AS plain,
         EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
                 WHERE m.amname = 'btree' AND o.opcdefault AND o.opcintype = t.oid)
           OR t.typtype IN ('e', 'r') OR t.typname IN ('varchar') AS comparable,
         (SELECT n.nspname FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
            JOIN pg_amop x ON x.amopfamily = o.opcfamily AND x.amoplefttype = t.oid AND x.amoprighttype = t.oid AND x.amopstrategy = 3
            JOIN pg_operator e ON e.oid = x.amopopr JOIN pg_namespace n ON n.oid = e.oprnamespace
          WHERE m.amname = 'btree' AND o.opcdefault AND o.opcintype = t.oid LIMIT 1) AS operator_schema,
         c.relkind = 'p' AS partitioned, a.attgenerated <> '' AS generated, a.attidentity = 'a' AS always
  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_class c ON c.oid = a.attrelid
  WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`;

const keyText = `
  SELECT array_agg(a.attname::text ORDER BY k.at) AS columns
  FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, at)
    LEFT JOIN pg_attribute a ON a.attrelid = to_regclass($1) AND a.attnum = k.attnum
  WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL
    AND i.indexprs IS NULL AND k.at <= i.indnkeyatts
  GROUP BY i.indexrelid, i.indisprimary HAVING bool_and(a.attnotnull) ORDER BY i.indisprimary DESC, i.indexrelid`;

/** Throws `source.altered` when the table here does not have what the stream tells of. */
export async function readTargetTable(connection: Connection, relation: Relation): Promise<TargetTable> {
  const key = relationKey(relation);
  const name = qualified(relation.schema, relation.table);
  const rows = await connection.query<Row & Record<string, unknown>>(columnsText, [name]);
  if (rows.length === 0) throw unfit(key, `Table ${key} changes at the source and is not at the target.`);
  const byName = new Map(rows.map((row) => [row.name, row]));
  const columns = relation.columns.map((column) => {
    if (column.omitted) return undefined;
    const row = byName.get(column.name);
    if (!row && relation.lenient) return undefined;
    if (!row) throw unfit(key, `Column ${column.name} of table ${key} is not at the target.`);
    return row.generated ? undefined : targetColumn(row);
  });
  const carried = columns.flatMap((column, at) => (column ? [at] : []));
  const identity = await identityOf(connection, relation, name, columns);
  const list = carried.map((at) => columns[at]?.quoted).join(', ');
  const only = rows[0]?.partitioned === true ? name : `ONLY ${name}`;
  return { key, name, only, columns, carried, identity, list };
}

const targetColumn = (row: Row): TargetColumn => ({
  name: row.name,
  quoted: quoteName(row.name),
  type: row.type,
  array: row.array ?? 'text[]',
  cast: row.array === null,
  plain: row.plain,
  comparable: row.comparable,
  equals:
    row.operator_schema === null || row.operator_schema === 'pg_catalog'
      ? '='
      : `OPERATOR(${quoteName(row.operator_schema)}.=)`,
  always: row.always,
});

async function identityOf(
  connection: Connection,
  relation: Relation,
  name: string,
  columns: readonly (TargetColumn | undefined)[],
): Promise<readonly number[]> {
  if (relation.identity !== 'f') {
    const flagged = relation.columns.flatMap(({ key }, at) => (key ? [at] : []));
    const missing = flagged.find((at) => !columns[at]);
    if (missing === undefined) return flagged;
    throw unfit(
      relationKey(relation),
      `Column ${relation.columns[missing]?.name} tells the rows of table ${relationKey(relation)} apart and is not at the target.`,
    );
  }
  // The whole old row is in the stream: any key that the target has will do.
  const keys = await connection.query<{ columns: string[] }>(keyText, [name]);
  for (const { columns: names } of keys) {
    const at = names.map((column) => columns.findIndex((each) => each?.name === column));
    if (at.every((index) => index >= 0)) return at;
  }
  return [];
}

const unfit = (key: string, message: string): MigrationError =>
  new MigrationError('source.altered', message, {
    hint: 'Make the same change at the target, then resume.',
    where: key,
  });
