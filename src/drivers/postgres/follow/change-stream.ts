import type { ChangeBatch } from '../../../store/following.ts';
import { ChangeLogWriter, truncateMark, type ChangeLog } from './change-log.ts';
import { formatLsn, parseLsn } from './lsn.ts';
import { readRelation, relationKey, type Relation } from './relation.ts';
import { epoch2000, type StreamReader } from './replication-stream.ts';
import type { Scope } from './scope.ts';

const beginMark = 0x42;
const commitMark = 0x43;
const relationMark = 0x52;
const changeMarks = new Set([0x49, 0x55, 0x44, truncateMark]);

/** A batch is given when somebody waits for it; meanwhile transactions gather up to this. */
const batchBytes = 2 * 1024 * 1024;
/** Bytes that wait for the target before the source is held. */
const waitingBytes = 2 * batchBytes;
/** Milliseconds. */
const restEvery = 1000;

const notCarried = -2;

/** What the stream asks of its connection. */
export interface Valve {
  hold(): void;
  goOn(): void;
}

/** Gathers messages of pgoutput into batches: whole transactions, or pieces of one that is too large. */
export class ChangeStream implements StreamReader {
  readonly #scope: Scope;
  readonly #since: bigint;
  /** Throws when the table's new definition must stop the run. */
  readonly #altered: (before: Relation, now: Relation) => void;
  valve: Valve | undefined;
  /** Everything committed before it was received. */
  received: bigint;

  readonly #relations: Relation[] = [];
  readonly #indexOf = new Map<number, number>();
  #log = new ChangeLogWriter();
  readonly #ready: ChangeBatch[] = [];
  #readyBytes = 0;
  #held = false;
  #inTransaction = false;
  #skipping = false;
  /** Part of the transaction under way was given away. */
  #torn = false;
  /** Of whole transactions since the last batch: where they end in the log, and their numbers. */
  #end = 0;
  #transactions = 0;
  #changes = 0;
  #committedAt: number | undefined;
  #firstAt: number | undefined;
  /** Of the transaction under way. */
  #openChanges = 0;
  #error: { readonly error: unknown } | undefined;
  #given: bigint;
  #goal: bigint | undefined;
  #wake = Promise.withResolvers<void>();

  constructor(scope: Scope, since: bigint, altered: (before: Relation, now: Relation) => void) {
    this.#scope = scope;
    this.#since = since;
    this.received = since;
    this.#given = since;
    this.#altered = altered;
  }

  /** Whole transactions that were received and not given away, and since when the oldest of them waits. */
  get waiting(): { readonly transactions: number; readonly since: number | undefined } {
    return {
      transactions: this.#ready.reduce((sum, { transactions }) => sum + transactions, this.#transactions),
      since: this.#ready[0]?.committedAt ?? this.#firstAt,
    };
  }

  /** A position at or past `goal` is given at once when it comes. */
  hurry(goal: bigint): void {
    if (this.#goal === undefined || goal > this.#goal) this.#goal = goal;
    this.#wake.resolve();
  }

  get hurried(): boolean {
    return this.#goal !== undefined && this.#given < this.#goal;
  }

  async next(): Promise<ChangeBatch> {
    const rest = Date.now() + restEvery;
    for (;;) {
      const batch = this.#ready.shift();
      if (batch) {
        this.#readyBytes -= batch.bytes;
        return this.#give(batch);
      }
      if (this.#transactions > 0) return this.#give(this.#whole());
      if (this.#error) throw this.#error.error;
      const left = rest - Date.now();
      if (!this.#torn && (left <= 0 || (this.hurried && this.received >= (this.#goal ?? 0n)))) {
        return this.#give(this.#whole());
      }
      await this.#woken(this.#torn ? restEvery : left);
    }
  }

  message(buffer: Buffer, at: number, end: number): void {
    const type = buffer[at] ?? 0;
    if (changeMarks.has(type)) {
      if (this.#skipping) return;
      const relation = type === truncateMark ? -1 : (this.#indexOf.get(buffer.readUInt32BE(at + 1)) ?? notCarried);
      if (relation === notCarried) return;
      this.#openChanges++;
      if (type === truncateMark) this.#truncation(buffer, at);
      else this.#log.append(buffer, at, end, relation);
      if (this.#log.length >= batchBytes) this.#cut();
    } else if (type === beginMark) {
      this.#inTransaction = true;
      // The place of its commit: what was committed before `since` is at the target.
      this.#skipping = buffer.readBigUInt64BE(at + 1) < this.#since;
    } else if (type === commitMark) {
      this.#commit(buffer.readBigUInt64BE(at + 10), buffer.readBigInt64BE(at + 18));
    } else if (type === relationMark) {
      this.#relation(
        readRelation(buffer, at, (table, column) => this.#scope.omits(table, column), this.#scope.lenient),
      );
    }
  }

  keepalive(position: bigint): void {
    if (!this.#inTransaction && position > this.received) this.received = position;
  }

  pause(): void {
    this.#wake.resolve();
  }

  /** What was received whole is still given; then `next` throws. */
  failed(error: unknown): void {
    this.#error ??= { error };
    this.#wake.resolve();
  }

  #commit(position: bigint, time: bigint): void {
    this.#inTransaction = false;
    if (position > this.received) this.received = position;
    if (this.#skipping) return;
    this.#end = this.#log.length;
    // Without changes for us it is no more than a step of the position, unless pieces of it were given.
    if (this.#openChanges === 0 && !this.#torn) return;
    this.#torn = false;
    this.#transactions++;
    this.#changes += this.#openChanges;
    this.#openChanges = 0;
    this.#committedAt = Number(time / 1000n) + epoch2000;
    this.#firstAt ??= this.#committedAt;
    if (this.#end >= batchBytes) this.#cut();
  }

  #relation(relation: Relation): void {
    const index = this.#indexOf.get(relation.id);
    const before = index === undefined ? undefined : this.#relations[index];
    if (before && JSON.stringify(before) === JSON.stringify(relation)) return;
    if (before) this.#altered(before, relation);
    if (!this.#scope.carries(relationKey(relation))) {
      this.#indexOf.set(relation.id, notCarried);
      return;
    }
    this.#indexOf.set(relation.id, this.#relations.push(relation) - 1);
  }

  /** Its relations are named by index, those that are not carried are left out. */
  #truncation(buffer: Buffer, at: number): void {
    const count = buffer.readInt32BE(at + 1);
    const indexes: number[] = [];
    for (let i = 0; i < count; i++) {
      const index = this.#indexOf.get(buffer.readUInt32BE(at + 6 + 4 * i)) ?? notCarried;
      if (index >= 0) indexes.push(index);
    }
    if (indexes.length === 0) return;
    const message = Buffer.alloc(6 + 4 * indexes.length);
    message[0] = truncateMark;
    message.writeInt32BE(indexes.length, 1);
    message[5] = buffer[at + 5] ?? 0;
    for (const [i, index] of indexes.entries()) message.writeInt32BE(index, 6 + 4 * i);
    this.#log.append(message, 0, message.length, -1);
  }

  /** The log is full: what is whole becomes a batch, else a piece of the transaction under way. */
  #cut(): void {
    const batch = this.#transactions > 0 ? this.#whole() : this.#piece();
    this.#ready.push(batch);
    this.#readyBytes += batch.bytes;
    if (this.#readyBytes >= waitingBytes && !this.#held) {
      this.#held = true;
      this.valve?.hold();
    }
  }

  #whole(): ChangeBatch {
    const batch = {
      // Does not move within a transaction.
      position: formatLsn(this.received),
      transactions: this.#transactions,
      changes: this.#changes,
      bytes: this.#end,
      committedAt: this.#committedAt,
      content: { buffer: this.#log.take(this.#end), relations: this.#relations } satisfies ChangeLog,
    };
    this.#end = 0;
    this.#transactions = 0;
    this.#changes = 0;
    this.#committedAt = undefined;
    this.#firstAt = undefined;
    return batch;
  }

  #piece(): ChangeBatch {
    const { length } = this.#log;
    const batch = {
      position: undefined,
      transactions: 0,
      changes: this.#openChanges,
      bytes: length,
      committedAt: undefined,
      content: { buffer: this.#log.take(length), relations: this.#relations } satisfies ChangeLog,
    };
    this.#openChanges = 0;
    this.#torn = true;
    return batch;
  }

  #give(batch: ChangeBatch): ChangeBatch {
    if (batch.position !== undefined) this.#given = parseLsn(batch.position);
    if (this.#held && this.#readyBytes < batchBytes) {
      this.#held = false;
      this.valve?.goOn();
    }
    return batch;
  }

  async #woken(milliseconds: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, Math.max(milliseconds, 1))));
    await Promise.race([this.#wake.promise, late]);
    clearTimeout(timer);
    this.#wake = Promise.withResolvers();
  }
}
