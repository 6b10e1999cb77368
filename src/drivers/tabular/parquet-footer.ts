import { carriedColumns, type TableShape } from '../../model/shape.ts';
import type { ColumnFacts } from './column-buffer.ts';
import { parquetType } from './parquet-type.ts';
import type { GroupFacts } from './row-groups.ts';
import { ThriftWriter } from './thrift-writer.ts';

export const parquetMagic = Buffer.from('PAR1');
/** Of a file's own facts: the table's shape, exactly. */
export const shapeKey = 'waybill:shape';

const plain = 0;
const rle = 3;
const zstd = 6;

/** What stands behind the row groups: the footer, its length and the magic word. Offsets of `groups` count from the
 *  file's first byte. `whole` is the table's shape, of which a partitioned one's files hold a part. */
export function parquetFooter(shape: TableShape, whole: TableShape, groups: readonly GroupFacts[]): Buffer {
  const columns = carriedColumns(shape);
  const types = columns.map(parquetType);
  const writer = new ThriftWriter();
  writer.i32(1, 2);
  writer.structs<number>(2, [-1, ...columns.keys()], (element, i) => {
    const [column, type] = [columns[i], types[i]];
    if (!column || !type) {
      element.binary(4, 'schema').i32(5, columns.length);
      return;
    }
    element.i32(1, type.physical);
    if (type.width !== undefined) element.i32(2, type.width);
    element.i32(3, column.nullable ? 1 : 0).binary(4, column.name);
    type.annotate(element);
  });
  writer.i64(
    3,
    groups.reduce((sum, { rows }) => sum + rows, 0),
  );
  writer.structs(4, groups, (group, facts) => {
    group.structs(1, facts.columns, (chunk, column) => {
      const i = facts.columns.indexOf(column);
      chunk.i64(2, 0);
      chunk.struct(3, (meta) => columnMeta(meta, columns[i]?.name ?? '', types[i]?.physical ?? 0, column));
    });
    group.i64(2, total(facts.columns, 'rawBytes')).i64(3, facts.rows);
    group.i64(5, facts.columns[0]?.offset ?? 4).i64(6, total(facts.columns, 'bytes'));
  });
  writer.structs(5, [shapeKey], (pair, key) => pair.binary(1, key).binary(2, JSON.stringify(whole)));
  writer.binary(6, 'waybill');
  // Statistics are ordered as the types are.
  writer.structs(7, columns, (order) => order.struct(1, () => {}));
  const footer = writer.stop().bytes();
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  return Buffer.concat([footer, length, parquetMagic]);
}

function columnMeta(meta: ThriftWriter, name: string, physical: number, facts: ColumnFacts): void {
  meta.i32(1, physical).i32s(2, [plain, rle]).texts(3, [name]).i32(4, zstd);
  meta.i64(5, facts.values).i64(6, facts.rawBytes).i64(7, facts.bytes).i64(9, facts.offset);
  meta.struct(12, (statistics) => {
    statistics.i64(3, facts.nulls);
    if (facts.least === undefined || facts.greatest === undefined) return;
    statistics.binary(5, Buffer.from(facts.greatest, 'base64')).binary(6, Buffer.from(facts.least, 'base64'));
    statistics.boolean(7, true).boolean(8, true);
  });
}

const total = (columns: readonly ColumnFacts[], of: 'bytes' | 'rawBytes'): number =>
  columns.reduce((sum, column) => sum + column[of], 0);
