import { extname } from 'node:path';
import { Worker as Thread } from 'node:worker_threads';
import type { EqualFilesOptions } from '../../lib/equal-files.ts';

/** What a directory of an offer is to the two threads. */
export const state = { free: 0, begun: 1, equal: 2, differs: 3 } as const;

/** Directories that two open ones have in common, to be compared by whoever comes first: we from the front, the other
 *  thread from the end. */
export interface Offer {
  readonly source: number;
  readonly target: number;
  readonly names: readonly string[];
  /** One per name, and one that is not 0 when the other thread is through. */
  readonly states: Int32Array<SharedArrayBuffer>;
  /** Files and bytes of each directory that is equal. */
  readonly counts: Float64Array<SharedArrayBuffer>;
  readonly options: EqualFilesOptions;
}

/** Below this a thread costs more than it saves. */
const worthFiles = 2000;
const worthDirectories = 2;
/** A thread that says nothing for so long is not waited for. */
const patienceMilliseconds = 1000;

/** Compares directories in another thread while this one compares those before them. Only what is equal throughout is
 *  settled there: whatever else a directory holds is left to this thread. */
export class CompareAhead implements Disposable {
  readonly #options: EqualFilesOptions;
  #thread: Thread | undefined;
  #failed = false;
  #offer: Offer | undefined;
  #prefix = '';
  #at = 0;

  constructor(options: EqualFilesOptions) {
    this.#options = options;
  }

  /** Is it worth it to call offer()? `files`: compared so far. */
  wants(files: number): boolean {
    if (files < worthFiles || this.#failed) return false;
    return !this.#offer || Atomics.load(this.#offer.states, this.#offer.names.length) !== 0;
  }

  /** `names` are directories of both open ones, in the order in which settled() will be asked for them. */
  offer(prefix: string, source: number, target: number, names: readonly string[]): void {
    if (names.length < worthDirectories) return;
    this.#offer = {
      source,
      target,
      names,
      states: new Int32Array(new SharedArrayBuffer(4 * (names.length + 1))),
      counts: new Float64Array(new SharedArrayBuffer(16 * names.length)),
      options: this.#options,
    };
    this.#prefix = prefix;
    this.#at = 0;
    this.#thread ??= this.#start();
    this.#thread.postMessage(this.#offer);
  }

  /** Files and bytes of the directory `name` when it is known to be equal; otherwise it is the caller's to compare. */
  settled(prefix: string, name: string): { readonly files: number; readonly bytes: number } | undefined {
    const offer = this.#offer;
    if (!offer || prefix !== this.#prefix) return undefined;
    while (this.#at < offer.names.length && offer.names[this.#at] !== name) this.#at += 1;
    const at = this.#at;
    if (at === offer.names.length) return undefined;
    if (Atomics.compareExchange(offer.states, at, state.free, state.differs) === state.free) return undefined;
    Atomics.wait(offer.states, at, state.begun, patienceMilliseconds);
    if (Atomics.load(offer.states, at) !== state.equal) return undefined;
    return { files: offer.counts[2 * at] ?? 0, bytes: offer.counts[2 * at + 1] ?? 0 };
  }

  [Symbol.dispose](): void {
    this.#offer?.states.fill(state.differs);
    this.#thread?.postMessage(undefined);
  }

  #start(): Thread {
    const thread = new Thread(new URL(`./compare-thread${extname(import.meta.url)}`, import.meta.url));
    thread.on('error', () => (this.#failed = true));
    thread.unref();
    return thread;
  }
}
