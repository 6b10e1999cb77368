import type { Reject } from '../../model/receipt.ts';
import { carriedColumns, type ColumnShape, type TableShape } from '../../model/shape.ts';
import { createRowMarker } from '../../store/rows/row-digest.ts';
import { createRowKey, keyColumns } from '../../store/rows/row-key.ts';
import { RowReader } from '../../store/rows/row-reader.ts';
import { quoteLiteral, quoteName } from './names.ts';

const keysAtOnce = 500;

type Read = (condition: string, rejects: Reject[]) => AsyncIterable<Uint8Array>;

/** The rows of the given canonical keys. The server looks up what may be meant (its comparison may fold case), and what
 *  is not meant is left out here. A table without usable key is read whole. */
export async function* readByKeys(
  from: TableShape,
  as: TableShape,
  keys: readonly string[],
  rejects: Reject[],
  read: Read,
): AsyncGenerator<Uint8Array, void, undefined> {
  const columns = lookedUp(from, as);
  const pick = createPick(as, new Set(keys));
  const step = columns ? keysAtOnce : keys.length;
  for (let at = 0; at < keys.length; at += step) {
    const condition = columns ? `WHERE ${keysCondition(columns, keys.slice(at, at + step))}` : '';
    const found: Reject[] = [];
    for await (const part of read(condition, found)) {
      const rows = pick(part);
      if (rows.length > 0) yield rows;
    }
    const wanted = new Set(keys);
    rejects.push(...found.filter(({ key }) => wanted.has(key)));
  }
}

/** The key's own columns, where the server can look their canonical texts up. */
function lookedUp(from: TableShape, as: TableShape): readonly ColumnShape[] | undefined {
  const carried = carriedColumns(as);
  const columns = keyColumns(as).flatMap((position) => {
    const column = carried[position];
    const own = column && from.columns[as.columns.indexOf(column)];
    return own && column ? [{ own, kind: column.type.kind }] : [];
  });
  const plain = columns.every(
    ({ own, kind }) =>
      ['integer', 'text', 'decimal', 'date'].includes(kind) &&
      own.type.kind === kind &&
      !/^(bit|set)/.test(own.declared),
  );
  return columns.length > 0 && plain ? columns.map(({ own }) => own) : undefined;
}

function keysCondition(columns: readonly ColumnShape[], keys: readonly string[]): string {
  const [only] = columns;
  const rows = keys.map((key) => JSON.parse(key) as (string | null)[]);
  const literal = (text: string | null | undefined, column: ColumnShape | undefined) =>
    text == null ? 'NULL' : column?.type.kind === 'integer' ? String(BigInt(text)) : quoteLiteral(text);
  if (columns.length === 1 && only) {
    return `${quoteName(only.name)} IN (${rows.map(([text]) => literal(text, only)).join(', ')})`;
  }
  return rows
    .map(
      (row) =>
        `(${columns.map((column, i) => `${quoteName(column.name)} = ${literal(row[i], column)}`).join(' AND ')})`,
    )
    .join(' OR ');
}

function createPick(as: TableShape, wanted: ReadonlySet<string>): (part: Uint8Array) => Uint8Array {
  const columns = carriedColumns(as).length;
  const marker = createRowMarker(columns, keyColumns(as));
  const keyOf = createRowKey(as);
  const reader = new RowReader(columns);
  return (part) => {
    const marks = marker.mark(part);
    const rows: Uint8Array[] = [];
    for (let i = 0; i < marks.rows; i++) {
      reader.open(part, marks.offset(i)).next();
      if (!wanted.has(keyOf(reader, marks.hash(i)))) continue;
      rows.push(part.subarray(marks.offset(i), i + 1 < marks.rows ? marks.offset(i + 1) : part.length));
    }
    return Buffer.concat(rows);
  };
}
