import type { Chunk, Item } from '../../model/item.ts';
import type { ColumnShape, TableShape } from '../../model/shape.ts';
import type { Connection } from './connection.ts';
import { qualified, quoteName } from './names.ts';

/** A table larger than this is cut into several chunks even where they get smaller than asked for, so that workers can
 *  share it. */
const sharedBytes = 8 * 1024 * 1024;
const sharedChunks = 4;
/** Ranges that the server is asked about. */
const mostQuestions = 4000;

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
  const chunks = Math.min(rows, Math.max(Math.ceil(bytes / targetBytes), bytes > sharedBytes ? sharedChunks : 1));
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
  const parts = await use((connection) => spread(connection, database, shape, key, bounds, target));
  for (const [i, { at, rows: count }] of parts.entries()) {
    const next = parts[i + 1];
    yield chunk(i === 0 ? '' : String(at), next ? String(next.at) : '', count);
  }
}

interface Part {
  readonly at: bigint;
  readonly rows: number;
}

/** Where parts of about `target` rows begin: halves the range again and again where the server expects too many rows,
 *  and joins what is small. */
async function spread(
  connection: Connection,
  database: string,
  shape: TableShape,
  key: ColumnShape,
  { low, high }: { readonly low: bigint; readonly high: bigint },
  target: number,
): Promise<readonly Part[]> {
  const name = quoteName(key.name);
  let questions = 0;
  const expected = async (from: bigint, to: bigint): Promise<number> => {
    questions++;
    const [plan] = await connection.query(
      `EXPLAIN SELECT ${name} FROM ${qualified(database, shape.name)} FORCE INDEX (PRIMARY) WHERE ${name} >= ${from} AND ${name} < ${to}`,
    );
    return Number(plan?.['rows'] ?? 0) || 0;
  };
  const parts: Part[] = [];
  const open: { from: bigint; to: bigint }[] = [{ from: low, to: high + 1n }];
  for (let range = open.pop(); range; range = open.pop()) {
    const { from, to } = range;
    const rows = await expected(from, to);
    // Half as much again: what is halved once more would become too small.
    if (rows > target * 1.5 && to - from > 1n && questions < mostQuestions) {
      const middle = (from + to) / 2n;
      open.push({ from: middle, to }, { from, to: middle });
      continue;
    }
    const last = parts.at(-1);
    if (last && last.rows + rows <= target) parts[parts.length - 1] = { at: last.at, rows: last.rows + rows };
    else parts.push({ at: from, rows: Math.max(1, rows) });
  }
  return parts;
}

export function splitColumn(shape: TableShape): ColumnShape | undefined {
  const column = shape.columns.find(({ name }) => name === shape.primaryKey[0]);
  return column && /^(?:tiny|small|medium|big)?int/i.test(column.declared) ? column : undefined;
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
