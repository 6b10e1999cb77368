import { MigrationError } from '../../model/migration-error.ts';
import type { ColumnShape, LogicalType } from '../../model/shape.ts';
import { fieldFloat, fieldInteger, fieldText } from '../../store/rows/row-reader.ts';
import type { SqliteValue } from './column-encoder.ts';
import { exactDigits } from './create-sql.ts';

type FieldReader = (field: Uint8Array) => SqliteValue;

/** Reads fields of a column as the values that SQLite stores for it. Throws `value.unfit` for what SQLite cannot hold. */
export function createFieldReader(table: string, column: ColumnShape): FieldReader {
  const { type } = column;
  switch (type.kind) {
    case 'integer': {
      const { bits } = type;
      return bits === 64 ? readInteger64 : (field) => fieldInteger(bits, field);
    }
    case 'float':
      return (field) => {
        const value = fieldFloat(type.bits, field);
        if (Number.isNaN(value)) throw notHeld(table, column, 'NaN');
        return value;
      };
    case 'decimal':
      return decimalReader(table, column, type);
    case 'bytes':
      return (field) => field;
    case 'boolean':
      return (field) => field[0] ?? 0;
    case 'text':
    case 'date':
    case 'time':
    case 'timestamp':
    case 'interval':
    case 'bits':
    case 'uuid':
    case 'json':
      return (field) => fieldText(type, field);
  }
}

function readInteger64(field: Uint8Array): number | bigint {
  const view = Buffer.from(field.buffer, field.byteOffset, field.byteLength);
  const high = view.readInt32BE(0);
  if (high >= -0x200000 && high < 0x200000) return high * 0x1_0000_0000 + view.readUInt32BE(4);
  return view.readBigInt64BE(0);
}

function decimalReader(
  table: string,
  column: ColumnShape,
  type: Extract<LogicalType, { kind: 'decimal' }>,
): FieldReader {
  const asNumber = type.precision !== undefined && type.precision <= exactDigits;
  return (field) => {
    const text = fieldText(type, field);
    if (!asNumber) return text;
    const value = Number(text);
    if (Number.isNaN(value)) throw notHeld(table, column, 'NaN');
    return value;
  };
}

function notHeld(table: string, column: ColumnShape, what: string): MigrationError {
  const where = `${table}.${column.name}`;
  return new MigrationError(
    'value.unfit',
    `${where} holds ${what}, for which SQLite has no value in ${column.declared || 'this column'}.`,
    {
      hint: 'Replace it by NULL at the source.',
      where,
    },
  );
}
