import { MigrationError } from '../../model/migration-error.ts';
import type { ForeignKeyShape, ReferentialAction } from '../../model/shape.ts';
import type { Connection } from './connection.ts';
import { addForeignKeySql, foreignKeyIndex, nameList } from './create-sql.ts';
import { ownPrefix, qualified, quoteLiteral, quoteName } from './names.ts';

export interface KeyOfTable {
  readonly table: string;
  readonly foreignKey: ForeignKeyShape;
}

const mostNamed = 10;

/** The foreign keys from or to a table. */
export async function foreignKeysOf(
  connection: Connection,
  database: string,
  table: string,
  side: 'inbound' | 'outbound',
): Promise<readonly KeyOfTable[]> {
  const column = side === 'inbound' ? 'REFERENCED_TABLE_NAME' : 'TABLE_NAME';
  const rows = await connection.query(
    `SELECT k.TABLE_NAME, k.CONSTRAINT_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_NAME, k.REFERENCED_COLUMN_NAME, r.DELETE_RULE, r.UPDATE_RULE
     FROM information_schema.KEY_COLUMN_USAGE k JOIN information_schema.REFERENTIAL_CONSTRAINTS r
       ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND r.TABLE_NAME = k.TABLE_NAME
     WHERE k.TABLE_SCHEMA = ${quoteLiteral(database)} AND k.REFERENCED_TABLE_SCHEMA = ${quoteLiteral(database)}
       AND k.${column} = ${quoteLiteral(table)}
     ORDER BY k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION`,
  );
  const groups = Map.groupBy(rows, (row) => `${row['TABLE_NAME']}\0${row['CONSTRAINT_NAME']}`);
  return [...groups.values()].flatMap((parts) => {
    const [first] = parts;
    if (!first) return [];
    const action = (word: string | null | undefined) => (word ?? 'no action').toLowerCase() as ReferentialAction;
    const foreignKey: ForeignKeyShape = {
      name: first['CONSTRAINT_NAME'] ?? '',
      columns: parts.map((part) => part['COLUMN_NAME'] ?? ''),
      references: first['REFERENCED_TABLE_NAME'] ?? '',
      referencedColumns: parts.map((part) => part['REFERENCED_COLUMN_NAME'] ?? ''),
      onDelete: action(first['DELETE_RULE']),
      onUpdate: action(first['UPDATE_RULE']),
      deferred: false,
    };
    return [{ table: first['TABLE_NAME'] ?? '', foreignKey }];
  });
}

export async function hasForeignKey(
  connection: Connection,
  database: string,
  table: string,
  name: string,
): Promise<boolean> {
  const rows = await connection.query(
    `SELECT 1 AS found FROM information_schema.TABLE_CONSTRAINTS WHERE TABLE_SCHEMA = ${quoteLiteral(database)}
       AND TABLE_NAME = ${quoteLiteral(table)} AND CONSTRAINT_NAME = ${quoteLiteral(name)} AND CONSTRAINT_TYPE = 'FOREIGN KEY'`,
  );
  return rows.length > 0;
}

export async function dropForeignKey(
  connection: Connection,
  database: string,
  table: string,
  name: string,
): Promise<void> {
  if (!(await hasForeignKey(connection, database, table, name))) return;
  await connection.run(`ALTER TABLE ${qualified(database, table)} DROP FOREIGN KEY ${quoteName(name)}`);
  const index = foreignKeyIndex(name);
  if (await hasIndex(connection, database, table, index)) {
    await connection.run(`DROP INDEX ${quoteName(index)} ON ${qualified(database, table)}`);
  }
}

/** Throws `reference.broken`, with the keys, when rows refer to rows that do not exist. */
export async function checkForeignKey(
  connection: Connection,
  database: string,
  { table, foreignKey }: KeyOfTable,
): Promise<void> {
  const { columns, references, referencedColumns } = foreignKey;
  const given = columns.map((column) => `c.${quoteName(column)} IS NOT NULL`).join(' AND ');
  const same = columns
    .map((column, i) => `p.${quoteName(referencedColumns[i] ?? '')} = c.${quoteName(column)}`)
    .join(' AND ');
  const from = `FROM ${qualified(database, table)} c WHERE ${given} AND NOT EXISTS (SELECT 1 FROM ${qualified(database, references)} p WHERE ${same})`;
  const [row] = await connection.query(`SELECT COUNT(*) AS n ${from}`);
  const count = Number(row?.['n'] ?? 0);
  if (count === 0) return;
  const named = await connection.query(
    `SELECT DISTINCT JSON_ARRAY(${columns.map((column) => `CAST(c.${quoteName(column)} AS CHAR)`).join(', ')}) AS keys_ ${from} LIMIT ${mostNamed}`,
  );
  const keys = named.map((each) => each['keys_']).join(', ');
  throw new MigrationError(
    'reference.broken',
    `${count} rows of ${table} refer by (${columns.join(', ')}) to rows of ${references} that do not exist: ${keys}${named.length === mostNamed ? ', …' : ''}.`,
    { where: `${table}.foreign-key.${foreignKey.name}`, hint: 'Correct the rows at the source, then resume.' },
  );
}

/** Adds a foreign key whose rows were checked already, or are checked later. The server would copy the table to check. */
export async function addUnchecked(
  connection: Connection,
  database: string,
  { table, foreignKey }: KeyOfTable,
): Promise<void> {
  const index = foreignKeyIndex(foreignKey.name);
  if (!(await leads(connection, database, table, foreignKey.columns))) {
    await connection.run(
      `CREATE INDEX ${quoteName(index)} ON ${qualified(database, table)} (${nameList(foreignKey.columns)})`,
    );
  }
  await connection.run('SET SESSION foreign_key_checks = 0');
  try {
    await connection.run(addForeignKeySql(database, table, foreignKey));
  } finally {
    await connection.run('SET SESSION foreign_key_checks = 1');
  }
}

/** Is there an index that begins with these columns? */
async function leads(
  connection: Connection,
  database: string,
  table: string,
  columns: readonly string[],
): Promise<boolean> {
  const rows = await connection.query(
    `SELECT INDEX_NAME AS name, GROUP_CONCAT(COLUMN_NAME ORDER BY SEQ_IN_INDEX SEPARATOR '\n') AS columns_
     FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ${quoteLiteral(database)} AND TABLE_NAME = ${quoteLiteral(table)}
       AND SUB_PART IS NULL AND INDEX_TYPE = 'BTREE' GROUP BY INDEX_NAME`,
  );
  return rows.some((row) => `${row['columns_']}\n`.startsWith(`${columns.join('\n')}\n`));
}

/** Secondary indexes of a table, each as the statement that makes it again. */
export async function indexesOf(
  connection: Connection,
  database: string,
  table: string,
): Promise<readonly { readonly name: string; readonly sql: string }[]> {
  const rows = await connection.query(
    `SELECT INDEX_NAME, NON_UNIQUE, COLUMN_NAME, SUB_PART, COLLATION, INDEX_TYPE FROM information_schema.STATISTICS
     WHERE TABLE_SCHEMA = ${quoteLiteral(database)} AND TABLE_NAME = ${quoteLiteral(table)} AND INDEX_NAME <> 'PRIMARY'
     ORDER BY INDEX_NAME, SEQ_IN_INDEX`,
  );
  return [...Map.groupBy(rows, (row) => row['INDEX_NAME'] ?? '')].flatMap(([name, parts]) => {
    if (name.startsWith(ownPrefix) || parts.some((part) => part['COLUMN_NAME'] === null)) return [];
    const columns = parts.map(
      (part) =>
        `${quoteName(part['COLUMN_NAME'] ?? '')}${part['SUB_PART'] ? `(${part['SUB_PART']})` : ''}${part['COLLATION'] === 'D' ? ' DESC' : ''}`,
    );
    const type = parts[0]?.['INDEX_TYPE'] ?? '';
    const kind =
      type === 'FULLTEXT' || type === 'SPATIAL' ? `${type} ` : parts[0]?.['NON_UNIQUE'] === '0' ? 'UNIQUE ' : '';
    return [
      { name, sql: `CREATE ${kind}INDEX ${quoteName(name)} ON ${qualified(database, table)} (${columns.join(', ')})` },
    ];
  });
}

export async function hasIndex(
  connection: Connection,
  database: string,
  table: string,
  name: string,
): Promise<boolean> {
  const rows = await connection.query(
    `SELECT 1 AS found FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ${quoteLiteral(database)}
       AND TABLE_NAME = ${quoteLiteral(table)} AND INDEX_NAME = ${quoteLiteral(name)} LIMIT 1`,
  );
  return rows.length > 0;
}

export const uniqueSql = (database: string, table: string, name: string, columns: readonly string[]): string =>
  `ALTER TABLE ${qualified(database, table)} ADD UNIQUE KEY ${quoteName(name)} (${nameList(columns)})`;
