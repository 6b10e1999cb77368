import type { RunEvent } from '../model/event.ts';
import type { Step } from '../model/step.ts';
import type { Ends } from '../store/ends.ts';
import type { Draft } from '../store/store.ts';
import { performTask } from './perform-task.ts';
import type { Task, Ticker, Worker } from './worker.ts';

export interface LocalWorkerOptions {
  readonly name: string;
  readonly run: string;
  readonly maxQuarantine: number;
  /** Opens a shipment's stores; called once per shipment. They are the worker's to close when `ownsEnds`. */
  readonly open: (shipment: number) => Promise<Ends>;
  readonly ownsEnds: boolean;
  readonly tick: Ticker;
}

const keptDrafts = 8;

/** Works in the thread it is made in. */
export class LocalWorker implements Worker {
  readonly name: string;
  readonly #options: LocalWorkerOptions;
  readonly #ends = new Map<number, Promise<Ends>>();
  readonly #drafts = new Map<string, Promise<Draft>>();
  /** Ends what is under way when the worker is closed. */
  readonly #closing = new AbortController();

  constructor(options: LocalWorkerOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async *do(task: Task, signal: AbortSignal): AsyncGenerator<RunEvent> {
    const { run, maxQuarantine, tick } = this.#options;
    const ended = AbortSignal.any([signal, this.#closing.signal]);
    ended.throwIfAborted();
    yield* performTask(
      task,
      {
        worker: this.name,
        run,
        maxQuarantine,
        tick,
        ends: (shipment) => this.#open(shipment),
        draft: (step, ticket) => this.#draft(step, ticket),
        forget: (step) => this.#forget(step),
      },
      ended,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    for (const draft of await Promise.allSettled(this.#drafts.values())) {
      if (draft.status === 'fulfilled') await draft.value[Symbol.asyncDispose]();
    }
    if (!this.#options.ownsEnds) return;
    for (const ends of await Promise.allSettled(this.#ends.values())) {
      if (ends.status === 'fulfilled') await ends.value[Symbol.asyncDispose]();
    }
  }

  #open(shipment: number): Promise<Ends> {
    return remember(this.#ends, shipment, () => this.#options.open(shipment));
  }

  #draft(step: Step, ticket: string | undefined): Promise<Draft> {
    const open = async () => {
      for (const key of [...this.#drafts.keys()].slice(0, -keptDrafts)) await this.#letGo(key);
      const { sink } = await this.#open(step.shipment);
      const options = { into: step.into, run: this.#options.run, step: step.seq };
      const removeKeys = step.removeKeys && { removeKeys: step.removeKeys };
      const draft = await sink.draft(step.as, ticket, { ...options, ...removeKeys }, this.#closing.signal);
      if (ticket === undefined) this.#drafts.set(`${step.seq} ${draft.ticket}`, Promise.resolve(draft));
      return draft;
    };
    return ticket === undefined ? open() : remember(this.#drafts, `${step.seq} ${ticket}`, open);
  }

  async #forget(step: Step): Promise<void> {
    for (const key of this.#drafts.keys()) if (key.startsWith(`${step.seq} `)) await this.#letGo(key);
  }

  /** A worker does one task at a time, so drafts other than the one asked for are not in use; those of steps that
   *  another worker published would otherwise pile up. */
  async #letGo(key: string): Promise<void> {
    const draft = this.#drafts.get(key);
    this.#drafts.delete(key);
    await (await draft)?.[Symbol.asyncDispose]();
  }
}

/** A failure is not remembered, so that trying again opens again. */
function remember<K, V>(known: Map<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> {
  let value = known.get(key);
  if (!value) {
    value = make();
    known.set(key, value);
    value.catch(() => known.delete(key));
  }
  return value;
}
