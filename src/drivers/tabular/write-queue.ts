import type { FileHandle } from 'node:fs/promises';

/** Writes to a file from its first byte on, one piece of work after another, while the caller goes on. */
export class WriteQueue {
  readonly #file: FileHandle;
  #working: Promise<void> = Promise.resolve();
  /** Where the next byte goes. */
  at = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Begins when what was asked for before is done. Its failure is thrown by the next `idle`. */
  run(work: () => Promise<void>): void {
    this.#working = this.#working.then(work);
    this.#working.catch(() => {});
  }

  async idle(): Promise<void> {
    await this.#working;
  }

  /** Only within `run`. A disk may take less than it is given before it says that it is full. */
  async write(pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) {
      for (let done = 0; done < piece.length;) {
        done += (await this.#file.write(piece, done, piece.length - done, this.at + done)).bytesWritten;
      }
      this.at += piece.length;
    }
  }
}
