import type { Chunk, Item } from '../../model/item.ts';
import type { ColumnShape, TableShape } from '../../model/shape.ts';
import type { Connection } from './connection.ts';
import { qualified, quoteName } from './names.ts';

/** A table larger than this is cut into several chunks even where they get smaller than asked for, so that workers can
 *  share it. */
const sharedBytes = 8 * 1024 * 1024;
const sharedChunks = 4;
/** Halvings of a range in which the server expects too many rows. */
const mostHalvings = 20;

type Session = <T>(work: (connection: Connection) => Promise<T>) => Promise<T>;

/** Ranges of the key's first column, where it is a whole number, as the server's statistics spread its rows. Everything
 *  else is one chunk. The first range has no lower bound and the last no upper one, so that they cover the table. */
export async function* splitTable(
  use: Session,
  database: string,
  shape: TableShape,
  item: Item,
  targetBytes: number,
): AsyncGenerator<Chunk> {
  const rows = Math.max(1, item.rows ?? 1);
  const bytes = Math.max(1, item.bytes);
  const chunks = Math.max(Math.ceil(bytes / targetBytes), bytes > sharedBytes ? sharedChunks : 1);
  const perRow = bytes / rows;
  const chunk = (from: string, to: string, count: number): Chunk => ({
    id: `${from}..${to}`,
    bytes: Math.round(count * perRow),
    rows: count,
    range: [from, to],
  });
  const key = splitColumn(shape);
  const bounds =
    key && chunks > 1 ? await use((connection) => findBounds(connection, database, shape, key)) : undefined;
  if (!key || !bounds) {
    if (await use((connection) => hasRows(connection, database, shape))) yield chunk('', '', rows);
    return;
  }
  const target = Math.max(1, Math.ceil(rows / chunks));
  const cuts: { readonly at: bigint; readonly rows: number }[] = [];
  const width = (bounds.high - bounds.low) / BigInt(chunks) + 1n;
  for (let from = bounds.low; from <= bounds.high; from += width) {
    const to = from + width;
    const parts = await use((connection) => refine(connection, database, shape, key, from, to, target, mostHalvings));
    cuts.push(...parts);
  }
  for (const [i, { at, rows: count }] of cuts.entries()) {
    const next = cuts[i + 1];
    yield chunk(i === 0 ? '' : String(at), next ? String(next.at) : '', count);
  }
}

export function splitColumn(shape: TableShape): ColumnShape | undefined {
  const column = shape.columns.find(({ name }) => name === shape.primaryKey[0]);
  return column && /^(?:tiny|small|medium|big)?int/.test(column.declared) ? column : undefined;
}

async function hasRows(connection: Connection, database: string, shape: TableShape): Promise<boolean> {
  const rows = await connection.query(`SELECT 1 AS found FROM ${qualified(database, shape.name)} LIMIT 1`);
  return rows.length > 0;
}

async function findBounds(connection: Connection, database: string, shape: TableShape, key: ColumnShape) {
  const name = quoteName(key.name);
  const [row] = await connection.query(
    `SELECT MIN(${name}) AS low, MAX(${name}) AS high FROM ${qualified(database, shape.name)}`,
  );
  const { low, high } = row ?? {};
  return low == null || high == null ? undefined : { low: BigInt(low), high: BigInt(high) };
}

/** The range, or its halves where the server expects more than twice the rows that are wanted. */
async function refine(
  connection: Connection,
  database: string,
  shape: TableShape,
  key: ColumnShape,
  from: bigint,
  to: bigint,
  target: number,
  halvings: number,
): Promise<{ readonly at: bigint; readonly rows: number }[]> {
  const name = quoteName(key.name);
  const [plan] = await connection.query(
    `EXPLAIN SELECT ${name} FROM ${qualified(database, shape.name)} FORCE INDEX (PRIMARY) WHERE ${name} >= ${from} AND ${name} < ${to}`,
  );
  const rows = Number(plan?.['rows'] ?? target) || 0;
  if (rows <= target * 2 || halvings === 0 || to - from < 2n) return [{ at: from, rows: Math.max(1, rows) }];
  const middle = (from + to) / 2n;
  return [
    ...(await refine(connection, database, shape, key, from, middle, target, halvings - 1)),
    ...(await refine(connection, database, shape, key, middle, to, target, halvings - 1)),
  ];
}

/** The condition of a range, with WHERE. */
export function rangeCondition(shape: TableShape, range: Chunk['range']): string {
  const key = splitColumn(shape);
  const [from, to] = range ?? ['', ''];
  if (!key || (from === '' && to === '')) return '';
  const name = quoteName(key.name);
  // Bounds come back from a journal: numbers they were, numbers they must be.
  const conditions = [from !== '' && `${name} >= ${BigInt(from)}`, to !== '' && `${name} < ${BigInt(to)}`];
  return `FORCE INDEX (PRIMARY) WHERE ${conditions.filter((each) => each !== false).join(' AND ')}`;
}
