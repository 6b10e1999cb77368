import type { Finding } from '../../../model/finding.ts';
import type { Item } from '../../../model/item.ts';
import type { ColumnShape, TableShape } from '../../../model/shape.ts';
import { logicalType } from '../column-type.ts';
import type { Connection } from '../connection.ts';
import { workSchema } from '../ledger.ts';
import { chosenSchemas } from './chosen-schemas.ts';
import { readCopyForms, type CopyForm } from './copy-form.ts';
import type { Server } from './pair-servers.ts';
import type { SharedSnapshot } from './shared-snapshot.ts';
import { tableBytes } from './split-table.ts';
import { tableKey } from './table-key.ts';

/** Every table that holds rows of its own: ordinary ones, partitions that are not partitioned themselves, children of
 *  inheritance. Tables that belong to an extension come with it. */
export async function listTables(
  server: Server,
  snapshot: SharedSnapshot,
  report: (finding: Finding) => void,
  signal: AbortSignal,
): Promise<readonly Item[]> {
  return snapshot.use('read the catalogue', signal, async (connection) => {
    const tables = await connection.query<TableRow>(tablesSql, [chosenSchemas(server.options) ?? null]);
    const columns = await readColumns(
      connection,
      tables.map(({ oid }) => oid),
    );
    const forms = await readCopyForms(
      connection,
      [...columns.values()].flat().map(({ type_oid }) => type_oid),
    );
    const items = tables.map((table) => itemOf(table, columns.get(table.oid) ?? [], forms));
    reportText(tables, items, columns, forms, report);
    return items;
  });
}

interface TableRow {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly bytes: string;
  readonly rows: number;
  readonly key: readonly string[] | null;
}

const tablesSql = `
  SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS name, c.reltuples AS rows,
         ${tableBytes('c')} AS bytes,
         (SELECT json_agg(a.attname ORDER BY k.n) FROM pg_constraint p, unnest(p.conkey) WITH ORDINALITY k(attnum, n), pg_attribute a
          WHERE p.conrelid = c.oid AND p.contype = 'p' AND a.attrelid = c.oid AND a.attnum = k.attnum) AS key
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname NOT LIKE 'pg\\_%'
    AND n.nspname NOT IN ('information_schema', '${workSchema}') AND ($1::text[] IS NULL OR n.nspname = ANY ($1))
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`;

interface ColumnRow {
  readonly table: string;
  readonly name: string;
  readonly type_oid: string;
  readonly type: string;
  readonly type_schema: string;
  readonly modifier: number;
  readonly declared: string;
  readonly nullable: boolean;
  readonly expression: string | null;
  readonly stored: boolean;
}

async function readColumns(
  connection: Connection,
  oids: readonly string[],
): Promise<Map<string, readonly ColumnRow[]>> {
  const rows = await connection.query<ColumnRow>(
    `SELECT a.attrelid::text AS table, a.attname AS name, t.oid::text AS type_oid, t.typname AS type, n.nspname AS type_schema,
            a.atttypmod AS modifier, format_type(a.atttypid, a.atttypmod) AS declared, NOT a.attnotnull AS nullable,
            CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END AS expression, a.attgenerated = 's' AS stored
     FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace n ON n.oid = t.typnamespace
       LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum`,
    [oids],
  );
  return Map.groupBy(rows, ({ table }) => table);
}

type Forms = ReadonlyMap<string, CopyForm>;

function itemOf(table: TableRow, columns: readonly ColumnRow[], forms: Forms): Item {
  const text = columns.some((column) => column.expression === null && forms.get(column.type_oid)?.text !== undefined);
  const shape: TableShape = {
    name: table.name,
    columns: columns.map(columnOf),
    primaryKey: table.key ?? [],
    unique: [],
    ...(text && { text }),
  };
  return {
    key: tableKey(table.schema, table.name),
    kind: 'table',
    stage: 'data',
    bytes: Number(table.bytes),
    // -1: never analysed.
    ...(table.rows >= 0 && { rows: Math.round(table.rows) }),
    shape,
  };
}

function columnOf(row: ColumnRow): ColumnShape {
  const neutral = row.type_schema === 'pg_catalog' ? logicalType(row.type, row.modifier) : undefined;
  return {
    name: row.name,
    type: neutral ?? { kind: 'text' },
    declared: row.declared,
    nullable: row.nullable,
    ...(neutral === undefined && { native: row.declared }),
    ...(row.expression !== null && { generated: { expression: row.expression, stored: row.stored } }),
  };
}

/** Text costs both servers half as much again, so the plan says where and why. */
function reportText(
  tables: readonly TableRow[],
  items: readonly Item[],
  columns: ReadonlyMap<string, readonly ColumnRow[]>,
  forms: Forms,
  report: (finding: Finding) => void,
): void {
  for (const [at, item] of items.entries()) {
    if (!item.shape?.text) continue;
    const reasons = (columns.get(tables[at]?.oid ?? '') ?? []).flatMap(({ name, declared, type_oid, expression }) => {
      const why = expression === null ? forms.get(type_oid)?.text : undefined;
      return why === undefined ? [] : [`${name} (${declared}): ${why}`];
    });
    report({
      level: 'info',
      code: 'table.as-text',
      message: `Table ${item.key} travels as text. ${reasons.slice(0, 3).join('; ')}${reasons.length > 3 ? '; …' : ''}.`,
      where: item.key,
    });
  }
}
