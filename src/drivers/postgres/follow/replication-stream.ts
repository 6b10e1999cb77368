import type { Duplex } from 'node:stream';
import type pg from 'pg';
import { MigrationError } from '../../../model/migration-error.ts';
import { toStoreError, type Place } from '../store-error.ts';

/** Receives what the server streams. `buffer` is only lent: it is overwritten afterwards. */
export interface StreamReader {
  /** A message of the output plugin. `time` is in microseconds since 2000. */
  message(buffer: Buffer, start: number, end: number): void;
  /** All messages up to here were sent. */
  keepalive(position: bigint): void;
  /** Everything that arrived together was handed over. */
  pause(): void;
  failed(error: unknown): void;
}

const copyData = 0x64;
const errorResponse = 0x45;
const copyBoth = 0x57;
const copyDone = 0x63;
const xlogData = 0x77;
const keepalive = 0x6b;
/** Type (1), start (8), end (8), time (8). */
const dataHead = 25;
/** Milliseconds since 1970 of 2000-01-01. */
export const epoch2000 = 946_684_800_000;

/** Takes a replication session over from pg, whose parser makes objects of every message, and streams changes. */
export class ReplicationStream {
  readonly #socket: Duplex;
  readonly #reader: StreamReader;
  readonly #place: Place;
  /** A message that did not arrive whole: its bytes so far. */
  #partial: Buffer | undefined;
  #have = 0;
  #head: Buffer | undefined;
  #ended = false;

  constructor(client: pg.Client, place: Place, reader: StreamReader) {
    this.#socket = (client as unknown as { connection: { stream: Duplex } }).connection.stream;
    this.#place = place;
    this.#reader = reader;
    this.#socket.removeAllListeners('data');
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('Connection terminated')));
  }

  start(command: string): void {
    const text = Buffer.from(`${command}\0`);
    const message = Buffer.allocUnsafe(5 + text.length);
    message[0] = 0x51;
    message.writeInt32BE(4 + text.length, 1);
    text.copy(message, 5);
    this.#socket.write(message);
  }

  /** Tells the server what has arrived and what is durable at the target; it answers at once when asked to. */
  status(received: bigint, durable: bigint, answer: boolean): void {
    if (this.#ended || !this.#socket.writable) return;
    const message = Buffer.allocUnsafe(5 + 34);
    message[0] = copyData;
    message.writeInt32BE(4 + 34, 1);
    message[5] = 0x72;
    message.writeBigUInt64BE(received, 6);
    message.writeBigUInt64BE(durable, 14);
    message.writeBigUInt64BE(durable, 22);
    message.writeBigInt64BE(BigInt(Date.now() - epoch2000) * 1000n, 30);
    message[38] = answer ? 1 : 0;
    this.#socket.write(message);
  }

  hold(): void {
    this.#socket.pause();
  }

  goOn(): void {
    this.#socket.resume();
  }

  /** Ends the session in order, so that the slot is free at once. */
  async end(): Promise<void> {
    if (this.#ended && this.#socket.destroyed) return;
    this.#ended = true;
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    if (this.#socket.destroyed) return;
    this.#socket.resume();
    // CopyDone, Terminate.
    this.#socket.end(Buffer.from([copyDone, 0, 0, 0, 4, 0x58, 0, 0, 0, 4]));
    const timer = setTimeout(() => this.#socket.destroy(), 1000);
    await closed;
    clearTimeout(timer);
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reader.failed(toStoreError(error, this.#place, 'read changes'));
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    if (this.#ended) return;
    try {
      this.#split(chunk);
      this.#reader.pause();
    } catch (error) {
      this.#fail(error);
    }
  }

  #split(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#partial) {
        const copied = chunk.copy(this.#partial, this.#have, at);
        this.#have += copied;
        at += copied;
        if (this.#have < this.#partial.length) return;
        const whole = this.#partial;
        this.#partial = undefined;
        this.#message(whole, 0, whole.length);
        continue;
      }
      if (this.#head) {
        // Rare: not even the length arrived whole.
        chunk = Buffer.concat([this.#head, chunk.subarray(at)]);
        this.#head = undefined;
        at = 0;
      }
      if (chunk.length - at < 5) {
        this.#head = Buffer.from(chunk.subarray(at));
        return;
      }
      const end = at + 1 + chunk.readInt32BE(at + 1);
      if (end <= chunk.length) {
        this.#message(chunk, at, end);
        at = end;
      } else {
        this.#partial = Buffer.allocUnsafeSlow(end - at);
        this.#have = chunk.copy(this.#partial, 0, at);
        return;
      }
    }
  }

  #message(buffer: Buffer, at: number, end: number): void {
    const type = buffer[at];
    if (type === copyData) {
      const kind = buffer[at + 5];
      if (kind === xlogData) this.#reader.message(buffer, at + 5 + dataHead, end);
      else if (kind === keepalive) this.#reader.keepalive(buffer.readBigUInt64BE(at + 6));
    } else if (type === errorResponse) {
      throw serverError(buffer, at + 5, end);
    } else if (type === copyDone) {
      throw new MigrationError('store.unreachable', 'The source ended the stream of changes.', {
        hint: 'Resume when the server is back.',
      });
    } else if (type === copyBoth) {
      // The stream begins; nothing to do.
    }
  }
}

/** An ErrorResponse as pg would throw it. */
function serverError(buffer: Buffer, from: number, end: number): Error {
  const fields: Record<string, string> = {};
  let at = from;
  while (at < end && buffer[at] !== 0) {
    const field = String.fromCharCode(buffer[at] ?? 0);
    const stop = buffer.indexOf(0, at + 1);
    fields[field] = buffer.toString('utf8', at + 1, stop);
    at = stop + 1;
  }
  return Object.assign(new Error(fields['M'] ?? 'error'), { code: fields['C'], detail: fields['D'] });
}
