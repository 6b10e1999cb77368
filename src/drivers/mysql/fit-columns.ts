import type { Finding } from '../../model/finding.ts';
import type { ColumnShape, TableShape } from '../../model/shape.ts';
import { isFlag } from './column-type.ts';
import type { Connection } from './connection.ts';
import { qualified, quoteName } from './names.ts';
import type { MysqlOptions } from './options.ts';
import { withColumns } from './table-shape.ts';

/** Tables up to this size are looked at whole; of larger ones, the first and last rows. */
const wholeBytes = 64 * 1024 * 1024;
const sampledRows = 20_000;

export interface FitContext {
  readonly database: string;
  readonly shape: TableShape;
  readonly bytes: number;
  readonly options: MysqlOptions;
  readonly report: (finding: Finding) => void;
}

/** A question to the values of a column, and what its answer (rows that meet the condition) means. */
interface Question {
  readonly condition: string;
  readonly answer: (count: number, looked: string) => ColumnShape | undefined;
}

/** Some declared types allow values that the neutral type does not have. Looks at them, gives the column the type that
 *  its values fit, and says how many do not. What was not looked at and does not fit is left out, by key, when it is
 *  read. */
export async function fitColumns(connection: Connection, context: FitContext): Promise<TableShape> {
  const { database, shape, bytes, report } = context;
  const questions = shape.columns.map((column) => questionTo(column, shape, context));
  const asked = questions.filter((question) => question !== undefined);
  if (asked.length === 0) return shape;
  const counts = asked.map(({ condition }, i) => `COALESCE(SUM(${condition}), 0) AS c${i}`).join(', ');
  const whole = bytes <= wholeBytes;
  const from = whole ? qualified(database, shape.name) : sample(database, shape);
  const [row] = await connection.query(`SELECT COUNT(*) AS n, ${counts} FROM ${from}`);
  const looked = whole ? (row?.['n'] ?? '0') : `${row?.['n']} looked at`;
  let next = 0;
  const columns = shape.columns.map((column, at) => {
    const question = questions[at];
    if (!question) return column;
    const count = Number(row?.[`c${next++}`] ?? 0);
    return question.answer(count, looked) ?? column;
  });
  if (!whole) {
    report({
      level: 'info',
      code: 'plan.sampled',
      message: `Table ${shape.name} is large: the types of its columns were checked against ${row?.['n']} rows only. Rows that do not fit are left out and named.`,
      where: shape.name,
    });
  }
  return withColumns(shape, columns);
}

function sample(database: string, shape: TableShape): string {
  const columns = shape.columns.map(({ name }) => quoteName(name)).join(', ');
  const rows = `SELECT ${columns} FROM ${qualified(database, shape.name)}`;
  const order = (way: string) =>
    shape.primaryKey.length === 0
      ? ''
      : `ORDER BY ${shape.primaryKey.map((name) => `${quoteName(name)} ${way}`).join(', ')}`;
  const ends = shape.primaryKey.length === 0 ? [''] : [order('ASC'), order('DESC')];
  return `(${ends.map((end) => `(${rows} ${end} LIMIT ${sampledRows})`).join(' UNION ALL ')}) AS looked`;
}

function questionTo(column: ColumnShape, shape: TableShape, { options, report }: FitContext): Question | undefined {
  const name = quoteName(column.name);
  const where = `${shape.name}.${column.name}`;
  const warn = (message: string, hint: string) =>
    report({ level: 'warning', code: 'value.unfit', message, hint, where });
  const { type } = column;
  if (type.kind === 'boolean' && isFlag(column.declared) && options.tinyint1 === 'auto') {
    return {
      condition: `${name} NOT IN (0, 1)`,
      answer(count, looked) {
        if (count === 0) return undefined;
        report({
          level: 'info',
          code: 'column.changed',
          message: `${where} is TINYINT(1), but ${count} of ${looked} rows hold other numbers than 0 and 1: it becomes smallint.`,
          where,
        });
        return { ...column, type: { kind: 'integer', bits: 16 } };
      },
    };
  }
  if (type.kind === 'time') {
    return {
      condition: `${name} < 0 OR ${name} > '24:00:00'`,
      answer(count, looked) {
        if (count === 0) return undefined;
        report({
          level: 'info',
          code: 'column.changed',
          message: `${where} is TIME, and ${count} of ${looked} rows hold no time of day: it becomes interval.`,
          where,
        });
        return { ...column, type: { kind: 'interval' } };
      },
    };
  }
  if (type.kind === 'date' || type.kind === 'timestamp') {
    return {
      condition: `YEAR(${name}) = 0 OR MONTH(${name}) = 0 OR DAY(${name}) = 0 OR DAY(${name}) > DAY(LAST_DAY(${name}))`,
      answer: (count, looked) => zeroDates(column, where, count, looked, options, warn),
    };
  }
  if (column.values && !column.values.includes('')) {
    return {
      condition: `${name} = ''`,
      answer(count, looked) {
        if (count === 0) return undefined;
        const way = options.enumErrors === 'null' ? 'NULL is carried for them.' : 'These rows are left out.';
        warn(
          `${where} holds the empty text of a value that its ENUM did not know in ${count} of ${looked} rows. ${way}`,
          'Mend them at the source, choose the option enumErrors (null, text), or allow a number of such rows with --max-quarantine N.',
        );
        return undefined;
      },
    };
  }
  return undefined;
}

function zeroDates(
  column: ColumnShape,
  where: string,
  count: number,
  looked: string,
  options: MysqlOptions,
  warn: (message: string, hint: string) => void,
): ColumnShape | undefined {
  const nullable = options.zeroDates === 'null' ? { ...column, nullable: true } : undefined;
  if (count === 0) return undefined;
  const found = `${where} holds dates that no calendar has (0000-00-00, 2024-00-10) in ${count} of ${looked} rows.`;
  const hint =
    'Mend them at the source, choose the option zeroDates (null, text), or allow a number of such rows with --max-quarantine N.';
  switch (options.zeroDates) {
    case 'quarantine':
      warn(`${found} These rows are left out.`, hint);
      return undefined;
    case 'null':
      warn(`${found} NULL is carried for them.`, 'Set the option zeroDates to quarantine to have them named instead.');
      return nullable;
    case 'text':
      warn(`${found} The column becomes text.`, 'Set the option zeroDates to null to keep its type.');
      return { ...column, type: { kind: 'text' } };
  }
}
