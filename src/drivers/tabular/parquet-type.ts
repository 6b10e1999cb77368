import type { ColumnShape, LogicalType } from '../../model/shape.ts';
import type { ThriftWriter } from './thrift-writer.ts';

/** How a column stands in a Parquet file (parquet.thrift). */
export interface ParquetType {
  readonly physical: number;
  /** Bytes of a FIXED_LEN_BYTE_ARRAY. */
  readonly width?: number;
  /** As column-kernel.as.ts emits it; undefined: as the text of its decimals. */
  readonly kind: number | undefined;
  readonly scale: number;
  /** Writes converted type and logical type of its schema element. */
  readonly annotate: (writer: ThriftWriter) => void;
  /** Bytes of least and greatest value in statistics: of whole numbers, floats, texts, or none are kept. */
  readonly statistics: 'int32' | 'int64' | 'float' | 'double' | 'boolean' | 'text' | 'none';
}

const physical = { boolean: 0, int32: 1, int64: 2, float: 4, double: 5, bytes: 6, fixed: 7 } as const;
const converted = { utf8: 0, decimal: 5, date: 6, timeMicros: 8, timestampMicros: 10, int16: 16, json: 19 } as const;
const logical = { string: 1, decimal: 5, date: 6, time: 7, timestamp: 8, integer: 10, json: 12, uuid: 14 } as const;
const mostDigits = 38;

/** Decimals without limits, or with more digits than Parquet's readers take, stand as their texts. */
export const isDecimalText = (type: LogicalType): boolean =>
  type.kind === 'decimal' && (type.precision === undefined || type.precision > mostDigits);

export function parquetType({ type }: ColumnShape): ParquetType {
  const plain = (
    of: keyof typeof physical,
    kind: number,
    statistics: ParquetType['statistics'],
    annotate: ParquetType['annotate'] = () => {},
  ): ParquetType => ({ physical: physical[of], kind, scale: 0, annotate, statistics });
  switch (type.kind) {
    case 'integer':
      if (type.bits === 64) return plain('int64', 3, 'int64');
      return type.bits === 32 ? plain('int32', 2, 'int32') : plain('int32', 1, 'int32', annotateInt16);
    case 'float':
      return type.bits === 32 ? plain('float', 4, 'float') : plain('double', 5, 'double');
    case 'decimal':
      return decimalType(type);
    case 'text':
    case 'interval':
    case 'bits':
      return plain('bytes', 0, 'text', (writer) => annotateEmpty(writer, converted.utf8, logical.string));
    case 'bytes':
      return plain('bytes', 0, 'none');
    case 'json':
      return plain('bytes', type.binary ? 13 : 0, 'none', (writer) =>
        annotateEmpty(writer, converted.json, logical.json),
      );
    case 'boolean':
      return plain('boolean', 6, 'boolean');
    case 'date':
      return plain('int32', 7, 'int32', (writer) => annotateEmpty(writer, converted.date, logical.date));
    case 'time':
      return plain('int64', 3, 'int64', (writer) => annotateMicros(writer, undefined, logical.time, false));
    case 'timestamp':
      return plain('int64', 8, 'int64', (writer) =>
        annotateMicros(writer, type.zone ? converted.timestampMicros : undefined, logical.timestamp, type.zone),
      );
    case 'uuid':
      return {
        ...plain('fixed', 9, 'none', (writer) => annotateEmpty(writer, undefined, logical.uuid)),
        width: 16,
      };
  }
}

function decimalType(type: LogicalType & { kind: 'decimal' }): ParquetType {
  const { precision, scale = 0 } = type;
  if (precision === undefined || isDecimalText(type)) {
    return {
      physical: physical.bytes,
      kind: undefined,
      scale: 0,
      statistics: 'none',
      annotate: (writer) => annotateEmpty(writer, converted.utf8, logical.string),
    };
  }
  const annotate = (writer: ThriftWriter): void => {
    writer.i32(6, converted.decimal).i32(7, scale).i32(8, precision);
    writer.struct(10, (union) => union.struct(logical.decimal, (decimal) => decimal.i32(1, scale).i32(2, precision)));
  };
  if (precision <= 9) return { physical: physical.int32, kind: 10, scale, annotate, statistics: 'int32' };
  if (precision <= 18) return { physical: physical.int64, kind: 11, scale, annotate, statistics: 'int64' };
  return { physical: physical.fixed, width: 16, kind: 12, scale, annotate, statistics: 'none' };
}

function annotateEmpty(writer: ThriftWriter, old: number | undefined, now: number): void {
  if (old !== undefined) writer.i32(6, old);
  writer.struct(10, (union) => union.struct(now, () => {}));
}

function annotateInt16(writer: ThriftWriter): void {
  writer.i32(6, converted.int16);
  writer.struct(10, (union) => union.struct(logical.integer, (integer) => integer.byte(1, 16).boolean(2, true)));
}

function annotateMicros(writer: ThriftWriter, old: number | undefined, now: number, utc: boolean): void {
  if (old !== undefined) writer.i32(6, old);
  const micros = 2;
  writer.struct(10, (union) =>
    union.struct(now, (time) => time.boolean(1, utc).struct(2, (unit) => unit.struct(micros, () => {}))),
  );
}
