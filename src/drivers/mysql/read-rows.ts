import type { Item } from '../../model/item.ts';
import type { Reject } from '../../model/receipt.ts';
import { carriedColumns, type TableShape } from '../../model/shape.ts';
import { keyColumns } from '../../store/rows/row-key.ts';
import { fieldText, RowReader } from '../../store/rows/row-reader.ts';
import { carriedPairs, planOps, reasons, selectList } from './column-ops.ts';
import type { Connection } from './connection.ts';
import { qualified } from './names.ts';
import type { MysqlOptions } from './options.ts';
import { openRows, readError, type RowStream } from './row-stream.ts';
import { RowTranscoder, type RefusedRow } from './row-transcoder.ts';

const partBytes = 256 * 1024;
const errorPacket = 0xff;
const longestFrame = 0xffffff;

export interface RowRead {
  readonly connection: Connection;
  readonly database: string;
  readonly item: Item;
  readonly from: TableShape;
  readonly as: TableShape;
  readonly options: MysqlOptions;
  readonly mariadb: boolean;
  /** SQL behind FROM, or nothing. */
  readonly condition: string;
  readonly rejects: Reject[];
  /** Ends what a session is doing. */
  readonly kill: (id: number) => Promise<void>;
}

/** Rows in the canonical form, in parts of about 256 KiB. When it returns, also early, the session is idle again. */
export async function* readRows(read: RowRead, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  const pairs = carriedPairs(read.from, read.as);
  const sql = `SELECT ${selectList(pairs, read.mariadb)} FROM ${qualified(read.database, read.from.name)} ${read.condition}`;
  const stream = await openRows(read.connection, sql);
  const ops = planOps(pairs, stream.columns, read.options);
  const refuse = createRefusal(read);
  using transcoder = new RowTranscoder(ops, keyColumns(read.as), partBytes);
  let ended = false;
  try {
    for (;;) {
      const progress = transcoder.step();
      if (progress === 'more') {
        signal.throwIfAborted();
        const chunk = await stream.read();
        transcoder.feed(chunk);
        release(chunk);
        continue;
      }
      if (progress === 'refused') {
        read.rejects.push(refuse(transcoder.refused()));
        continue;
      }
      if (progress === 'ended') {
        ended = true;
        const packet = transcoder.endPacket();
        if (transcoder.bytes > 0) yield transcoder.take();
        if (packet[0] === errorPacket) throw readError(packet);
        return;
      }
      if (transcoder.bytes > 0) yield transcoder.take();
    }
  } finally {
    try {
      if (!ended) await drain(stream, transcoder, read);
      stream.finish();
    } catch {
      // A session whose answers are not read to their end is of no use any more; what went wrong is known already.
      read.connection.stream.destroy();
    }
  }
}

/** Gives a socket's buffer back at once: left to the collector, dead buffers would add up to tens of MiB a thread. */
function release(chunk: Buffer): void {
  const { buffer } = chunk;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === chunk.length) buffer.transfer(0);
}

/** Has the server stop, and reads on to the packet that says so. */
async function drain(stream: RowStream, transcoder: RowTranscoder, read: RowRead): Promise<void> {
  const rest = transcoder.rest();
  if (!rest) {
    // Amid a row of more than 16 MiB: the session is not worth finding its place again.
    read.connection.stream.destroy();
    return;
  }
  await read.kill(read.connection.id);
  let bytes = rest;
  let continued = false;
  const fill = async (count: number) => {
    while (bytes.length < count) bytes = Buffer.concat([bytes, await stream.read()]);
  };
  for (;;) {
    await fill(5);
    const length = bytes.readUIntLE(0, 3);
    if (!continued && bytes[4] !== 0) {
      await fill(4 + length);
      return;
    }
    continued = length === longestFrame;
    let skipped = 4 + length;
    while (skipped > bytes.length) {
      skipped -= bytes.length;
      bytes = await stream.read();
    }
    bytes = bytes.subarray(skipped);
  }
}

/** Names a row that cannot be carried by its key. */
function createRefusal({ item, as }: RowRead): (row: RefusedRow) => Reject {
  const carried = carriedColumns(as);
  const key = keyColumns(as).map((position) => carried[position]?.type ?? ({ kind: 'text' } as const));
  const reader = new RowReader(key.length);
  return ({ column, reason, key: fields }) => {
    const name = carried[column]?.name;
    const found = reasons[reason] ?? { code: 'value.unfit', reason: 'the value has no form in this type' };
    return { item: item.key, key: keyText(fields), ...(name !== undefined && { column: name }), ...found };
  };

  function keyText(fields: Buffer | undefined): string {
    if (!fields) return JSON.stringify(['unknown']);
    reader.open(fields).next();
    return JSON.stringify(
      key.map((type, i) => {
        const field = reader.field(i);
        return field === null ? null : fieldText(type, field);
      }),
    );
  }
}
