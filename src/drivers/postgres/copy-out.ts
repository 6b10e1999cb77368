import type { Duplex } from 'node:stream';
import type { Submittable } from 'pg';
import type { Connection } from './connection.ts';

interface Wire {
  readonly stream: Duplex;
  query(text: string): void;
}

const headerBytes = 19;
const partBytes = 256 * 1024;
/** Parts that wait for the reader before the socket is paused. */
const waitingParts = 4;

/** The rows of `COPY (…) TO STDOUT (FORMAT binary)` in neutral form: without header and trailer, every part whole
 *  rows. Read it to its end or close it: an early end leaves the session unusable, so the caller must abort it. */
export async function* copyOut(connection: Connection, statement: string): AsyncGenerator<Uint8Array> {
  const copy = connection.submit(new CopyOut(statement));
  for (let part = await copy.next(); part; part = await copy.next()) yield part;
}

class CopyOut implements Submittable {
  readonly #statement: string;
  readonly #parts: Uint8Array[] = [];
  #wire: Wire | undefined;
  #buffer = Buffer.allocUnsafeSlow(partBytes);
  #used = 0;
  #first = true;
  #ended = false;
  #error: Error | undefined;
  #wake = Promise.withResolvers<void>();

  constructor(statement: string) {
    this.#statement = statement;
  }

  async next(): Promise<Uint8Array | undefined> {
    while (this.#parts.length === 0 && !this.#ended) {
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
    }
    if (this.#error) throw this.#error;
    const part = this.#parts.shift();
    if (this.#parts.length < waitingParts) this.#wire?.stream.resume();
    return part;
  }

  // What pg calls while this is the connection's active query:

  submit(wire: unknown): void {
    this.#wire = wire as Wire;
    this.#wire.query(this.#statement);
  }

  /** The server sends one message per row; the first also holds the header, the trailer comes alone. */
  handleCopyData({ chunk }: { chunk: Buffer }): void {
    const row = this.#first ? chunk.subarray(headerBytes) : chunk;
    this.#first = false;
    if (row.length === 2 && row.readInt16BE(0) === -1) return;
    if (this.#used + row.length > this.#buffer.length) this.#flush(row.length);
    row.copy(this.#buffer, this.#used);
    this.#used += row.length;
  }

  handleCommandComplete(): void {
    this.#flush(0);
  }

  handleReadyForQuery(): void {
    this.#ended = true;
    this.#wake.resolve();
  }

  handleError(error: Error): void {
    this.#error = error;
    this.#ended = true;
    this.#wake.resolve();
  }

  #flush(room: number): void {
    if (this.#used > 0) this.#parts.push(this.#buffer.subarray(0, this.#used));
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(partBytes, room));
    this.#used = 0;
    if (this.#parts.length >= waitingParts) this.#wire?.stream.pause();
    this.#wake.resolve();
  }
}
