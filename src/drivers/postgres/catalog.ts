import type { Finding } from '../../model/finding.ts';
import type { Item } from '../../model/item.ts';
import type { ColumnShape, ForeignKeyShape, LogicalType } from '../../model/shape.ts';
import { parseDefault } from './column-default.ts';
import { logicalType } from './column-type.ts';
import type { Connection } from './connection.ts';
import { actionCodes } from './foreign-key-draft.ts';
import { qualified } from './names.ts';

type Report = (finding: Finding) => void;

const itemsAtOnce = 200;

/** Tables, indexes and foreign keys of a schema in ascending order of key. What has no neutral form is reported. */
export async function* listItems(
  connection: Connection,
  schema: string,
  report: Report,
): AsyncGenerator<readonly Item[]> {
  await reportOthers(connection, schema, report);
  const keys = await connection.query<{ key: string; kind: 'table' | 'index' | 'foreign-key'; oid: string }>(keysSql, [
    schema,
  ]);
  for (let at = 0; at < keys.length; at += itemsAtOnce) {
    const page = keys.slice(at, at + itemsAtOnce);
    const of = (kind: Item['kind']) => page.filter((each) => each.kind === kind).map(({ oid }) => oid);
    const found = new Map([
      ...(await readTables(connection, of('table'), report)),
      ...(await readIndexes(connection, of('index'), report)),
      ...(await readForeignKeys(connection, schema, of('foreign-key'), report)),
    ]);
    yield page.flatMap(({ oid, kind }) => found.get(`${kind} ${oid}`) ?? []);
  }
}

/** Indexes that belong to constraints come with their tables. */
const keysSql = `
  SELECT * FROM (
    SELECT c.relname::text AS key, 'table' AS kind, c.oid::text AS oid
    FROM pg_class c WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    UNION ALL
    SELECT t.relname || '.index.' || c.relname, 'index', c.oid::text
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
    WHERE t.relnamespace = $1::regnamespace AND t.relkind IN ('r', 'p') AND NOT t.relispartition
      AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = c.oid AND o.contype IN ('p', 'u', 'x'))
    UNION ALL
    SELECT t.relname || '.foreign-key.' || c.conname, 'foreign-key', c.oid::text
    FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
    WHERE t.relnamespace = $1::regnamespace AND c.contype = 'f' AND c.conparentid = 0
  ) k ORDER BY key COLLATE "C"`;

async function reportOthers(connection: Connection, schema: string, report: Report): Promise<void> {
  const others = await connection.query<{ kind: string; names: readonly string[] }>(
    `SELECT CASE relkind WHEN 'v' THEN 'Views' WHEN 'm' THEN 'Materialized views' ELSE 'Foreign tables' END AS kind,
            array_agg(relname::text ORDER BY relname) AS names
     FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind IN ('v', 'm', 'f') GROUP BY 1 ORDER BY 1`,
    [schema],
  );
  for (const { kind, names } of others) {
    report({ level: 'info', code: 'item.passed-over', message: `${kind} are not carried: ${names.join(', ')}.` });
  }
}

interface ColumnRow {
  readonly table: string;
  readonly name: string;
  readonly type: string;
  readonly modifier: number;
  readonly declared: string;
  readonly nullable: boolean;
  readonly default: string | null;
  readonly generated: string;
  readonly sequence: string | null;
  readonly comment: string | null;
}

async function readTables(connection: Connection, oids: readonly string[], report: Report): Promise<[string, Item][]> {
  if (oids.length === 0) return [];
  const tables = await connection.query<{
    oid: string;
    name: string;
    bytes: string;
    rows: number;
    comment: string | null;
    keys: KeyRow[];
  }>(
    `SELECT c.oid::text AS oid, c.relname AS name, pg_table_size(c.oid) AS bytes, c.reltuples AS rows,
            obj_description(c.oid, 'pg_class') AS comment,
            (SELECT coalesce(json_agg(json_build_object('primary', k.contype = 'p', 'name', k.conname, 'columns',
                     (SELECT json_agg(a.attname ORDER BY n.n) FROM unnest(k.conkey) WITH ORDINALITY n(attnum, n)
                      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = n.attnum)) ORDER BY k.conname COLLATE "C"), '[]')
             FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u')) AS keys
     FROM pg_class c WHERE c.oid = ANY ($1::oid[])`,
    [oids],
  );
  const columns = await connection.query<ColumnRow>(
    `SELECT a.attrelid::text AS table, a.attname AS name, b.typname AS type,
            CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END AS modifier,
            format_type(a.atttypid, a.atttypmod) AS declared, NOT a.attnotnull AS nullable, a.attgenerated AS generated,
            pg_get_expr(d.adbin, d.adrelid) AS default, col_description(a.attrelid, a.attnum) AS comment,
            pg_get_serial_sequence(a.attrelid::regclass::text, a.attname) AS sequence
     FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
       LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum`,
    [oids],
  );
  const next = await nextNumbers(connection, columns);
  return tables.map((table) => {
    const own = columns.filter((column) => column.table === table.oid);
    const shape = {
      name: table.name,
      columns: own.map((column) => readColumn(column, table.name, next, report)),
      primaryKey: table.keys.find(({ primary }) => primary)?.columns ?? [],
      unique: table.keys
        .filter(({ primary }) => !primary)
        .map(({ name, columns: names }) => ({ name, columns: names })),
      ...(table.comment !== null && { comment: table.comment }),
    };
    const rows = Math.max(0, Math.round(table.rows));
    return [
      `table ${table.oid}`,
      { key: table.name, kind: 'table', stage: 'data', bytes: Number(table.bytes), rows, shape },
    ];
  });
}

interface KeyRow {
  readonly primary: boolean;
  readonly name: string;
  readonly columns: readonly string[];
}

function readColumn(row: ColumnRow, table: string, next: ReadonlyMap<string, string>, report: Report): ColumnShape {
  const type: LogicalType = logicalType(row.type, row.modifier) ?? { kind: 'text' };
  const where = `${table}.${row.name}`;
  if (type.kind === 'text' && !['text', 'varchar', 'bpchar', 'name'].includes(row.type)) {
    report({
      level: 'info',
      code: 'column.as-text',
      message: `Column ${where} (${row.declared}) travels as text.`,
      where: table,
    });
  }
  const column = {
    name: row.name,
    type,
    declared: row.declared,
    nullable: row.nullable,
    ...(row.comment !== null && { comment: row.comment }),
  };
  if (row.generated !== '' && row.default !== null) {
    return { ...column, generated: { expression: row.default, stored: row.generated === 's' } };
  }
  const number = row.sequence === null ? undefined : next.get(row.sequence);
  if (number !== undefined) return { ...column, identity: { next: number } };
  if (row.default === null) return column;
  const neutral = parseDefault(row.default);
  if (neutral) return { ...column, default: neutral };
  report({
    level: 'info',
    code: 'column.default-lost',
    message: `The default of column ${where} has no neutral form: ${row.default}.`,
    where: table,
  });
  return column;
}

/** The number that each sequence gives out next. */
async function nextNumbers(
  connection: Connection,
  columns: readonly ColumnRow[],
): Promise<ReadonlyMap<string, string>> {
  const sequences = columns.flatMap(({ sequence }) => sequence ?? []);
  if (sequences.length === 0) return new Map();
  const rows = await connection.query<{ at: string; next: string }>(
    sequences
      .map(
        (sequence, at) =>
          `SELECT ${at} AS at, CASE WHEN is_called THEN last_value + seqincrement ELSE last_value END AS next
           FROM ${sequence}, pg_sequence WHERE seqrelid = '${sequence.replaceAll("'", "''")}'::regclass`,
      )
      .join(' UNION ALL '),
  );
  return new Map(rows.map(({ at, next }) => [sequences[Number(at)] ?? '', next]));
}

async function readIndexes(connection: Connection, oids: readonly string[], report: Report): Promise<[string, Item][]> {
  if (oids.length === 0) return [];
  const rows = await connection.query<{
    oid: string;
    name: string;
    table: string;
    unique: boolean;
    plain: boolean;
    bytes: string;
    columns: readonly { name: string; descending: boolean }[] | null;
  }>(
    `SELECT c.oid::text AS oid, c.relname AS name, t.relname AS table, i.indisunique AS unique, pg_relation_size(c.oid) AS bytes,
            m.amname = 'btree' AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = i.indnatts AND i.indisvalid AS plain,
            (SELECT json_agg(json_build_object('name', a.attname, 'descending', i.indoption[k.n - 1] & 1 = 1) ORDER BY k.n)
             FROM unnest(i.indkey) WITH ORDINALITY k(attnum, n)
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum) AS columns
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid JOIN pg_am m ON m.oid = c.relam
     WHERE c.oid = ANY ($1::oid[])`,
    [oids],
  );
  return rows.flatMap(({ oid, name, table, unique, plain, columns }): [string, Item][] => {
    const key = `${table}.index.${name}`;
    if (!plain || !columns) {
      report({
        level: 'info',
        code: 'index.not-carried',
        message: `Index ${name} of ${table} is partial, on an expression or of a special kind, and is not carried.`,
        where: key,
      });
      return [];
    }
    return [
      [
        `index ${oid}`,
        { key, kind: 'index', stage: 'after', bytes: 0, index: { table, index: { name, columns, unique } } },
      ],
    ];
  });
}

const actions = Object.fromEntries(Object.entries(actionCodes).map(([action, code]) => [code, action])) as Record<
  string,
  ForeignKeyShape['onDelete']
>;

async function readForeignKeys(
  connection: Connection,
  schema: string,
  oids: readonly string[],
  report: Report,
): Promise<[string, Item][]> {
  if (oids.length === 0) return [];
  const names = (numbers: string, table: string) =>
    `(SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(${numbers}) WITH ORDINALITY k(attnum, n)
      JOIN pg_attribute a ON a.attrelid = ${table} AND a.attnum = k.attnum)`;
  const rows = await connection.query<{
    oid: string;
    name: string;
    table: string;
    references: string;
    referenced_schema: string;
    columns: readonly string[];
    referenced: readonly string[];
    on_delete: string;
    on_update: string;
    deferred: boolean;
  }>(
    `SELECT c.oid::text AS oid, c.conname AS name, t.relname AS table, r.relname AS references, n.nspname AS referenced_schema,
            ${names('c.conkey', 'c.conrelid')} AS columns, ${names('c.confkey', 'c.confrelid')} AS referenced,
            c.confdeltype AS on_delete, c.confupdtype AS on_update, c.condeferred AS deferred
     FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class r ON r.oid = c.confrelid
       JOIN pg_namespace n ON n.oid = r.relnamespace WHERE c.oid = ANY ($1::oid[])`,
    [oids],
  );
  return rows.flatMap((row): [string, Item][] => {
    const key = `${row.table}.foreign-key.${row.name}`;
    if (row.referenced_schema !== schema) {
      report({
        level: 'info',
        code: 'foreign-key.not-carried',
        message: `Foreign key ${row.name} of ${row.table} refers to ${qualified(row.referenced_schema, row.references)}, outside schema ${schema}.`,
        where: key,
      });
      return [];
    }
    const foreignKey: ForeignKeyShape = {
      name: row.name,
      columns: row.columns,
      references: row.references,
      referencedColumns: row.referenced,
      onDelete: actions[row.on_delete] ?? 'no action',
      onUpdate: actions[row.on_update] ?? 'no action',
      deferred: row.deferred,
    };
    return [
      [
        `foreign-key ${row.oid}`,
        { key, kind: 'foreign-key', stage: 'after', bytes: 0, foreignKey: { table: row.table, foreignKey } },
      ],
    ];
  });
}
