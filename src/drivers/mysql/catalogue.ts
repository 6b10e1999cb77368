import { compareNames } from '../../lib/byte-names.ts';
import type { Finding } from '../../model/finding.ts';
import type { Item } from '../../model/item.ts';
import type { ForeignKeyShape, IndexShape, ReferentialAction, TableShape } from '../../model/shape.ts';
import type { Connection } from './connection.ts';
import { indexedCharacters } from './create-sql.ts';
import { fitColumns } from './fit-columns.ts';
import { ownPrefix, qualified, quoteLiteral } from './names.ts';
import type { MysqlOptions } from './options.ts';
import { type ColumnRow, isJsonCheck, readColumns } from './table-shape.ts';
import { reportUnmoved } from './unmoved.ts';

export interface CatalogueOptions {
  readonly database: string;
  readonly mariadb: boolean;
  readonly options: MysqlOptions;
}

/** Elsewhere an index takes about 2700 bytes. */
const shortCharacters = 600;
const countedBytes = 1024 * 1024;
const leastRowBytes = 32;

type Report = (finding: Finding) => void;

interface Statistic {
  readonly [name: string]: string | null;
  readonly TABLE_NAME: string;
  readonly INDEX_NAME: string;
  readonly NON_UNIQUE: string;
  readonly COLUMN_NAME: string | null;
  readonly COLLATION: string | null;
  readonly SUB_PART: string | null;
  readonly INDEX_TYPE: string;
}

/** Everything in the database that is moved, in order of key; what is not goes to `report`. */
export async function readCatalogue(
  connection: Connection,
  { database, mariadb, options }: CatalogueOptions,
  report: Report,
): Promise<Item[]> {
  const schema = quoteLiteral(database);
  if (!mariadb) await connection.run('SET SESSION information_schema_stats_expiry = 0');
  const tables = await connection.query(
    `SELECT TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_ROWS, DATA_LENGTH, AUTO_INCREMENT, TABLE_COMMENT, CREATE_OPTIONS
     FROM information_schema.TABLES WHERE TABLE_SCHEMA = ${schema} ORDER BY TABLE_NAME`,
  );
  const columns = await grouped<ColumnRow>(
    connection,
    `SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, EXTRA, COLUMN_COMMENT, COLUMN_DEFAULT,
            CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE, COLLATION_NAME, GENERATION_EXPRESSION
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ${schema} ORDER BY TABLE_NAME, ORDINAL_POSITION`,
  );
  const statistics = await grouped<Statistic>(
    connection,
    `SELECT TABLE_NAME, INDEX_NAME, NON_UNIQUE, COLUMN_NAME, COLLATION, SUB_PART, INDEX_TYPE
     FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ${schema} ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX`,
  );
  const checks = await grouped<{ TABLE_NAME: string; name: string; clause: string }>(
    connection,
    mariadb
      ? `SELECT TABLE_NAME, CONSTRAINT_NAME AS name, CHECK_CLAUSE AS clause FROM information_schema.CHECK_CONSTRAINTS
         WHERE CONSTRAINT_SCHEMA = ${schema}`
      : `SELECT TABLE_NAME, CONSTRAINT_NAME AS name, CHECK_CLAUSE AS clause
         FROM information_schema.CHECK_CONSTRAINTS JOIN information_schema.TABLE_CONSTRAINTS USING (CONSTRAINT_SCHEMA, CONSTRAINT_NAME)
         WHERE CONSTRAINT_SCHEMA = ${schema} AND CONSTRAINT_TYPE = 'CHECK'`,
  );
  const narrow = options.unsignedBigint === 'auto' ? await narrowColumns(connection, schema) : new Set<string>();
  const items: Item[] = [];
  for (const row of tables) {
    const name = row['TABLE_NAME'] ?? '';
    if (name.startsWith(ownPrefix)) continue;
    if (row['TABLE_TYPE'] === 'VIEW' || row['TABLE_TYPE'] === 'SYSTEM VIEW') continue;
    if (row['TABLE_TYPE'] === 'SEQUENCE') {
      report(notCarried(`The sequence ${name} is not carried.`, name));
      continue;
    }
    reportTable(name, row, report);
    const own = columns.get(name) ?? [];
    const tableChecks = (checks.get(name) ?? []).map((check) => ({ name: check.name, clause: check.clause }));
    const context = { options, mariadb, checks: tableChecks, narrow, report };
    const comment = row['TABLE_COMMENT'] ?? '';
    const declared = readColumns({ name, comment, next: row['AUTO_INCREMENT'] ?? null }, own, context);
    for (const check of tableChecks) {
      if (own.some(({ COLUMN_NAME }) => isJsonCheck(check.clause, COLUMN_NAME))) continue;
      report(notCarried(`The check ${check.name} of ${name} is not carried: ${check.clause}`, name));
    }
    const indexes = Map.groupBy(statistics.get(name) ?? [], ({ INDEX_NAME }) => INDEX_NAME);
    const primary = (indexes.get('PRIMARY') ?? []).map(({ COLUMN_NAME }) => COLUMN_NAME ?? '');
    indexes.delete('PRIMARY');
    const shape: TableShape = {
      name,
      columns: declared,
      primaryKey: primary,
      unique: [],
      ...(comment !== '' && { comment }),
    };
    const { rows, bytes } = await measure(connection, database, name, row);
    const fitted = await fitColumns(connection, { database, shape, bytes, options, report });
    const { unique, others } = readIndexes(name, indexes, own, report);
    items.push({
      key: name,
      kind: 'table',
      stage: 'data',
      bytes,
      rows,
      shape: { ...fitted, unique },
    });
    items.push(...others);
  }
  items.push(...(await readForeignKeys(connection, schema, new Set(items.map(({ key }) => key)), report)));
  await reportUnmoved(connection, schema, report);
  return items.toSorted((a, b) => compareNames(a.key, b.key));
}

/** Unsigned columns that the server numbers and has not numbered beyond the signed type, and those that refer to them. */
async function narrowColumns(connection: Connection, schema: string): Promise<Set<string>> {
  const roots = await connection.query(
    `SELECT CONCAT(c.TABLE_NAME, '.', c.COLUMN_NAME) AS name FROM information_schema.COLUMNS c JOIN information_schema.TABLES t
       ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
     WHERE c.TABLE_SCHEMA = ${schema} AND c.EXTRA LIKE '%auto_increment%' AND c.COLUMN_TYPE LIKE 'bigint%unsigned%'
       AND COALESCE(t.AUTO_INCREMENT, 1) <= 9223372036854775807`,
  );
  const references = await connection.query(
    `SELECT CONCAT(TABLE_NAME, '.', COLUMN_NAME) AS name, CONCAT(REFERENCED_TABLE_NAME, '.', REFERENCED_COLUMN_NAME) AS refers
     FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = ${schema} AND REFERENCED_TABLE_SCHEMA = ${schema}`,
  );
  const narrow = new Set(roots.map(({ name }) => name ?? ''));
  for (let before = -1; before < narrow.size;) {
    before = narrow.size;
    for (const { name, refers } of references) if (narrow.has(refers ?? '')) narrow.add(name ?? '');
  }
  return narrow;
}

/** The server's statistics; of small tables, which it may not have looked at for a while, the rows are counted. */
async function measure(
  connection: Connection,
  database: string,
  name: string,
  row: Readonly<Record<string, string | null>>,
): Promise<{ readonly rows: number; readonly bytes: number }> {
  const bytes = Number(row['DATA_LENGTH'] ?? 0);
  if (bytes > countedBytes) return { rows: Number(row['TABLE_ROWS'] ?? 0), bytes };
  const [counted] = await connection.query(`SELECT COUNT(*) AS n FROM ${qualified(database, name)}`);
  const rows = Number(counted?.['n'] ?? 0);
  return { rows, bytes: rows === 0 ? 0 : Math.max(bytes, rows * leastRowBytes) };
}

async function grouped<R extends { readonly TABLE_NAME: string }>(
  connection: Connection,
  sql: string,
): Promise<Map<string, R[]>> {
  const rows = (await connection.query(sql)) as unknown as readonly R[];
  return Map.groupBy(rows, ({ TABLE_NAME }) => TABLE_NAME);
}

const notCarried = (message: string, where: string): Finding => ({
  level: 'warning',
  code: 'store.unsupported',
  message,
  hint: 'Add it at the target by hand.',
  where,
});

function reportTable(name: string, row: Readonly<Record<string, string | null>>, report: Report): void {
  const engine = row['ENGINE'] ?? '';
  if (!/^(InnoDB|RocksDB)$/i.test(engine)) {
    report({
      level: 'warning',
      code: 'source.no-snapshot',
      message: `Table ${name} is kept by ${engine}, which has no snapshots: rows that change while it is read may arrive as they were before or after.`,
      hint: 'Keep programs from writing to it during the run, or ALTER TABLE … ENGINE=InnoDB.',
      where: name,
    });
  }
  if (row['TABLE_TYPE'] === 'SYSTEM VERSIONED') {
    report(notCarried(`Table ${name} is system-versioned: its rows of now are carried, not their history.`, name));
  }
  if (/partitioned/.test(row['CREATE_OPTIONS'] ?? '')) {
    report({
      level: 'info',
      code: 'table.flattened',
      message: `Table ${name} is partitioned; it becomes one table.`,
      where: name,
    });
  }
}

/** Unique indexes become constraints of the table, the others items of their own. */
function readIndexes(
  table: string,
  indexes: ReadonlyMap<string, readonly Statistic[]>,
  columns: readonly ColumnRow[],
  report: Report,
): { readonly unique: TableShape['unique']; readonly others: Item[] } {
  const unique: { name: string; columns: string[] }[] = [];
  const others: Item[] = [];
  for (const [name, parts] of indexes) {
    if (name.startsWith(ownPrefix)) continue;
    const where = `${table}.index.${name}`;
    const type = parts[0]?.INDEX_TYPE ?? '';
    const why = /^(FULLTEXT|SPATIAL)$/.test(type)
      ? `is of type ${type}`
      : parts.some(({ COLUMN_NAME }) => COLUMN_NAME === null)
        ? 'is on an expression'
        : parts.some((part) => !isWhole(part, columns))
          ? 'covers only the beginning of a column'
          : undefined;
    if (why !== undefined) {
      report(notCarried(`The index ${name} of ${table} ${why} and is not carried.`, where));
      continue;
    }
    const names = parts.map(({ COLUMN_NAME }) => COLUMN_NAME ?? '');
    if (parts[0]?.NON_UNIQUE === '0') {
      unique.push({ name, columns: names });
      reportCollation(table, name, names, columns, report);
      continue;
    }
    const index: IndexShape = {
      name,
      columns: parts.map(({ COLUMN_NAME, COLLATION }) => ({ name: COLUMN_NAME ?? '', descending: COLLATION === 'D' })),
      unique: false,
    };
    others.push({ key: where, kind: 'index', stage: 'after', bytes: 0, index: { table, index } });
  }
  return { unique, others };
}

/** Does the index cover the whole column? A part of a column that cannot be long, and what Waybill itself makes, counts
 *  as all of it where rows need not differ by it. */
function isWhole(part: Statistic, columns: readonly ColumnRow[]): boolean {
  if (part.SUB_PART === null) return true;
  if (part.NON_UNIQUE === '0') return false;
  const column = columns.find(({ COLUMN_NAME }) => COLUMN_NAME === part.COLUMN_NAME);
  const isShort = column?.DATA_TYPE === 'varchar' && Number(column.CHARACTER_MAXIMUM_LENGTH) <= shortCharacters;
  return isShort || part.SUB_PART === String(indexedCharacters);
}

function reportCollation(
  table: string,
  index: string,
  names: readonly string[],
  columns: readonly ColumnRow[],
  report: Report,
): void {
  const folding = columns.filter(
    ({ COLUMN_NAME, COLLATION_NAME }) =>
      names.includes(COLUMN_NAME) && COLLATION_NAME && !COLLATION_NAME.endsWith('_bin'),
  );
  if (folding.length === 0) return;
  const listed = folding.map(({ COLUMN_NAME, COLLATION_NAME }) => `${COLUMN_NAME} (${COLLATION_NAME})`);
  report({
    level: 'warning',
    code: 'column.collation-lost',
    message: `The unique key ${index} of ${table} takes letters of other case for equal here (${listed.join(', ')}); a target may not, and would let such rows in.`,
    hint: 'Where it matters, make a unique index on lower(column) at the target.',
    where: `${table}.index.${index}`,
  });
}

const actions: Readonly<Record<string, ReferentialAction>> = {
  RESTRICT: 'restrict',
  CASCADE: 'cascade',
  'SET NULL': 'set null',
  'SET DEFAULT': 'set default',
};

async function readForeignKeys(
  connection: Connection,
  schema: string,
  tables: ReadonlySet<string>,
  report: Report,
): Promise<Item[]> {
  const rows = await connection.query(
    `SELECT k.TABLE_NAME, k.CONSTRAINT_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_SCHEMA = k.TABLE_SCHEMA AS inside,
            k.REFERENCED_TABLE_NAME, k.REFERENCED_COLUMN_NAME, r.DELETE_RULE, r.UPDATE_RULE
     FROM information_schema.KEY_COLUMN_USAGE k JOIN information_schema.REFERENTIAL_CONSTRAINTS r
       ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND r.TABLE_NAME = k.TABLE_NAME
     WHERE k.TABLE_SCHEMA = ${schema} AND k.REFERENCED_TABLE_NAME IS NOT NULL
     ORDER BY k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION`,
  );
  const items: Item[] = [];
  for (const parts of Map.groupBy(rows, (row) => `${row['TABLE_NAME']}\0${row['CONSTRAINT_NAME']}`).values()) {
    const [first] = parts;
    const [table, name, references] = [
      first?.['TABLE_NAME'],
      first?.['CONSTRAINT_NAME'],
      first?.['REFERENCED_TABLE_NAME'],
    ];
    if (!first || !table || !name || !references) continue;
    const key = `${table}.foreign-key.${name}`;
    if (first['inside'] !== '1' || !tables.has(references)) {
      report({
        level: 'warning',
        code: 'reference.broken',
        message: `The foreign key ${name} of ${table} refers to ${references}, which is not in this database; it is not carried.`,
        where: key,
      });
      continue;
    }
    const foreignKey: ForeignKeyShape = {
      name,
      columns: parts.map((part) => part['COLUMN_NAME'] ?? ''),
      references,
      referencedColumns: parts.map((part) => part['REFERENCED_COLUMN_NAME'] ?? ''),
      onDelete: actions[first['DELETE_RULE'] ?? ''] ?? 'no action',
      onUpdate: actions[first['UPDATE_RULE'] ?? ''] ?? 'no action',
      deferred: false,
    };
    items.push({ key, kind: 'foreign-key', stage: 'last', bytes: 0, foreignKey: { table, foreignKey } });
  }
  return items;
}
