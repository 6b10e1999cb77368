import { carriedColumns, type ColumnShape, type LogicalType, type TableShape } from '../../model/shape.ts';
import { sendFunction, sqlType } from './column-type.ts';
import { quoteLiteral, quoteName } from './names.ts';

/** Columns of the primary key in key order; empty where there is none or where it is not carried whole. */
export function keyColumns(shape: TableShape): readonly ColumnShape[] {
  const carried = carriedColumns(shape);
  const columns = shape.primaryKey.flatMap((name) => carried.filter((column) => column.name === name));
  return columns.length === shape.primaryKey.length ? columns : [];
}

/** The row hash of docs/row-format.md as a bigint. */
export const rowHashSql = (shape: TableShape): string => hashSql(carriedColumns(shape));

/** Decides the row's bucket. */
export function keyHashSql(shape: TableShape): string {
  const key = keyColumns(shape);
  return hashSql(key.length > 0 ? key : carriedColumns(shape));
}

function hashSql(columns: readonly ColumnShape[]): string {
  const fields = columns.map(({ name, type }) => `${sendFunction(type)}(${quoteName(name)}::${bareType(type)})`);
  return `hash_array_extended(ARRAY[int8send(hash_array_extended(ARRAY[${fields.join(', ')}]::bytea[], 0))], 0)`;
}

/** Without limits: a cast to the limits would hide a value that exceeds them. */
const bareType = (type: LogicalType): string =>
  type.kind === 'text' ? 'text' : type.kind === 'decimal' ? 'numeric' : sqlType(type);

/** The carried columns as COPY sends them. */
export const carriedSql = (shape: TableShape): string =>
  carriedColumns(shape)
    .map(({ name, type }) => `${quoteName(name)}::${type.kind === 'text' ? 'text' : sqlType(type)}`)
    .join(', ');

/** A condition for the rows of the given canonical keys. Values stand in it as literals: COPY takes no parameters. */
export function keysCondition(shape: TableShape, keys: readonly string[]): string {
  const columns = keyColumns(shape);
  const rows = keys.map((key) => JSON.parse(key) as readonly (string | null)[]);
  if (columns.length === 0) {
    const hashes = rows.map(([text]) => BigInt.asIntN(64, BigInt(`0x${(text ?? '#0').slice(1)}`)));
    return `${rowHashSql(shape)} = ANY (ARRAY[${hashes.join(', ')}]::bigint[])`;
  }
  const arrays = columns.map((_, at) => `ARRAY[${rows.map((row) => nullable(row[at])).join(', ')}]::text[]`);
  const names = columns.map((_, at) => `k${at}`).join(', ');
  const typed = columns.map(({ type }, at) => `k${at}::${bareType(type)}`).join(', ');
  const own = columns.map(({ name }) => quoteName(name)).join(', ');
  return `(${own}) IN (SELECT ${typed} FROM unnest(${arrays.join(', ')}) AS k(${names}))`;
}

const nullable = (text: string | null | undefined): string => (text == null ? 'NULL' : quoteLiteral(text));
