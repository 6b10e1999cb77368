/** A table as the source's stream describes it before its first change, and again when that changed. */
export interface Relation {
  readonly id: number;
  readonly schema: string;
  readonly table: string;
  /** d: primary key, i: an index, f: whole row, n: nothing. */
  readonly identity: string;
  readonly columns: readonly RelationColumn[];
  /** The job wants what the target has no place for to be left out. */
  readonly lenient: boolean;
}

export interface RelationColumn {
  readonly name: string;
  readonly key: boolean;
  readonly type: number;
  readonly modifier: number;
  /** The job leaves it out. */
  readonly omitted: boolean;
}

export const relationKey = ({ schema, table }: Pick<Relation, 'schema' | 'table'>): string => `${schema}.${table}`;

/** Reads a Relation message of pgoutput (version 1), whose type byte stands at `at`. */
export function readRelation(
  buffer: Buffer,
  at: number,
  omits: (table: string, column: string) => boolean,
  lenient: boolean,
): Relation {
  let offset = at + 1;
  const text = (): string => {
    const end = buffer.indexOf(0, offset);
    const value = buffer.toString('utf8', offset, end);
    offset = end + 1;
    return value;
  };
  const id = buffer.readUInt32BE(offset);
  offset += 4;
  // An empty name stands for pg_catalog.
  const schema = text() || 'pg_catalog';
  const table = text();
  const identity = String.fromCharCode(buffer[offset] ?? 0);
  const count = buffer.readInt16BE(offset + 1);
  offset += 3;
  const columns: RelationColumn[] = [];
  for (let i = 0; i < count; i++) {
    const key = ((buffer[offset] ?? 0) & 1) === 1;
    offset += 1;
    const name = text();
    columns.push({
      name,
      key,
      type: buffer.readUInt32BE(offset),
      modifier: buffer.readInt32BE(offset + 4),
      omitted: omits(`${schema}.${table}`, name),
    });
    offset += 8;
  }
  return { id, schema, table, identity, columns, lenient };
}
