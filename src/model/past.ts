import type { BaseContent, RunEvent } from './event.ts';
import type { Item } from './item.ts';
import type { Into } from './job.ts';
import type { Receipt } from './receipt.ts';

/** What the journal knows of one step: all that a resume may trust, beside the sink itself (invariant 3). */
export interface PastStep {
  readonly ticket?: string;
  /** By chunk id; members of batches are left out. */
  readonly receipts: ReadonlyMap<string, Receipt>;
  /** Published or removed: nothing is left to do. */
  readonly done: boolean;
  /** Given up, and reported; tried again when the run is resumed. */
  readonly failed: boolean;
  /** How the item looked when it was begun anew, and what is to happen to what is at the target by then. */
  readonly item?: Item;
  readonly into?: Into;
  readonly base?: BaseContent;
}

export const noPast: PastStep = { receipts: new Map(), done: false, failed: false };

/** Folds a run's events by step. Memory holds one receipt per chunk of the steps that are not done. */
export class Past {
  readonly #steps = new Map<number, PastStep & { receipts: Map<string, Receipt> }>();
  readonly #positions = new Map<number, string>();
  readonly #changed = new Set<number>();
  readonly #keepReceipts: boolean;

  /** `keepReceipts`: also of steps that are done, as verification needs them. */
  constructor({ keepReceipts }: { readonly keepReceipts: boolean }) {
    this.#keepReceipts = keepReceipts;
  }

  /** Where the source of a shipment stood when the run last went on; undefined also when that was let go (''). */
  position(shipment: number): string | undefined {
    return this.#positions.get(shipment) || undefined;
  }

  /** Something of the run has been opened or carried. */
  get begun(): boolean {
    return this.#steps.size > 0;
  }

  /** Changes were applied to what the target had, which therefore is more than its chunks. */
  changed(shipment: number): boolean {
    return this.#changed.has(shipment);
  }

  of(step: number): PastStep {
    return this.#steps.get(step) ?? noPast;
  }

  add(event: RunEvent): void {
    switch (event.type) {
      case 'item.opened':
        this.#steps.set(event.step, {
          ...this.#at(event.step),
          ticket: event.ticket,
          ...(event.base && { base: event.base }),
        });
        break;
      case 'chunk.written': {
        const { members: _, ...receipt } = event.receipt;
        this.#at(event.step).receipts.set(receipt.chunk, receipt);
        break;
      }
      case 'item.published':
      case 'item.removed': {
        const receipts = this.#keepReceipts ? this.#at(event.step).receipts : new Map<string, Receipt>();
        this.#steps.set(event.step, { ...this.#at(event.step), receipts, done: true, failed: false });
        break;
      }
      case 'item.restarted':
        this.#steps.set(event.step, {
          receipts: new Map(),
          done: false,
          failed: false,
          ...(event.item && { item: event.item }),
          ...(event.into && { into: event.into }),
        });
        break;
      case 'chunks.dropped':
        for (const chunk of event.chunks) this.#at(event.step).receipts.delete(chunk);
        this.#steps.set(event.step, { ...this.#at(event.step), done: false });
        break;
      case 'snapshot.taken':
        this.#positions.set(event.shipment, event.position);
        if (event.position !== '') this.#changed.delete(event.shipment);
        break;
      case 'phase.changed':
        if (event.phase === 'following') this.#changed.add(event.shipment);
        break;
      case 'item.failed':
        this.#steps.set(event.step, { ...this.#at(event.step), failed: true });
        break;
      default:
    }
  }

  #at(step: number) {
    let past = this.#steps.get(step);
    if (!past) {
      past = { receipts: new Map(), done: false, failed: false };
      this.#steps.set(step, past);
    }
    return past;
  }
}
