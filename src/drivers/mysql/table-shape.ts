import type { Finding } from '../../model/finding.ts';
import type { ColumnShape, LogicalType, TableShape } from '../../model/shape.ts';
import { readDefault } from './column-default.ts';
import { enumValues, isGeometry, logicalType } from './column-type.ts';
import type { MysqlOptions } from './options.ts';

/** A line of information_schema.COLUMNS, every value as text. */
export type ColumnRow = Readonly<
  Record<
    'TABLE_NAME' | 'COLUMN_NAME' | 'DATA_TYPE' | 'COLUMN_TYPE' | 'IS_NULLABLE' | 'EXTRA' | 'COLUMN_COMMENT',
    string
  > &
    Record<
      | 'COLUMN_DEFAULT'
      | 'CHARACTER_MAXIMUM_LENGTH'
      | 'NUMERIC_PRECISION'
      | 'NUMERIC_SCALE'
      | 'COLLATION_NAME'
      | 'GENERATION_EXPRESSION',
      string | null
    >
>;

export interface TableRow {
  readonly name: string;
  readonly comment: string;
  /** What AUTO_INCREMENT gives next. */
  readonly next: string | null;
}

export interface ShapeContext {
  readonly options: MysqlOptions;
  readonly mariadb: boolean;
  /** Conditions of the table's checks, by their column where they are a column's. */
  readonly checks: readonly { readonly name: string; readonly clause: string }[];
  /** `Table.Column` of unsigned numbers that are known to fit the signed type. */
  readonly narrow: ReadonlySet<string>;
  readonly report: (finding: Finding) => void;
}

/** A table's columns in neutral terms, as declared; nobody has looked at values yet. */
export function readColumns(table: TableRow, rows: readonly ColumnRow[], context: ShapeContext): ColumnShape[] {
  const asText = listed(context.options.text);
  const asBytes = listed(context.options.bytes);
  return rows.map((row): ColumnShape => {
    const where = `${table.name}.${row.COLUMN_NAME}`;
    const isJson = context.checks.some(({ clause }) => isJsonCheck(clause, row.COLUMN_NAME));
    const note: Note = (level, code, message, hint) =>
      context.report({ level, code, message, where, ...(hint !== undefined && { hint }) });
    const declared = typeOf(row, { isJson, isNarrow: context.narrow.has(where) }, context.options, note);
    const type: LogicalType = asBytes.has(where.toLowerCase())
      ? { kind: 'bytes' }
      : asText.has(where.toLowerCase())
        ? { kind: 'text' }
        : declared;
    reportExtras(row, where, note);
    const values = row.DATA_TYPE === 'enum' && type.kind === 'text' ? enumValues(row.COLUMN_TYPE) : undefined;
    const column = {
      name: row.COLUMN_NAME,
      type,
      declared: row.COLUMN_TYPE,
      nullable: row.IS_NULLABLE === 'YES' || (values !== undefined && context.options.enumErrors === 'null'),
      ...(values && { values: context.options.enumErrors === 'text' ? [...new Set([...values, ''])] : values }),
      ...(row.COLUMN_COMMENT !== '' && { comment: row.COLUMN_COMMENT }),
    };
    if (row.GENERATION_EXPRESSION) {
      const stored = /STORED|PERSISTENT/.test(row.EXTRA);
      return { ...column, generated: { expression: row.GENERATION_EXPRESSION, stored } };
    }
    if (/auto_increment/.test(row.EXTRA)) return { ...column, identity: { next: table.next ?? '1' } };
    const isExpression = context.mariadb || /DEFAULT_GENERATED/.test(row.EXTRA);
    const byDefault = readDefault({ text: row.COLUMN_DEFAULT, isExpression }, type);
    if (byDefault === undefined) {
      note(
        'warning',
        'column.default-lost',
        `The default of ${where} has no neutral form and is not carried: ${row.COLUMN_DEFAULT}`,
        'Add it at the target by hand.',
      );
    }
    return byDefault === undefined || byDefault === 'none' ? column : { ...column, default: byDefault };
  });
}

type Note = (level: Finding['level'], code: string, message: string, hint?: string) => void;

function typeOf(
  row: ColumnRow,
  known: { readonly isJson: boolean; readonly isNarrow: boolean },
  options: MysqlOptions,
  note: Note,
): LogicalType {
  const number = (text: string | null) => (text === null ? undefined : Number(text));
  const facts = {
    dataType: row.DATA_TYPE,
    columnType: row.COLUMN_TYPE,
    characters: number(row.CHARACTER_MAXIMUM_LENGTH),
    precision: number(row.NUMERIC_PRECISION),
    scale: number(row.NUMERIC_SCALE),
    ...known,
  };
  const type = logicalType(facts, options);
  const where = `${row.TABLE_NAME}.${row.COLUMN_NAME}`;
  if (!type) {
    note('warning', 'store.unsupported', `${where} is of type ${row.COLUMN_TYPE}, which is carried as text.`);
    return { kind: 'text' };
  }
  if (row.DATA_TYPE === 'set')
    note('info', 'column.changed', `${where} is a SET and becomes text: its values separated by commas.`);
  if (isGeometry(row.DATA_TYPE)) {
    note('warning', 'column.changed', `${where} (${row.COLUMN_TYPE}) becomes bytes in WKB form, without its SRID.`);
  }
  if (row.DATA_TYPE === 'inet4' || row.DATA_TYPE === 'inet6')
    note('info', 'column.changed', `${where} (${row.COLUMN_TYPE}) becomes text.`);
  return type;
}

function reportExtras(row: ColumnRow, where: string, note: Note): void {
  if (/on update/i.test(row.EXTRA)) {
    note(
      'warning',
      'column.trigger-lost',
      `${where} is set to the time of each update by the server (ON UPDATE CURRENT_TIMESTAMP), which is not carried.`,
      'Create a BEFORE UPDATE trigger at the target.',
    );
  }
  if (/\bINVISIBLE\b/i.test(row.EXTRA))
    note('info', 'column.changed', `${where} is invisible; it becomes a plain column.`);
}

export const isJsonCheck = (clause: string, column: string): boolean =>
  clause.toLowerCase().replace(/[`()\s]/g, '') === `json_valid${column.toLowerCase().replace(/[`()\s]/g, '')}`;

const listed = (option: string): ReadonlySet<string> =>
  new Set(option.split(',').map((name) => name.trim().toLowerCase()));

/** The shape with other columns. */
export const withColumns = (shape: TableShape, columns: readonly ColumnShape[]): TableShape => ({ ...shape, columns });
