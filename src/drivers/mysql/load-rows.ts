import { Readable } from 'node:stream';
import { MigrationError } from '../../model/migration-error.ts';
import type { Stored } from '../../model/receipt.ts';
import { carriedColumns, type TableShape } from '../../model/shape.ts';
import type { Connection } from './connection.ts';
import { LoadEncoder } from './load-encoder.ts';
import { qualified, quoteName } from './names.ts';

/** Sends neutral rows through LOAD DATA LOCAL. Gives the bytes sent and the rows that the server says it stored. The
 *  caller's transaction ends what is half there when this throws. */
export async function loadRows(
  connection: Connection,
  database: string,
  table: string,
  shape: TableShape,
  parts: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<Stored> {
  const encoder = new LoadEncoder(shape);
  let bytes = 0;
  let failure: Error | undefined;
  async function* texts(): AsyncGenerator<Buffer> {
    try {
      for await (const part of parts) {
        signal.throwIfAborted();
        bytes += part.length;
        yield* encoder.encode(part);
      }
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }
  let loaded;
  try {
    loaded = await connection.load(loadSql(database, table, shape), () =>
      Readable.from(texts(), { objectMode: false }),
    );
  } catch (error) {
    throw failure ?? error;
  }
  if (failure) throw failure;
  // What a LOCAL load cannot store as it is, the server bends or skips with a warning.
  if (loaded.rows !== encoder.rows || loaded.warnings > 0)
    throw await refusal(connection, shape, encoder.rows - loaded.rows);
  return { bytes, rows: loaded.rows };
}

function loadSql(database: string, table: string, shape: TableShape): string {
  const columns = carriedColumns(shape);
  const targets = columns.map(({ name, type }, i) => (isSet(type.kind) ? `@c${i}` : quoteName(name)));
  const sets = columns.flatMap(({ name, type }, i) => {
    if (type.kind === 'bits') return [`${quoteName(name)} = CAST(@c${i} AS UNSIGNED)`];
    if (type.kind === 'uuid') return [`${quoteName(name)} = CONVERT(@c${i} USING utf8mb4)`];
    return [];
  });
  const list = targets.length === 0 ? '(@nothing)' : `(${targets.join(', ')})`;
  return `LOAD DATA LOCAL INFILE 'rows' INTO TABLE ${qualified(database, table)} CHARACTER SET binary
    FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' ${list}${sets.length > 0 ? ` SET ${sets.join(', ')}` : ''}`;
}

const isSet = (kind: string): boolean => kind === 'bits' || kind === 'uuid';

async function refusal(connection: Connection, shape: TableShape, missing: number): Promise<MigrationError> {
  const warnings = await connection.query('SHOW WARNINGS LIMIT 1');
  const number = Number(warnings[0]?.['Code'] ?? 0);
  if (number === 1062 || missing > 0) {
    return new MigrationError('index.broken', `Rows of table ${shape.name} share a key that must be unique.`, {
      hint: 'Correct the rows at the source, then resume.',
      where: shape.name,
    });
  }
  // The server's words may hold the value.
  const text = warnings[0]?.['Message'] ?? '';
  const column = /for column (?:`[^`]*`\.`[^`]*`\.)?[`']?([^`' ]+)/.exec(text)?.[1];
  const row = /at row (\d+)/.exec(text)?.[1];
  return new MigrationError(
    'value.unfit',
    `A value${column === undefined ? '' : ` of ${shape.name}.${column}`}${row === undefined ? '' : ` in row ${row} of the chunk`} does not fit its column at the target (error ${number}).`,
    { where: shape.name, hint: 'Correct it at the source, or carry the column in another type.' },
  );
}
