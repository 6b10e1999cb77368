import type { Duplex } from 'node:stream';

/** Bytes that may wait for the reader before the socket is paused. */
const mostWaiting = 1024 * 1024;

/** Takes a session's socket over from the client library between two commands, and hands it back. */
export class SocketReader implements Disposable {
  readonly #stream: Duplex;
  readonly #others: readonly ((...words: unknown[]) => void)[];
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #ended: Error | undefined;
  #wake: (() => void) | undefined;
  #paused = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
    this.#others = stream.listeners('data') as ((...words: unknown[]) => void)[];
    for (const listener of this.#others) stream.off('data', listener);
    stream.on('data', this.#take).on('close', this.#lost).on('error', this.#fail);
    stream.resume();
  }

  write(bytes: Uint8Array): void {
    this.#stream.write(bytes);
  }

  /** The bytes that came next. Throws when the session is lost. */
  async read(): Promise<Buffer> {
    for (;;) {
      const chunk = this.#waiting.shift();
      if (chunk) {
        this.#waitingBytes -= chunk.length;
        return chunk;
      }
      if (this.#ended) throw this.#ended;
      if (this.#paused) {
        this.#paused = false;
        this.#stream.resume();
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Nothing must be on its way any more. */
  [Symbol.dispose](): void {
    this.#stream.off('data', this.#take).off('close', this.#lost).off('error', this.#fail);
    for (const listener of this.#others) this.#stream.on('data', listener);
    this.#stream.resume();
  }

  readonly #take = (chunk: Buffer): void => {
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes > mostWaiting) {
      this.#paused = true;
      this.#stream.pause();
    }
    this.#wake?.();
  };

  readonly #lost = (): void => this.#fail(Object.assign(new Error('Connection lost'), { code: 'ECONNRESET' }));

  readonly #fail = (error: Error): void => {
    this.#ended ??= error;
    this.#wake?.();
  };
}
