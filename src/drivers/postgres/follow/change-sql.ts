import type { TargetColumn, TargetTable } from './target-table.ts';

/** Statements for many rows at once: parameter i is an array with the values of column `columns[i]` of the relation. */
export interface SetStatement {
  readonly text: string;
  readonly columns: readonly number[];
}

export function deleteSet(table: TargetTable): SetStatement {
  const columns = table.identity;
  return { text: `DELETE FROM ${table.only} AS t USING ${unnested(table, columns)} WHERE ${matched(table)}`, columns };
}

/** Rows of these keys; there should be none. */
export function selectSet(table: TargetTable): SetStatement {
  const columns = table.identity;
  return { text: `SELECT FROM ${table.only} AS t, ${unnested(table, columns)} WHERE ${matched(table)}`, columns };
}

/** Sets all columns but the key and `unchanged`. */
export function updateSet(table: TargetTable, unchanged: readonly number[]): SetStatement {
  const set = table.carried.filter(
    (at) => !unchanged.includes(at) && !table.identity.includes(at) && !columnOf(table, at).always,
  );
  // A row of nothing but its key is looked for all the same.
  if (set.length === 0) return selectSet(table);
  const columns = [...table.identity, ...set];
  const assignments = set.map((at) => `${columnOf(table, at).quoted} = ${valueOf(table, at)}`).join(', ');
  return {
    text: `UPDATE ${table.only} AS t SET ${assignments} FROM ${unnested(table, columns)} WHERE ${matched(table)}`,
    columns,
  };
}

const unnested = (table: TargetTable, columns: readonly number[]): string =>
  `unnest(${columns.map((at, i) => `$${i + 1}::${columnOf(table, at).array}`).join(', ')}) AS v(${columns.map((at) => `c${at}`).join(', ')})`;

const matched = (table: TargetTable): string =>
  table.identity
    .map((at) => `t.${columnOf(table, at).quoted} ${columnOf(table, at).equals} ${valueOf(table, at)}`)
    .join(' AND ');

function valueOf(table: TargetTable, at: number): string {
  const column = columnOf(table, at);
  return column.cast ? `v.c${at}::${column.type}` : `v.c${at}`;
}

export function columnOf(table: TargetTable, at: number): TargetColumn {
  const column = table.columns[at];
  if (!column) throw new TypeError(`column ${at} of ${table.key} is not carried`);
  return column;
}

/** Statements for one row; parameter i is the value of column `columns[i]`, of the new row or, behind it, the old. */
export const insertRow = (table: TargetTable): string =>
  table.carried.length === 0
    ? `INSERT INTO ${table.name} DEFAULT VALUES`
    : `INSERT INTO ${table.name} (${table.list}) OVERRIDING SYSTEM VALUE VALUES (${table.carried.map((_, i) => `$${i + 1}`).join(', ')})`;

export function assignments(table: TargetTable, columns: readonly number[]): string {
  return columns.map((at, i) => `${columnOf(table, at).quoted} = $${i + 1}`).join(', ');
}

/** Finds a row by its key, with parameters from `$first` on. */
export const keyCondition = (table: TargetTable, first: number): string =>
  table.identity
    .map(
      (at, i) =>
        `${columnOf(table, at).quoted} ${columnOf(table, at).equals} $${first + i}::${columnOf(table, at).type}`,
    )
    .join(' AND ');

/** Finds one row that is equal in all columns to the byte, with parameters from `$first` on for those that are not null. */
export function wholeRowCondition(table: TargetTable, isNull: (at: number) => boolean, first: number): string {
  let next = first;
  const conditions = table.carried.map((at) => {
    const { quoted, type, comparable, equals } = columnOf(table, at);
    if (isNull(at)) return `${quoted} IS NULL`;
    const parameter = `$${next++}::text`;
    // Equal in type first, which an index may help with; format prints a value as the stream does.
    const typed = comparable ? `${quoted} ${equals} ${parameter}::${type} AND ` : '';
    return `${typed}format('%s', ${quoted}) COLLATE "C" = ${parameter}`;
  });
  const row = table.only === table.name ? 'tableoid, ctid' : 'ctid';
  const condition = conditions.length === 0 ? 'true' : conditions.join(' AND ');
  return `(${row}) = (SELECT ${row} FROM ${table.only} WHERE ${condition} LIMIT 1)`;
}
