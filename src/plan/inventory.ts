import type { Finding } from '../model/finding.ts';
import type { Item } from '../model/item.ts';
import type { Shipment } from '../model/job.ts';
import type { PlanTotals, Totals } from '../journal/journal.ts';
import type { PlannedShipment } from './plan.ts';

const shownLargest = 20;
const keptFindings = 200;

/** What a shipment's plan adds up to, in flat memory. */
export class Tally {
  readonly #sums = { copy: emptyTotals(), keep: emptyTotals(), remove: emptyTotals() };
  readonly #kinds: Record<string, number> = {};
  #largest: Item[] = [];
  readonly findings: Finding[] = [];
  #findingsLeftOut = 0;

  add(action: 'copy' | 'keep' | 'remove', item: Item, content: { bytes?: number; rows?: number } = {}): void {
    const sum = this.#sums[action];
    sum.items += 1;
    sum.bytes += content.bytes ?? item.bytes;
    sum.rows += content.rows ?? item.rows ?? 0;
    this.#kinds[item.kind] = (this.#kinds[item.kind] ?? 0) + 1;
    if (action === 'copy' && item.bytes > (this.#largest.at(-1)?.bytes ?? -1)) this.#insert(item);
  }

  /** Files that were only counted (Source.differing). */
  keepFiles({ files, bytes }: { readonly files: number; readonly bytes: number }): void {
    if (files === 0) return;
    this.#sums.keep.items += files;
    this.#sums.keep.bytes += bytes;
    this.#kinds['file'] = (this.#kinds['file'] ?? 0) + files;
  }

  readonly report = (finding: Finding): void => {
    if (this.findings.length < keptFindings || finding.level === 'error') this.findings.push(finding);
    else this.#findingsLeftOut += 1;
  };

  totals(): PlanTotals {
    return this.#sums;
  }

  finish(shipment: Shipment, estimatedSeconds: number | undefined): PlannedShipment {
    if (this.#findingsLeftOut > 0) {
      const message = `${this.#findingsLeftOut} more findings of the same kinds are left out.`;
      this.findings.push({ level: 'warning', code: 'plan.more-findings', message });
    }
    return {
      shipment,
      totals: estimatedSeconds === undefined ? this.#sums : { ...this.#sums, estimatedSeconds },
      largest: this.#largest.map(({ key, kind, bytes, rows }) =>
        rows === undefined ? { key, kind, bytes } : { key, kind, bytes, rows },
      ),
      kinds: this.#kinds,
    };
  }

  #insert(item: Item): void {
    if (this.#largest.length >= shownLargest && item.bytes === 0) return;
    this.#largest.push(item);
    this.#largest.sort((a, b) => b.bytes - a.bytes);
    this.#largest = this.#largest.slice(0, shownLargest);
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const emptyTotals = (): Mutable<Totals> => ({ items: 0, bytes: 0, rows: 0 });

export const addTotals = (a: Totals, b: Totals): Totals => ({
  items: a.items + b.items,
  bytes: a.bytes + b.bytes,
  rows: a.rows + b.rows,
});
