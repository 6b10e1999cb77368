import { DatabaseSync } from 'node:sqlite';
import type { Difference } from '../model/difference.ts';
import type { BaseContent, RunEvent } from '../model/event.ts';
import type { ErrorRecord } from '../model/migration-error.ts';
import type { Receipt, Reject } from '../model/receipt.ts';

/** How a step ended, as its events tell it. */
export interface StepEnd {
  readonly end: 'published' | 'removed' | 'failed' | undefined;
  readonly base?: BaseContent;
  readonly equal?: boolean;
  readonly error?: ErrorRecord;
  readonly rejects?: readonly Reject[];
}

/** Receipts of so many entries stay in memory. */
const heldEntries = 65_536;

/** A run's events by step. The receipts of a large run lie in SQLite's own temporary file, which has no name and goes
 *  when this is disposed or the process ends: memory stays flat however many there are. */
export class Ledger implements Disposable {
  readonly #steps = new Map<number, StepEnd>();
  readonly #held = new Map<number, Map<string, Receipt>>();
  #heldEntries = 0;
  #opened: ReturnType<typeof openFile> | undefined;

  add(event: RunEvent): void {
    switch (event.type) {
      case 'item.opened':
        return this.#set(event.step, event.base ? { base: event.base } : {});
      case 'chunk.written':
        return this.#put(event.step, event.receipt);
      case 'chunks.dropped':
        for (const chunk of event.chunks) {
          this.#held.get(event.step)?.delete(chunk);
          this.#opened?.dropReceipt.run(event.step, chunk);
        }
        return;
      case 'item.restarted':
        this.#held.delete(event.step);
        this.#opened?.dropReceipts.run(event.step);
        this.#steps.delete(event.step);
        return;
      case 'item.published':
        return this.#end(event.step, 'published');
      case 'item.removed':
        return this.#end(event.step, 'removed');
      case 'item.failed':
        return this.#set(event.step, {
          end: 'failed',
          error: event.error,
          ...(event.rejects && { rejects: event.rejects }),
        });
      case 'item.verified':
        return this.#set(event.step, { equal: event.equal });
      case 'difference.found':
        this.#file.putDifference.run(event.shipment, JSON.stringify(event.difference));
        return;
      case 'run.started':
      case 'run.paused':
      case 'run.resumed':
      case 'run.finished':
      case 'phase.changed':
      case 'snapshot.taken':
      case 'changes.applied':
      case 'cutover.step':
      case 'backup.kept':
      case 'finding.raised':
        return;
    }
  }

  step(seq: number): StepEnd {
    return this.#steps.get(seq) ?? { end: undefined };
  }

  /** In the order recorded; of several of one chunk, the last. */
  *receipts(step: number): Generator<Receipt> {
    yield* this.#held.get(step)?.values() ?? [];
    if (!this.#opened) return;
    for (const row of this.#opened.getReceipts.iterate(step)) yield JSON.parse(String(row['receipt'])) as Receipt;
  }

  /** In the order found, each once. */
  *differences(): Generator<{ readonly shipment: number; readonly difference: Difference }> {
    if (!this.#opened) return;
    for (const row of this.#opened.getDifferences.iterate()) {
      yield { shipment: Number(row['shipment']), difference: JSON.parse(String(row['difference'])) as Difference };
    }
  }

  [Symbol.dispose](): void {
    this.#opened?.database.close();
  }

  get #file() {
    return (this.#opened ??= openFile());
  }

  #put(step: number, receipt: Receipt): void {
    const held = this.#held.get(step);
    held?.delete(receipt.chunk);
    if (this.#heldEntries >= heldEntries) {
      this.#file.putReceipt.run(step, receipt.chunk, JSON.stringify(receipt));
      return;
    }
    this.#heldEntries += receipt.members?.length ?? 1;
    if (held) held.set(receipt.chunk, receipt);
    else this.#held.set(step, new Map([[receipt.chunk, receipt]]));
  }

  #set(step: number, more: Partial<StepEnd>): void {
    this.#steps.set(step, { ...this.step(step), ...more });
  }

  /** What went wrong before an item arrived after all no longer counts. */
  #end(step: number, end: 'published' | 'removed'): void {
    const { base, equal } = this.step(step);
    this.#steps.set(step, { end, ...(base && { base }), ...(equal !== undefined && { equal }) });
  }
}

function openFile() {
  const database = new DatabaseSync('');
  database.exec(`
    PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16000;
    CREATE TABLE receipts (step INTEGER, chunk TEXT, receipt TEXT, PRIMARY KEY (step, chunk));
    CREATE TABLE differences (shipment INTEGER, difference TEXT, PRIMARY KEY (shipment, difference));
    BEGIN;
  `);
  return {
    database,
    putReceipt: database.prepare('INSERT OR REPLACE INTO receipts VALUES (?, ?, ?)'),
    dropReceipts: database.prepare('DELETE FROM receipts WHERE step = ?'),
    dropReceipt: database.prepare('DELETE FROM receipts WHERE step = ? AND chunk = ?'),
    getReceipts: database.prepare('SELECT receipt FROM receipts WHERE step = ? ORDER BY rowid'),
    putDifference: database.prepare('INSERT OR IGNORE INTO differences VALUES (?, ?)'),
    getDifferences: database.prepare('SELECT shipment, difference FROM differences ORDER BY rowid'),
  };
}
