import type { Duplex } from 'node:stream';
import type { Submittable } from 'pg';
import type { Connection } from '../connection.ts';
import { ByteWriter } from './byte-writer.ts';

/** What is used of pg's own connection object. */
interface Wire {
  readonly stream: Duplex;
}

/** Statements that are sent together and answered together, so that a transaction of many costs one round trip.
 *  Values are written straight into what is sent. */
export class Pipeline implements Submittable {
  readonly #out: ByteWriter;
  readonly #counts: number[] = [];
  readonly #ended = Promise.withResolvers<readonly number[]>();
  #statements = 0;

  constructor(room = 16 * 1024) {
    this.#out = new ByteWriter(room);
    this.#ended.promise.catch(() => {});
  }

  /** Statements so far; the index of the next one. */
  get statements(): number {
    return this.#statements;
  }

  get bytes(): number {
    return this.#out.length;
  }

  /** How many of the statements were done before the one that failed. */
  get done(): number {
    return this.#counts.length;
  }

  /** A statement whose parameters are text; a Buffer holds text too. */
  statement(text: string, parameters: readonly (string | Buffer | null)[] = []): void {
    this.begin(text, parameters.length);
    for (const parameter of parameters) {
      if (parameter === null) this.null();
      else if (typeof parameter === 'string') this.value(Buffer.from(parameter));
      else this.value(parameter);
    }
    this.end();
  }

  /** As `statement`, its `parameters` values written one by one with `value` and `null`, then `end`. */
  begin(text: string, parameters: number): void {
    const out = this.#out;
    this.#open(0x50);
    out.byte(0);
    out.text(text);
    out.int16(0);
    this.#close();
    this.#open(0x42);
    out.int16(0);
    out.int16(0);
    out.int16(parameters);
  }

  value(bytes: Buffer, start = 0, end = bytes.length): void {
    this.#out.int32(end - start);
    this.#out.copy(bytes, start, end);
  }

  null(): void {
    this.#out.int32(-1);
  }

  /** A value of unknown length: what `write` adds. */
  written(write: (out: ByteWriter) => void): void {
    const at = this.#out.length;
    this.#out.int32(0);
    write(this.#out);
    this.#out.buffer.writeInt32BE(this.#out.length - at - 4, at);
  }

  end(): void {
    this.#out.int16(0);
    this.#close();
    this.#execute();
  }

  /** `COPY … FROM STDIN` with what `write` adds as its data. */
  copy(text: string, write: (out: ByteWriter) => void): void {
    this.begin(text, 0);
    this.end();
    this.#open(0x64);
    write(this.#out);
    this.#close();
    this.#open(0x63);
    this.#close();
  }

  /** Rows that each statement touched, in order. Throws the server's error; statements behind it were not run. */
  async run(connection: Connection): Promise<readonly number[]> {
    if (this.#statements === 0) return [];
    this.#open(0x53);
    this.#close();
    connection.submit(this);
    return this.#ended.promise;
  }

  #at = 0;

  #open(type: number): void {
    this.#out.byte(type);
    this.#at = this.#out.length;
    this.#out.int32(0);
  }

  #close(): void {
    this.#out.buffer.writeInt32BE(this.#out.length - this.#at, this.#at);
  }

  #execute(): void {
    this.#open(0x45);
    this.#out.byte(0);
    this.#out.int32(0);
    this.#close();
    this.#statements++;
  }

  // What pg calls while this is the connection's active query:

  submit(wire: unknown): void {
    (wire as Wire).stream.write(this.#out.bytes());
  }

  handleCopyInResponse(): void {}

  handleDataRow(): void {}

  handleEmptyQuery(): void {
    this.#counts.push(0);
  }

  handleCommandComplete(message: { text: string }): void {
    this.#counts.push(Number(/\d+$/.exec(message.text)?.[0] ?? 0));
  }

  handleReadyForQuery(): void {
    this.#ended.resolve(this.#counts);
  }

  handleError(error: Error): void {
    this.#ended.reject(error);
  }
}
