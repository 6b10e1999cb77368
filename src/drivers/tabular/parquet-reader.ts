import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { MigrationError } from '../../model/migration-error.ts';
import type { Chunk } from '../../model/item.ts';
import { carriedColumns, type ColumnShape, type LogicalType, type TableShape } from '../../model/shape.ts';
import { duckType, isNested, logicalType, quoteName, quoteText } from './duck-type.ts';
import { moved, type HeldFiles } from './file-blocks.ts';
import type { InputFile } from './find-files.ts';
import { isDecimalText } from './parquet-type.ts';
import { shapeKey } from './parquet-footer.ts';
import { partitionOf } from './partition.ts';
import { columnOf } from './read-types.ts';
import { rereadDecimals } from './reread-decimals.ts';
import { shapeOf } from './shape-of.ts';
import type { TableReader } from './table-reader.ts';
import { VectorRows, type VectorColumn } from './vector-rows.ts';

/** A place among the files of a table: a row of a file. */
type Place = readonly [file: number, row: number];

const partBytes = 256 * 1024;
const sharedBytes = 4 * 1024 * 1024;
const sharedChunks = 4;
const memoryLimit = '512MB';

interface FileFacts {
  /** DuckDB's types by column, without those of the path. */
  readonly types: ReadonlyMap<string, string>;
  readonly rows: number;
  /** Rows before each row group. */
  readonly groups: readonly number[];
}

/** Parquet through DuckDB, which shares nothing with what writes it here. */
export function createParquetReader(): TableReader {
  let instance: Promise<DuckDBInstance> | undefined;
  const facts = new Map<string, FileFacts>();

  async function connect(): Promise<DuckDBConnection> {
    instance ??= DuckDBInstance.create(':memory:', {
      threads: String(Math.min(4, availableParallelism())),
      memory_limit: memoryLimit,
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    });
    return (await instance).connect();
  }

  async function query(sql: string, file: InputFile): Promise<readonly Record<string, unknown>[]> {
    const connection = await connect();
    try {
      return (await connection.runAndReadAll(sql)).getRowObjectsJS();
    } catch (error) {
      throw unreadable(file, error);
    } finally {
      connection.closeSync();
    }
  }

  async function factsOf(file: InputFile, held: HeldFiles): Promise<FileFacts> {
    const known = facts.get(identity(file));
    if (known) return known;
    const path = quoteText(await currentPath(file, held));
    const described = await query(`DESCRIBE SELECT * FROM read_parquet(${path}, hive_partitioning = false)`, file);
    const groups = await query(
      `SELECT DISTINCT row_group_id AS id, row_group_num_rows AS rows FROM parquet_metadata(${path}) ORDER BY id`,
      file,
    );
    const starts: number[] = [];
    let rows = 0;
    for (const group of groups) {
      starts.push(rows);
      rows += Number(group['rows']);
    }
    const types = new Map(described.map((column) => [String(column['column_name']), String(column['column_type'])]));
    const found = { types, groups: starts, rows };
    facts.set(identity(file), found);
    return found;
  }

  /** The shape that a file of ours has in its footer, if it still tells of these columns. */
  async function ownShape(file: InputFile, held: HeldFiles): Promise<TableShape | undefined> {
    const path = quoteText(await currentPath(file, held));
    const [found] = await query(
      `SELECT decode(value) AS shape FROM parquet_kv_metadata(${path}) WHERE decode(key) = ${quoteText(shapeKey)}`,
      file,
    );
    if (!found) return undefined;
    const shape = JSON.parse(String(found['shape'])) as TableShape;
    const { types } = await factsOf(file, held);
    const partitions = partitionOf(file);
    const fits = shape.columns.every(({ name, type }) => {
      const actual = types.get(name);
      if (actual === undefined) return partitions.has(name);
      return actual === duckType(type) || (type.kind === 'json' && actual === 'JSON');
    });
    return fits && shape.columns.length === types.size + partitions.size ? shape : undefined;
  }

  async function* readFile(
    file: InputFile,
    from: number,
    to: number,
    read: Parameters<TableReader['read']>,
  ): AsyncGenerator<Uint8Array> {
    const [, , item, as, held, rejects, signal] = read;
    const { types } = await factsOf(file, held);
    const source = carriedColumns(shapeOf(item));
    const columns = carriedColumns(shapeOf(as));
    const plan = planColumns(source, columns, types, partitionOf(file));
    const path = quoteText(await currentPath(file, held));
    const where = `WHERE file_row_number >= ${from} AND file_row_number < ${to}`;
    const sql = `SELECT ${[...plan.select, ...plan.misfits].join(', ')} FROM read_parquet(${path}, file_row_number = true, hive_partitioning = false) ${where}`;
    const connection = await connect();
    let base = from;
    try {
      const result = await connection.stream(sql);
      const rows = new VectorRows(plan.columns);
      const waiting: Buffer[] = [];
      let filled = 0;
      for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
        signal.throwIfAborted();
        const first = base;
        const part = rows.encode(chunk, ({ row, column }) => {
          const about = columns[column];
          const reason = about ? `it cannot be read as ${about.declared}, or holds a NUL byte` : 'it cannot be read';
          rejects.push({
            item: item.key,
            key: JSON.stringify([`${file.name} row ${first + row + 1}`]),
            ...(about && { column: about.name }),
            code: 'value.unfit',
            reason,
          });
        });
        base += chunk.rowCount;
        const whole = plan.reread ? rereadDecimals(part, columns, item.key, file, rejects) : part;
        waiting.push(whole);
        filled += whole.length;
        if (filled < partBytes) continue;
        yield waiting.length === 1 ? whole : Buffer.concat(waiting);
        waiting.length = 0;
        filled = 0;
      }
      if (filled > 0) yield Buffer.concat(waiting);
    } catch (error) {
      throw unreadable(file, error);
    } finally {
      connection.interrupt();
      connection.closeSync();
    }
  }

  return {
    async describe(table, held, report) {
      const shapes = new Map<string, ColumnShape>();
      const [first] = table.files;
      if (!first) return undefined;
      let rows = 0;
      for (const file of table.files) {
        const found = await factsOf(file, held);
        rows += found.rows;
        const partitions = [...partitionOf(file).keys()].map((name) => [name, 'VARCHAR'] as const);
        for (const [name, type] of [...found.types, ...partitions]) {
          const known = shapes.get(name);
          const column = columnOf(name, logicalType(type));
          if (!known) shapes.set(name, column);
          else if (known.declared !== column.declared) {
            report({
              level: 'error',
              code: 'store.unsupported',
              message: `${file.path} has column ${name} as ${column.declared}, other files of the table as ${known.declared}.`,
              hint: 'Read them as tables of their own.',
              where: table.table,
            });
            return undefined;
          }
        }
      }
      const bytes = table.files.reduce((sum, file) => sum + file.bytes, 0);
      const own = await ownShape(first, held);
      const usable = own && own.columns.length === shapes.size;
      const columns = usable ? own.columns : [...shapes.values()];
      const { primaryKey = [] } = usable ? own : {};
      return { shape: { name: table.table, columns, primaryKey, unique: [] }, rows, bytes };
    },
    async *split(table, targetBytes, held) {
      const bytes = table.files.reduce((sum, file) => sum + file.bytes, 0);
      const most = bytes > sharedBytes ? Math.min(targetBytes, Math.ceil(bytes / sharedChunks)) : targetBytes;
      let from: Place = [0, 0];
      let [filled, filledRows] = [0, 0];
      const chunk = (to: Place): Chunk => ({
        id: `${from[0]}@${from[1]}..${to[0]}@${to[1]}`,
        bytes: Math.round(filled),
        rows: filledRows,
        range: [JSON.stringify(from), JSON.stringify(to)],
      });
      for (const [i, file] of table.files.entries()) {
        const { groups, rows } = await factsOf(file, held);
        for (const [g, start] of groups.entries()) {
          const size = (groups[g + 1] ?? rows) - start;
          if (filled >= most) {
            yield chunk([i, start]);
            from = [i, start];
            [filled, filledRows] = [0, 0];
          }
          filled += (file.bytes * size) / Math.max(1, rows);
          filledRows += size;
        }
      }
      yield chunk([table.files.length, 0]);
    },
    async *read(...read) {
      const [table, range, , , held] = read;
      const [from, to] = range ? range.map((text) => JSON.parse(text) as Place) : [];
      for (const [i, file] of table.files.entries()) {
        if (from && i < from[0]) continue;
        if (to && (i > to[0] || (i === to[0] && to[1] === 0))) break;
        const { rows } = await factsOf(file, held);
        yield* readFile(file, from?.[0] === i ? from[1] : 0, to?.[0] === i ? to[1] : rows, read);
      }
    },
    async close() {
      facts.clear();
      if (instance) (await instance).closeSync();
    },
  };
}

interface ColumnPlan {
  readonly select: readonly string[];
  readonly misfits: readonly string[];
  readonly columns: readonly VectorColumn[];
  /** Some decimals come as texts. */
  readonly reread: boolean;
}

/** What to ask for, so that each column comes in the type of `as`, with a look at whether it could. */
function planColumns(
  source: readonly ColumnShape[],
  as: readonly ColumnShape[],
  types: ReadonlyMap<string, string>,
  partitions: ReadonlyMap<string, string | null>,
): ColumnPlan {
  const select: string[] = [];
  const misfits: string[] = [];
  const columns: VectorColumn[] = [];
  for (const [i, { name: asName, type }] of as.entries()) {
    const name = source[i]?.name ?? asName;
    const actual = types.get(name);
    const constant = partitions.get(name);
    const value = actual !== undefined ? quoteName(name) : constant == null ? 'NULL' : quoteText(constant);
    const wanted = duckType(type);
    const vector: LogicalType = isDecimalText(type) ? { kind: 'text' } : type;
    if (actual === wanted || (actual === 'JSON' && wanted === 'VARCHAR')) {
      select.push(value);
      columns.push({ type: vector, misfits: undefined });
      continue;
    }
    const plain = actual !== undefined && isNested(actual) ? `to_json(${value})` : value;
    const finer = actual === 'TIMESTAMP_NS' ? ` OR epoch_ns(${value}) % 1000 <> 0` : '';
    select.push(`TRY_CAST(${plain} AS ${wanted})`);
    misfits.push(
      `coalesce(${value} IS NOT NULL AND (TRY_CAST(${plain} AS ${wanted}) IS NULL${finer}${exactness(actual, wanted, value)}), false)`,
    );
    columns.push({ type: vector, misfits: misfits.length - 1 });
  }
  const placed = columns.map((column) =>
    column.misfits === undefined ? column : { ...column, misfits: as.length + column.misfits },
  );
  return { select, misfits, columns: placed, reread: as.some(({ type }) => isDecimalText(type)) };
}

/** A cast between numbers may round: only one that comes back the same is taken. */
function exactness(actual: string | undefined, wanted: string, value: string): string {
  const numeric = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL|FLOAT|DOUBLE)/;
  if (actual === undefined || !numeric.test(actual) || !numeric.test(wanted)) return '';
  return ` OR TRY_CAST(TRY_CAST(${value} AS ${wanted}) AS ${actual}) IS DISTINCT FROM ${value}`;
}

const identity = ({ path, bytes, mtime, inode }: InputFile): string => `${path}\0${bytes}\0${mtime}\0${inode}`;

/** Where the file can be read now: by the descriptor that a snapshot holds, or by its name if it is still the same. */
async function currentPath(file: InputFile, held: HeldFiles): Promise<string> {
  const handle = held.get(file.path);
  const stats = handle
    ? await handle.stat({ bigint: true })
    : await stat(file.path, { bigint: true }).catch(() => undefined);
  if (Number(stats?.size) !== file.bytes || String(stats?.mtimeNs) !== file.mtime) throw moved(file);
  return handle && process.platform === 'linux' ? `/proc/self/fd/${handle.fd}` : file.path;
}

function unreadable(file: InputFile, error: unknown): unknown {
  if (error instanceof MigrationError || !(error instanceof Error) || error.name === 'AbortError') return error;
  const [first = ''] = error.message.split('\n');
  if (
    !/^(Invalid|IO|Invalid Input|Conversion|Binder|Out of Memory|Not implemented|Parser|Catalog)\b.*Error/i.test(first)
  )
    return error;
  return new MigrationError('item.unreadable', `${file.path} cannot be read: ${first}`, {
    where: file.name,
    hint: 'The file is damaged, cut short, or no Parquet file: fetch or make it again.',
    cause: error,
  });
}
