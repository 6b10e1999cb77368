import type { Duplex } from 'node:stream';
import type { Submittable } from 'pg';
import { toMigrationError } from '../../model/migration-error.ts';
import type { RowsHash } from '../../store/store.ts';
import type { Connection } from './connection.ts';
import { FrameReader } from './frame-reader.ts';
import { divert, type Diverted } from './socket.ts';

interface Wire {
  readonly stream: Duplex;
  query(text: string): void;
}

export interface Copy {
  /** `COPY … TO STDOUT`. */
  readonly statement: string;
  readonly columns: number;
  /** Lines of COPY text instead of binary rows. */
  readonly text: boolean;
}

const readyMessage = 0x5a;
/** Parts that wait for the reader before the socket is paused. */
const waitingParts = 4;

/** The rows of `COPY (…) TO STDOUT`, without header and trailer, every part whole rows; `hash` is complete at the end.
 *  Read it to its end or close it: an early end leaves the session unusable, so the caller must throw it away. */
export async function* copyOut(
  connection: Connection,
  copy: Copy,
  hash: RowsHash,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  signal.throwIfAborted();
  using out = new CopyOut(copy);
  connection.submit(out);
  for (let part = await out.next(); part; part = await out.next()) yield part;
  out.result(hash);
}

/** While COPY runs, the socket is read here and not by pg, which would make an object of every row. Every message that
 *  is no row goes to pg as it came. */
class CopyOut implements Submittable, Disposable {
  readonly #statement: string;
  readonly #frames: FrameReader;
  readonly #parts: Buffer[] = [];
  #stream: Duplex | undefined;
  #socket: Diverted | undefined;
  /** The part that the reader has; its memory is used again when it asks for the next one. */
  #lent: Buffer | undefined;
  #ended = false;
  #error: Error | undefined;
  #wake = Promise.withResolvers<void>();

  constructor({ statement, columns, text }: Copy) {
    this.#statement = statement;
    this.#frames = new FrameReader(columns, text, (part) => this.#parts.push(part));
  }

  async next(): Promise<Uint8Array | undefined> {
    if (this.#lent) this.#frames.reuse(this.#lent);
    this.#lent = undefined;
    while (this.#parts.length === 0 && !this.#ended) {
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
    }
    if (this.#error) throw this.#error;
    this.#lent = this.#parts.shift();
    if (this.#parts.length < waitingParts) this.#stream?.resume();
    return this.#lent;
  }

  result(hash: RowsHash): void {
    hash.rows = this.#frames.rows;
    hash.sum = this.#frames.sum;
  }

  [Symbol.dispose](): void {
    this.#frames[Symbol.dispose]();
  }

  // What pg calls while this is the connection's active query:

  submit(wire: unknown): void {
    const { stream } = wire as Wire;
    this.#stream = stream;
    this.#socket = divert(stream, (data) => this.#read(data));
    (wire as Wire).query(this.#statement);
  }

  handleCommandComplete(): void {
    this.#frames.flush();
    this.#wake.resolve();
  }

  handleReadyForQuery(): void {
    this.#end();
  }

  handleError(error: Error): void {
    this.#error ??= error;
    this.#end();
  }

  #read(data: Buffer): void {
    try {
      this.#frames.push(data, (message) => {
        // After the last message of this statement the socket is pg's again.
        if (message[0] === readyMessage) this.#handBack();
        this.#socket?.toClient(message);
      });
    } catch (error) {
      // What follows cannot be made sense of: the session ends here.
      this.handleError(toMigrationError(error));
      this.#stream?.destroy();
    }
    if (this.#parts.length >= waitingParts) this.#stream?.pause();
    if (this.#parts.length > 0) this.#wake.resolve();
  }

  #handBack(): void {
    this.#socket?.giveBack();
    this.#stream?.resume();
  }

  #end(): void {
    this.#ended = true;
    this.#wake.resolve();
  }
}
