import { SocketReader } from './socket-reader.ts';
import type { Connection } from './connection.ts';

/** A column of a result as the binary protocol announces it. */
export interface WireColumn {
  readonly type: number;
  readonly unsigned: boolean;
}

/** The rows of a statement as the server sends them: packets of the binary protocol, to be framed by the reader of
 *  `read`, from the first row packet to the packet that ends the rows. */
export interface RowStream {
  readonly columns: readonly WireColumn[];
  read(): Promise<Buffer>;
  /** The reader has seen the end (or an error packet): the session can be used again. */
  finish(): void;
}

const preparePacket = 0x16;
const executePacket = 0x17;
const closePacket = 0x19;
const errorPacket = 0xff;
const unsignedFlag = 0x20;

/** Prepares and executes a statement without parameters. Throws the server's error. */
export async function openRows(connection: Connection, sql: string): Promise<RowStream> {
  const reader = new SocketReader(connection.stream);
  let settled = false;
  try {
    const packets = new PacketReader(reader);
    packets.send(preparePacket, Buffer.from(sql));
    const prepared = await packets.next();
    const statement = prepared.readUInt32LE(1);
    const columnCount = prepared.readUInt16LE(5);
    const parameters = prepared.readUInt16LE(7);
    for (const count of [parameters, columnCount]) {
      if (count > 0) for (let i = 0; i <= count; i++) await packets.next();
    }
    const words = Buffer.alloc(9);
    words.writeUInt32LE(statement, 0);
    words.writeUInt32LE(1, 5);
    packets.send(executePacket, words);
    await packets.next();
    const columns: WireColumn[] = [];
    for (let i = 0; i < columnCount; i++) {
      const packet = await packets.next();
      // Twelve bytes of fixed fields end the packet, whatever a server puts before them.
      const fixed = packet.length - 12;
      columns.push({
        type: packet[fixed + 6] ?? 0,
        unsigned: (packet.readUInt16LE(fixed + 7) & unsignedFlag) !== 0,
      });
    }
    await packets.next();
    let rest = packets.rest();
    settled = true;
    return {
      columns,
      async read() {
        if (rest.length > 0) {
          const first = rest;
          rest = Buffer.alloc(0);
          return first;
        }
        return reader.read();
      },
      finish() {
        const close = Buffer.alloc(4);
        close.writeUInt32LE(statement, 0);
        packets.send(closePacket, close);
        reader[Symbol.dispose]();
      },
    };
  } catch (error) {
    // After an error packet the session is as before.
    if (!settled) reader[Symbol.dispose]();
    throw error;
  }
}

class PacketReader {
  readonly #reader: SocketReader;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(reader: SocketReader) {
    this.#reader = reader;
  }

  send(command: number, words: Uint8Array): void {
    const packet = Buffer.alloc(5 + words.length);
    packet.writeUIntLE(1 + words.length, 0, 3);
    packet[4] = command;
    packet.set(words, 5);
    this.#reader.write(packet);
  }

  /** The payload of the next packet. Throws what an error packet says. */
  async next(): Promise<Buffer> {
    await this.#fill(4);
    const length = this.#bytes.readUIntLE(0, 3);
    await this.#fill(4 + length);
    const payload = this.#bytes.subarray(4, 4 + length);
    this.#bytes = this.#bytes.subarray(4 + length);
    if (payload[0] === errorPacket) throw readError(payload);
    return payload;
  }

  rest(): Buffer {
    return this.#bytes;
  }

  async #fill(length: number): Promise<void> {
    while (this.#bytes.length < length) this.#bytes = Buffer.concat([this.#bytes, await this.#reader.read()]);
  }
}

/** The server's error in an error packet's payload. */
export function readError(payload: Buffer): Error {
  const hasState = payload[3] === 0x23;
  const message = payload.toString('utf8', hasState ? 9 : 3);
  return Object.assign(new Error(message), { errno: payload.readUInt16LE(1) });
}
