import { Spool } from '../lib/spool.ts';
import { stages, type Item, type Stage } from '../model/item.ts';
import type { Into } from '../model/job.ts';
import type { Step } from '../model/step.ts';

/** A batch ends at whichever comes first. Every batch costs one sync of the target's file system, during which other
 *  workers cannot create files: with 2 048 entries 50 000 files took a third longer (bench/small-files.ts). A crash
 *  repeats at most one batch per worker, about a second of work. */
const batchMembers = 8192;
const batchBytes = 256 * 1024 * 1024;
/** Larger files travel as items of their own, in chunks. */
const smallBytes = 1024 * 1024;

/** A plan of this many entries stays in memory; a larger one goes to a temporary file. */
const heldEntries = 65_536;

/** Tables from this size on come first, the largest before the others: started last, it would leave one worker alone
 *  with it at the end. The rest stays in the order of its keys. */
const largeTableBytes = 64 * 1024 * 1024;

type Draftable = Omit<Step, 'seq' | 'shipment'>;

/** Collects a shipment's steps by stage, small tree entries packed into batches, flat in memory. */
export class StepList implements Disposable {
  readonly #shipment: number;
  readonly #into: Into;
  readonly #removals = createSpool();
  #removing: Item[] = [];
  #largest: Draftable | undefined;
  readonly #stages = new Map<Stage, { steps: Spool<Draftable>; large: Draftable[]; batch: Item[]; bytes: number }>();

  constructor(shipment: number, into: Into) {
    this.#shipment = shipment;
    this.#into = into;
    for (const stage of stages) this.#stages.set(stage, { steps: createSpool(), large: [], batch: [], bytes: 0 });
  }

  copy(item: Item, as: Item, extra: Partial<Pick<Step, 'chunks' | 'removeKeys' | 'into'>> = {}): void {
    const stage = this.#stage(item.stage);
    if (!batchable(item)) {
      const step: Draftable = { action: 'copy', item, as, into: this.#into, ...extra };
      if (item.bytes > (this.#largest?.item.bytes ?? 0) && !step.chunks) this.#largest = step;
      if (item.kind === 'table' && item.bytes >= largeTableBytes) stage.large.push(step);
      else stage.steps.push(step);
      return;
    }
    // A tree entry keeps its name at the target (adapt() refuses it otherwise), so one item stands for both ends.
    stage.batch.push(item);
    stage.bytes += item.bytes;
    if (stage.batch.length >= batchMembers || stage.bytes >= batchBytes) this.#closeBatch(item.stage);
  }

  /** Removals run in the order given, after everything is copied and before directories get their final times. */
  remove(item: Item): void {
    this.#removing.push(item);
    if (this.#removing.length >= batchMembers) this.#closeRemovals();
  }

  /** The step with the most bytes that copies an item whole. */
  largest(): Draftable | undefined {
    return this.#largest;
  }

  /** All steps in running order, numbered from `first`. */
  *steps(first: number): Generator<Step> {
    let seq = first;
    this.#closeRemovals();
    for (const stage of stages) {
      this.#closeBatch(stage);
      if (stage === 'last') for (const step of this.#removals) yield { seq: seq++, shipment: this.#shipment, ...step };
      const { large, steps } = this.#stage(stage);
      const ordered = large.toSorted((a, b) => b.item.bytes - a.item.bytes);
      for (const step of ordered) yield { seq: seq++, shipment: this.#shipment, ...step };
      for (const step of steps) yield { seq: seq++, shipment: this.#shipment, ...step };
    }
  }

  [Symbol.dispose](): void {
    this.#removals[Symbol.dispose]();
    for (const { steps } of this.#stages.values()) steps[Symbol.dispose]();
  }

  #stage(stage: Stage) {
    const found = this.#stages.get(stage);
    if (!found) throw new Error(`unknown stage ${stage}`);
    return found;
  }

  #closeBatch(name: Stage): void {
    const stage = this.#stage(name);
    if (stage.batch.length === 0) return;
    const item = batchOf(stage.batch, name, stage.bytes);
    stage.steps.push({ action: 'copy', item, as: item, into: this.#into });
    stage.batch = [];
    stage.bytes = 0;
  }

  #closeRemovals(): void {
    if (this.#removing.length === 0) return;
    const item = batchOf(this.#removing, 'last', 0);
    this.#removals.push({ action: 'remove', item, as: item, into: this.#into });
    this.#removing = [];
  }
}

const createSpool = (): Spool<Draftable> =>
  new Spool({ held: heldEntries, weigh: ({ item }) => item.members?.length ?? 1 });

const batchOf = (members: readonly Item[], stage: Stage, bytes: number): Item => {
  const [first, last] = [members[0]?.key ?? '', members.at(-1)?.key ?? ''];
  return { key: first === last ? first : `${first} … ${last}`, kind: 'batch', stage, bytes, members };
};

const batchable = (item: Item): boolean =>
  item.entry !== undefined && (item.kind !== 'file' || item.bytes <= smallBytes);
