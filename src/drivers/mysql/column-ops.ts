import { MigrationError } from '../../model/migration-error.ts';
import { carriedColumns, type ColumnShape, type LogicalType, type TableShape } from '../../model/shape.ts';
import type { MysqlOptions } from './options.ts';
import { isGeometry } from './column-type.ts';
import { quoteName } from './names.ts';
import type { ColumnOp } from './row-transcoder.ts';
import type { WireColumn } from './row-stream.ts';

/** A column that is carried: as it is here, and as the target has it. */
export interface CarriedColumn {
  readonly own: ColumnShape;
  readonly as: ColumnShape;
}

export function carriedPairs(from: TableShape, as: TableShape): readonly CarriedColumn[] {
  return carriedColumns(as).map((column) => {
    const own = from.columns[as.columns.indexOf(column)];
    if (!own) throw new Error(`column ${column.name} of ${as.name} has no counterpart in ${from.name}`);
    return { own, as: column };
  });
}

const textual =
  /^(?:char|varchar|(?:tiny|medium|long)?(?:text|blob)|binary|varbinary|enum|set|json|uuid|inet|decimal)/i;

/** What stands in the select list: what the wire cannot say in the target's type, the server says. */
export function selectList(pairs: readonly CarriedColumn[], mariadb: boolean): string {
  if (pairs.length === 0) return '1';
  return pairs.map(({ own, as }) => selectSql(own, as, mariadb)).join(', ');
}

function selectSql({ name, declared }: ColumnShape, { type }: ColumnShape, mariadb: boolean): string {
  const column = quoteName(name);
  if (type.kind === 'text' && !textual.test(declared)) return `CAST(${column} AS CHAR)`;
  if (!isGeometry((/^\w*/.exec(declared)?.[0] ?? '').toLowerCase())) return column;
  // The axes in the order that everybody else has them.
  return mariadb ? `ST_AsWKB(${column})` : `ST_AsWKB(${column}, 'axis-order=long-lat')`;
}

const integers: Readonly<Record<number, number>> = { 1: 1, 2: 2, 13: 2, 3: 3, 9: 3, 8: 4 };
const [float, double, dateType, timestampType, dateTimeType, timeType, bitType] = [4, 5, 10, 7, 12, 11, 16];

const wireOf = ({ type }: WireColumn): number => {
  if (integers[type]) return integers[type];
  if (type === float) return 5;
  if (type === double) return 6;
  if (type === dateType || type === timestampType || type === dateTimeType) return 7;
  return type === timeType ? 8 : 9;
};

const flags = { unsigned: 1, nullDates: 2, refuseEmpty: 4, nullEmpty: 8 };
const freeScale = 0x10000;
const anyNumber = 0xffffffff;

/** How the kernel turns each selected column into the target's. Throws `store.unsupported` for a pair of types that it
 *  does not turn. */
export function planOps(
  pairs: readonly CarriedColumn[],
  wires: readonly WireColumn[],
  options: MysqlOptions,
): readonly ColumnOp[] {
  return pairs.map(({ own, as }, at) => {
    const column = wires[at];
    const found = column && kindOf(as.type, column);
    if (!column || !found) {
      throw new MigrationError(
        'store.unsupported',
        `Column ${own.name} (${own.declared}) cannot be read as ${as.declared}.`,
        { where: own.name, hint: 'Carry it as text with the option text.' },
      );
    }
    let flag = column.unsigned ? flags.unsigned : 0;
    if (options.zeroDates === 'null' && as.nullable) flag |= flags.nullDates;
    if (own.values && !own.values.includes('')) {
      flag |= options.enumErrors === 'null' && as.nullable ? flags.nullEmpty : flags.refuseEmpty;
    }
    return { wire: wireOf(column), nullable: as.nullable, flags: flag, limit: 0, limit2: 0, ...found };
  });
}

type Kind = Partial<ColumnOp> & Pick<ColumnOp, 'kind'>;

function kindOf(type: LogicalType, column: WireColumn): Kind | undefined {
  const wire = wireOf(column);
  if (wire <= 4) return integerKind(type);
  if (wire === 5 && type.kind === 'float') return { kind: type.bits === 32 ? 5 : 4 };
  if (wire === 6) return type.kind === 'float' && type.bits === 64 ? { kind: 4 } : undefined;
  if (wire === 7) {
    if (type.kind === 'date') return column.type === dateType ? { kind: 10 } : undefined;
    return type.kind === 'timestamp' ? { kind: 11 } : undefined;
  }
  if (wire === 8) return type.kind === 'time' ? { kind: 12 } : type.kind === 'interval' ? { kind: 16 } : undefined;
  switch (type.kind) {
    case 'decimal': {
      if (type.precision === undefined && type.scale === undefined)
        return { kind: 6, limit: freeScale, limit2: anyNumber };
      const scale = type.scale ?? 0;
      return { kind: 6, limit: scale, limit2: type.precision === undefined ? anyNumber : type.precision - scale };
    }
    case 'text':
      return { kind: 7, limit: type.length ?? 0 };
    case 'bytes':
      return { kind: 8 };
    case 'json':
      return { kind: type.binary ? 14 : 13 };
    case 'uuid':
      return { kind: 15 };
    case 'boolean':
      return column.type === bitType ? { kind: 9 } : undefined;
    case 'bits':
      return column.type === bitType ? { kind: 17, limit: type.length } : undefined;
    case 'integer':
    case 'float':
    case 'date':
    case 'time':
    case 'timestamp':
    case 'interval':
      return undefined;
  }
}

function integerKind(type: LogicalType): Kind | undefined {
  if (type.kind === 'integer') return { kind: { 16: 1, 32: 2, 64: 3 }[type.bits] };
  if (type.kind === 'boolean') return { kind: 9 };
  return type.kind === 'decimal' ? { kind: 6, limit: type.scale ?? 0 } : undefined;
}

/** Why a row was refused, by the kernel's number. Never holds the value. */
export const reasons: Readonly<Record<number, { readonly code: string; readonly reason: string }>> = {
  1: { code: 'value.unfit', reason: 'the value is NULL in a column that does not allow it' },
  2: { code: 'value.unfit', reason: 'the number is out of the range of its type' },
  3: { code: 'value.unfit', reason: 'the date is one that no calendar has' },
  4: { code: 'value.unfit', reason: 'the time is no time of day' },
  5: { code: 'value.nul', reason: 'the text holds a NUL byte' },
  6: { code: 'value.unfit', reason: 'the text is not valid UTF-8' },
  7: { code: 'value.unfit', reason: 'the value is the empty text of one that the ENUM did not know' },
  8: { code: 'value.unfit', reason: 'the number does not fit the decimal' },
  9: { code: 'value.unfit', reason: 'the value is neither 0 nor 1' },
  10: { code: 'value.unfit', reason: 'the value is no UUID' },
  11: { code: 'value.nul', reason: 'the JSON holds the escape \\u0000' },
  12: { code: 'value.unfit', reason: 'the text is longer than the column' },
  13: { code: 'value.unfit', reason: 'the value has no form in this type' },
  14: { code: 'value.unfit', reason: 'the JSON is one that only MariaDB takes for valid' },
};
