import type { DatabaseSync } from 'node:sqlite';
import type { Finding } from '../../model/finding.ts';
import type { Item } from '../../model/item.ts';
import type { ForeignKeyShape, IndexShape, ReferentialAction } from '../../model/shape.ts';
import { compareNames } from '../../lib/byte-names.ts';
import { fitColumns } from './fit-columns.ts';
import type { SqliteOptions } from './options.ts';
import { quoteName } from './sql-names.ts';
import { type CatalogueTable, readTable } from './table-shape.ts';

/** Tables that Waybill itself makes in a target. */
export const ownPrefix = '_waybill_';

interface SchemaRow {
  readonly type: string;
  readonly name: string;
  readonly sql: string | null;
}

/** Everything in the database that is moved, in order of key; what is not goes to `report`. */
export function readCatalogue(db: DatabaseSync, options: SqliteOptions, report: (finding: Finding) => void): Item[] {
  const schema = db
    .prepare("SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name")
    .all() as unknown as SchemaRow[];
  const sqlOf = new Map(schema.map((row) => [row.name, row.sql ?? '']));
  reportPrograms(schema, report);
  const items: Item[] = [];
  const tables = db
    .prepare(
      "SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )
    .all();
  const names = new Set(tables.map((row) => String(row['name']).toLowerCase()));
  for (const row of tables) {
    const name = String(row['name']);
    if (row['type'] === 'virtual') {
      report({
        level: 'warning',
        code: 'store.unsupported',
        message: `The virtual table ${name} is not carried: ${sqlOf.get(name)}`,
        hint: 'Its content is a module of SQLite; build what replaces it at the target.',
        where: name,
      });
    }
    if (row['type'] !== 'table' || name.startsWith(ownPrefix)) continue;
    const table = readTable(
      db,
      { name, sql: sqlOf.get(name) ?? '', withoutRowid: row['wr'] === 1, strict: row['strict'] === 1 },
      report,
    );
    items.push(tableItem(db, table, options, report));
    items.push(...indexItems(db, name, report));
    items.push(...foreignKeyItems(db, table, names, report));
  }
  return items.toSorted((a, b) => compareNames(a.key, b.key));
}

function reportPrograms(schema: readonly SchemaRow[], report: (finding: Finding) => void): void {
  for (const { type, name, sql } of schema) {
    if (type !== 'view' && type !== 'trigger') continue;
    report({
      level: 'warning',
      code: 'store.unsupported',
      message: `The ${type} ${name} is not carried: ${sql?.replace(/\s+/g, ' ')}`,
      hint: 'Write it anew in the dialect of the target.',
      where: name,
    });
  }
}

function tableItem(
  db: DatabaseSync,
  table: CatalogueTable,
  options: SqliteOptions,
  report: (finding: Finding) => void,
): Item {
  const { name } = table.shape;
  const rows = Number(db.prepare(`SELECT count(*) AS n FROM ${quoteName(name)}`).get()?.['n']);
  const { shape, bytesPerRow } = fitColumns(db, table, rows, options, report);
  return { key: name, kind: 'table', stage: 'data', bytes: Math.round(rows * bytesPerRow), rows, shape };
}

function indexItems(db: DatabaseSync, table: string, report: (finding: Finding) => void): Item[] {
  const rows = db
    .prepare(`SELECT name, "unique", partial FROM pragma_index_list(?) WHERE origin = 'c' ORDER BY name`)
    .all(table);
  const columnsOf = db.prepare('SELECT name, "desc", coll FROM pragma_index_xinfo(?) WHERE key = 1 ORDER BY seqno');
  const items: Item[] = [];
  for (const row of rows) {
    const name = String(row['name']);
    const where = `${table}.index.${name}`;
    const columns = columnsOf.all(name);
    const isExpression = columns.some((column) => column['name'] === null);
    if (isExpression || row['partial'] === 1) {
      report({
        level: 'warning',
        code: 'store.unsupported',
        message: `The index ${name} on ${table} is ${isExpression ? 'on an expression' : 'partial'} and is not carried.`,
        hint: 'Create it at the target by hand.',
        where,
      });
      continue;
    }
    const collations = new Set(columns.map((column) => String(column['coll'])).filter((coll) => coll !== 'BINARY'));
    if (collations.size > 0) {
      report({
        level: 'warning',
        code: 'store.unsupported',
        message: `The index ${name} on ${table} is carried without its collation ${[...collations].join(', ')}.`,
        where,
      });
    }
    const index: IndexShape = {
      name,
      columns: columns.map((column) => ({ name: String(column['name']), descending: column['desc'] === 1 })),
      unique: row['unique'] === 1,
    };
    items.push({ key: where, kind: 'index', stage: 'after', bytes: 0, index: { table, index } });
  }
  return items;
}

function foreignKeyItems(
  db: DatabaseSync,
  table: CatalogueTable,
  tables: ReadonlySet<string>,
  report: (finding: Finding) => void,
): Item[] {
  const { name } = table.shape;
  const rows = db.prepare('SELECT * FROM pragma_foreign_key_list(?) ORDER BY id, seq').all(name);
  const byId = Map.groupBy(rows, (row) => Number(row['id']));
  const keys = new Set<string>();
  const items: Item[] = [];
  for (const [id, parts] of byId) {
    const columns = parts.map((part) => String(part['from']));
    const plain = `${name}.foreign-key.${columns.join(',')}`;
    const key = keys.has(plain) ? `${plain},${id}` : plain;
    keys.add(key);
    const references = String(parts[0]?.['table']);
    if (!tables.has(references.toLowerCase())) {
      report({
        level: 'warning',
        code: 'reference.broken',
        message: `A foreign key of ${name} refers to ${references}, which does not exist; it is not carried.`,
        where: key,
      });
      continue;
    }
    const foreignKey: ForeignKeyShape = {
      name: `${name}_${columns.join('_')}_fkey`,
      columns,
      references: actualName(db, references),
      referencedColumns: referencedColumns(
        db,
        references,
        parts.map((part) => part['to']),
      ),
      onDelete: action(parts[0]?.['on_delete']),
      onUpdate: action(parts[0]?.['on_update']),
      // SQLite numbers foreign keys from the last one written to the first.
      deferred: table.deferred[byId.size - 1 - id] ?? false,
    };
    items.push({ key, kind: 'foreign-key', stage: 'last', bytes: 0, foreignKey: { table: name, foreignKey } });
  }
  return items;
}

/** The table's name as it was created: SQLite's names do not heed case, a target's may. */
const actualName = (db: DatabaseSync, table: string): string =>
  String(
    db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE").get(table)?.['name'],
  );

function referencedColumns(db: DatabaseSync, table: string, named: readonly unknown[]): string[] {
  const columns = db.prepare('SELECT name, pk FROM pragma_table_xinfo(?)').all(table);
  if (named.every((name) => name === null)) {
    const key = columns.filter((column) => Number(column['pk']) > 0);
    return key.toSorted((a, b) => Number(a['pk']) - Number(b['pk'])).map((column) => String(column['name']));
  }
  return named.map((name) => {
    const known = columns.find((column) => String(column['name']).toLowerCase() === String(name).toLowerCase());
    return String(known?.['name'] ?? name);
  });
}

const actions: Readonly<Record<string, ReferentialAction>> = {
  RESTRICT: 'restrict',
  CASCADE: 'cascade',
  'SET NULL': 'set null',
  'SET DEFAULT': 'set default',
};
const action = (word: unknown): ReferentialAction => actions[String(word)] ?? 'no action';
