import type { Duplex } from 'node:stream';
import type { Submittable } from 'pg';
import type { Stored } from '../../model/receipt.ts';
import type { Connection } from './connection.ts';

/** What is used of pg's own connection object. */
interface Wire {
  readonly stream: Duplex;
  query(text: string): void;
  sendCopyFail(message: string): void;
}

const dataMessage = 0x64;
const doneMessage = Buffer.from([0x63, 0, 0, 0, 4]);
const binaryHeader = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const binaryTrailer = Buffer.from([0xff, 0xff]);

/** Sends neutral rows through `COPY … FROM STDIN (FORMAT binary)`: a part becomes one CopyData message, because the
 *  server's cost is per message. Gives the bytes sent and the rows that the server says it stored. When `parts` or
 *  the signal fails, the COPY fails at the server too; the caller's transaction ends it. */
export async function copyIn(
  connection: Connection,
  statement: string,
  parts: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<Stored> {
  const copy = connection.submit(new CopyIn(statement));
  await copy.started;
  let bytes = 0;
  try {
    await copy.send(binaryHeader, signal);
    for await (const part of parts) {
      signal.throwIfAborted();
      bytes += part.length;
      await copy.send(part, signal);
    }
    await copy.send(binaryTrailer, signal);
  } catch (error) {
    throw await copy.fail(error);
  }
  return { bytes, rows: await copy.done() };
}

class CopyIn implements Submittable {
  readonly #statement: string;
  readonly #started = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<number>();
  #wire: Wire | undefined;
  #rows = 0;
  #error: Error | undefined;

  constructor(statement: string) {
    this.#statement = statement;
    // Whoever waits sees the rejection; nobody may be waiting yet when it comes.
    this.#started.promise.catch(() => {});
    this.#ended.promise.catch(() => {});
  }

  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** The part is copied, so that its memory can be used again at once. Waits while the socket is full. */
  async send(part: Uint8Array, signal: AbortSignal): Promise<void> {
    if (this.#error) throw this.#error;
    const stream = this.#wire?.stream;
    if (!stream) throw new Error('COPY was not started');
    const message = Buffer.allocUnsafeSlow(part.length + 5);
    message[0] = dataMessage;
    message.writeInt32BE(part.length + 4, 1);
    message.set(part, 5);
    if (!stream.write(message)) await this.#drained(stream, signal);
  }

  async done(): Promise<number> {
    if (!this.#error) this.#wire?.stream.write(doneMessage);
    return this.#ended.promise;
  }

  /** Ends the COPY without storing anything; gives the server's own error if it had one before. */
  async fail(reason: unknown): Promise<unknown> {
    if (this.#error) return this.#error;
    this.#wire?.sendCopyFail('given up by waybill');
    await this.#ended.promise.catch(() => {});
    return reason;
  }

  async #drained(stream: Duplex, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const abort = () => resolve();
    stream.once('drain', resolve).once('close', resolve);
    signal.addEventListener('abort', abort);
    await Promise.race([promise, this.#ended.promise]);
    stream.off('drain', resolve).off('close', resolve);
    signal.removeEventListener('abort', abort);
    signal.throwIfAborted();
  }

  // What pg calls while this is the connection's active query:

  submit(wire: unknown): void {
    this.#wire = wire as Wire;
    this.#wire.query(this.#statement);
  }

  handleCopyInResponse(): void {
    this.#started.resolve();
  }

  handleCommandComplete(message: { text: string }): void {
    this.#rows = Number(message.text.split(' ')[1] ?? 0);
  }

  handleReadyForQuery(): void {
    this.#ended.resolve(this.#rows);
  }

  handleError(error: Error): void {
    this.#error ??= error;
    this.#started.reject(error);
    this.#ended.reject(error);
  }
}
