import type { Finding } from '../../../model/finding.ts';
import type { Item } from '../../../model/item.ts';
import type { Connection } from '../connection.ts';
import { qualified, quoteLiteral, quoteName } from '../names.ts';
import type { ObjectShape, QualifiedName } from './object-shape.ts';
import { constraintKey, indexKey } from './object-keys.ts';
import { tableKey } from './table-key.ts';

interface IndexRow {
  readonly oid: string;
  readonly table_oid: string;
  readonly table_schema: string;
  readonly table_name: string;
  readonly table_partitioned: boolean;
  readonly schema: string;
  readonly name: string;
  readonly parent: string | null;
  readonly partitioned: boolean;
  readonly definition: string;
  readonly columns: readonly string[] | null;
  readonly valid: boolean;
  readonly clustered: boolean;
  readonly identity: boolean;
  readonly comment: string | null;
  readonly tablespace: string | null;
  readonly statistics: readonly string[];
  readonly constraint_oid: string | null;
  readonly constraint_name: string | null;
  readonly constraint_definition: string | null;
  readonly constraint_comment: string | null;
  readonly attachable: boolean;
  readonly bytes: string;
}

const indexesSql = `
  SELECT i.indexrelid AS oid, i.indrelid AS table_oid, tn.nspname AS table_schema, t.relname AS table_name, t.relkind = 'p' AS table_partitioned, xn.nspname AS schema, x.relname AS name,
    h.inhparent AS parent, x.relkind = 'I' AS partitioned, pg_get_indexdef(i.indexrelid) AS definition,
    CASE WHEN i.indexprs IS NULL AND i.indpred IS NULL THEN ARRAY(SELECT a.attname::text
      FROM unnest(i.indkey) WITH ORDINALITY k(attnum, n) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
      WHERE k.n <= i.indnkeyatts ORDER BY k.n) END AS columns,
    i.indisvalid OR x.relkind = 'I' AS valid, i.indisclustered AS clustered, i.indisreplident AS identity,
    obj_description(i.indexrelid, 'pg_class') AS comment, s.spcname AS tablespace,
    ARRAY(SELECT a.attnum || ' SET STATISTICS ' || a.attstattarget FROM pg_attribute a
      WHERE a.attrelid = i.indexrelid AND a.attstattarget >= 0 ORDER BY a.attnum) AS statistics,
    k.oid AS constraint_oid, k.conname AS constraint_name, pg_get_constraintdef(k.oid) AS constraint_definition,
    obj_description(k.oid, 'pg_constraint') AS constraint_comment,
    k.contype IN ('p', 'u') AND NOT i.indisexclusion AND t.relkind <> 'p' AS attachable,
    CASE WHEN x.relkind = 'i' THEN pg_relation_size(i.indexrelid) ELSE 0 END AS bytes
  FROM pg_index i
    JOIN pg_class t ON t.oid = i.indrelid AND t.relkind IN ('r', 'p') JOIN pg_namespace tn ON tn.oid = t.relnamespace
    JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_namespace xn ON xn.oid = x.relnamespace
    LEFT JOIN pg_tablespace s ON s.oid = x.reltablespace
    LEFT JOIN pg_inherits h ON h.inhrelid = i.indexrelid
    LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')
  WHERE tn.nspname NOT LIKE 'pg\\_%' AND tn.nspname NOT IN ('information_schema', '_waybill') AND t.relpersistence <> 't'
    AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = t.oid AND e.deptype = 'e')
  ORDER BY 3, 4, 6`;

export interface ListedIndexes {
  readonly items: readonly Item[];
  /** Catalogue rows (`1259 16385`) that these items make, so that no script makes them. */
  readonly made: ReadonlySet<string>;
}

/** Indexes of tables, and the constraints that rest on them, as items of their own: each is built as soon as its table
 *  has its rows. Constraints come after all indexes of the table, because they lock it. */
export async function listIndexes(
  connection: Connection,
  leftOut: ReadonlySet<string>,
  missingTablespaces: readonly string[],
  report: (finding: Finding) => void,
): Promise<ListedIndexes> {
  const rows = (await connection.query<IndexRow>(indexesSql)).filter(
    (row) =>
      !leftOut.has(`${classes.relation} ${row.table_oid}`) &&
      !leftOut.has(`${classes.relation} ${row.oid}`) &&
      !(row.constraint_oid !== null && leftOut.has(`${classes.constraint} ${row.constraint_oid}`)),
  );
  const made = new Set<string>();
  const parts = new Map<string, IndexRow[]>();
  const ofTable = new Map<string, string[]>();
  const carried = rows.filter((row) => {
    // What is not valid is left out of every script as well.
    made.add(`${classes.relation} ${row.oid}`);
    if (row.constraint_oid !== null) made.add(`${classes.constraint} ${row.constraint_oid}`);
    if (!row.valid) report(invalid(row));
    return row.valid;
  });
  for (const row of carried) {
    if (row.parent !== null) parts.set(row.parent, [...(parts.get(row.parent) ?? []), row]);
    if (isBuilt(row)) ofTable.set(row.table_oid, [...(ofTable.get(row.table_oid) ?? []), keyOf(row)]);
  }
  const byTable = Map.groupBy(carried, (row) => row.table_oid);
  const items = carried.flatMap((row) => {
    const { constraint_name: constraint } = row;
    const children = parts.get(row.oid) ?? [];
    const table = { schema: row.table_schema, name: row.table_name };
    // What is partitioned has no rows of its own.
    const after = row.table_partitioned ? [] : [tableKey(table.schema, table.name)];
    const tablespace = row.tablespace !== null && !missingTablespaces.includes(row.tablespace) ? row.tablespace : '';
    const index: ObjectShape | undefined = isBuilt(row)
      ? {
          what: 'index',
          index: { schema: row.schema, name: row.name },
          table,
          definition: row.definition,
          columns: [...(row.columns ?? [])],
          tablespace,
          parts: children.map(({ schema, name }) => ({ schema, name })),
          finish: constraint === null ? finishOf(row) : [],
        }
      : undefined;
    const shape: ObjectShape | undefined =
      constraint === null
        ? undefined
        : {
            what: 'constraint',
            table,
            name: constraint,
            definition: row.constraint_definition ?? '',
            columns: [...(row.columns ?? [])],
            tablespace,
            attach: row.attachable ? attachSql(row) : null,
            parts: children.map(({ schema, name }) => ({ schema, name })),
            finish: finishOf(row),
          };
    return [
      index &&
        objectItem(keyOf(row), index, [
          ...after,
          ...children.map(keyOf),
          ...firstOnes(row, byTable.get(row.table_oid) ?? []),
        ]),
      shape &&
        objectItem(constraintKey(table, constraint ?? ''), shape, [
          ...after,
          ...(ofTable.get(row.table_oid) ?? []),
          ...children.map((child) => lastKeyOf(child)),
        ]),
    ].filter((item) => item !== undefined);
  });
  return { items, made };
}

/** Oids of catalogues. */
export const classes = { relation: '1259', constraint: '2606' };

/** An index that CREATE INDEX makes: not one that comes with a constraint which cannot be attached to it. */
const isBuilt = (row: IndexRow): boolean => row.constraint_name === null || row.attachable;

/** Indexes of constraints over the same columns: a foreign key rests on the oldest that fits. */
const firstOnes = (row: IndexRow, ofTable: readonly IndexRow[]): string[] =>
  row.constraint_name !== null || !row.definition.startsWith('CREATE UNIQUE')
    ? []
    : ofTable.filter((other) => other.attachable && sameColumns(row, other)).map(keyOf);

const sameColumns = (a: IndexRow, b: IndexRow): boolean =>
  a.columns !== null && b.columns !== null && a.columns.toSorted().join('\n') === b.columns.toSorted().join('\n');

const keyOf = (row: IndexRow): string => indexKey({ schema: row.table_schema, name: row.table_name }, row.name);

const lastKeyOf = (row: IndexRow): string =>
  row.constraint_name === null
    ? keyOf(row)
    : constraintKey({ schema: row.table_schema, name: row.table_name }, row.constraint_name);

const objectItem = (key: string, object: ObjectShape, after: readonly string[]): Item => ({
  key,
  kind: 'object',
  stage: 'data',
  bytes: 0,
  ...(after.length > 0 && { after: [...new Set(after)] }),
  object,
});

/** `PRIMARY KEY USING INDEX "x" DEFERRABLE INITIALLY DEFERRED` */
function attachSql(row: IndexRow): string {
  const definition = row.constraint_definition ?? '';
  const kind = definition.startsWith('PRIMARY') ? 'PRIMARY KEY' : 'UNIQUE';
  const timing = /( DEFERRABLE)?( INITIALLY DEFERRED)?$/.exec(definition)?.[0] ?? '';
  return `${kind} USING INDEX ${quoteName(row.name)}${timing}`;
}

function finishOf(row: IndexRow): string[] {
  const table: QualifiedName = { schema: row.table_schema, name: row.table_name };
  const [index, on] = [qualified(row.schema, row.name), qualified(table.schema, table.name)];
  return [
    ...row.statistics.map((words) => `ALTER INDEX ${index} ALTER COLUMN ${words}`),
    ...(row.comment === null ? [] : [`COMMENT ON INDEX ${index} IS ${quoteLiteral(row.comment)}`]),
    ...(row.constraint_comment === null
      ? []
      : [
          `COMMENT ON CONSTRAINT ${quoteName(row.constraint_name ?? '')} ON ${on} IS ${quoteLiteral(row.constraint_comment)}`,
        ]),
    ...(row.clustered ? [`ALTER TABLE ${on} CLUSTER ON ${quoteName(row.name)}`] : []),
    ...(row.identity ? [`ALTER TABLE ONLY ${on} REPLICA IDENTITY USING INDEX ${quoteName(row.name)}`] : []),
  ];
}

const invalid = (row: IndexRow): Finding => ({
  level: 'warning',
  code: 'index.broken',
  message: `Index ${row.name} of table ${row.table_schema}.${row.table_name} is not valid at the source (a build that failed); it is left out.`,
  hint: `REINDEX INDEX CONCURRENTLY ${qualified(row.schema, row.name)}, or drop it, at the source.`,
  where: `${row.table_schema}.${row.table_name}`,
});
