import { DatabaseSync } from 'node:sqlite';

/** An append-only list that moves to a temporary file when it grows, so that memory stays flat. Values must survive
 *  JSON. The file is private to this process and gone when it ends, however it ends. */
export class Spool<T> implements Disposable {
  readonly #held: number;
  readonly #weigh: (value: T) => number;
  #weight = 0;
  #head: T[] = [];
  #file: DatabaseSync | undefined;
  #length = 0;

  /** Values of `held` weight together stay in memory. */
  constructor({ held = 256, weigh = () => 1 }: { held?: number; weigh?: (value: T) => number } = {}) {
    this.#held = held;
    this.#weigh = weigh;
  }

  get length(): number {
    return this.#length;
  }

  push(value: T): void {
    this.#length += 1;
    if (!this.#file && this.#weight < this.#held) {
      this.#weight += this.#weigh(value);
      this.#head.push(value);
      return;
    }
    if (!this.#file) {
      this.#file = new DatabaseSync('');
      this.#file.exec(
        'PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF; CREATE TABLE spool (value TEXT NOT NULL); BEGIN',
      );
    }
    this.#file.prepare('INSERT INTO spool VALUES (?)').run(JSON.stringify(value));
  }

  /** In the order pushed; may be read more than once, not while pushing. */
  *[Symbol.iterator](): IterableIterator<T> {
    yield* this.#head;
    if (!this.#file) return;
    for (const row of this.#file.prepare('SELECT value FROM spool ORDER BY rowid').iterate()) {
      yield JSON.parse(String(row['value'])) as T;
    }
  }

  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = undefined;
    this.#head = [];
  }
}
