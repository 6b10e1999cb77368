import type { Draft, Payload, Sink } from '../store/store.ts';
import type { Feed, Intake } from '../store/following.ts';
import { overlay } from '../store/overlay.ts';

/** Ends a process of the crash suite. */
export class Cut extends Error {
  constructor(place: string) {
    super(`cut: ${place}`);
    this.name = 'Cut';
  }
}

/** Falls when the given number of places has been passed; from then on nothing gets past it: the process is dead. */
export class Blade {
  readonly #at: number;
  readonly #underWay = new Set<Promise<unknown>>();
  passed = 0;
  /** Where it fell. */
  place = 'the end';
  /** Chunks that began to be written, as `step chunk`. */
  readonly written: string[] = [];

  constructor(at: number) {
    this.#at = at;
  }

  pass(place: string): void {
    if (this.passed >= this.#at) throw new Cut(this.place);
    this.passed += 1;
    if (this.passed < this.#at) return;
    this.place = place;
    throw new Cut(place);
  }

  /** Calls the store between two places. What the store did stays done when the blade falls behind it. */
  async around<T>(what: string, call: () => Promise<T>): Promise<T> {
    this.pass(`before ${what}`);
    const calling = call();
    this.#underWay.add(calling);
    try {
      return await calling;
    } finally {
      this.#underWay.delete(calling);
      this.pass(`after ${what}`);
    }
  }

  /** Asks the store something, unless the process is dead. */
  async alive<T>(call: () => Promise<T>): Promise<T> {
    if (this.passed >= this.#at) throw new Cut(this.place);
    return await call();
  }

  /** What other workers had under way has either reached the store or failed. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }
}

/** A source's side of following whose every call is a place to be cut at, but for questions that change nothing. */
export function cuttableFeed(feed: Feed, blade: Blade): Feed {
  return overlay(feed, {
    begin: (...args) => blade.around('keeping begins', () => feed.begin(...args)),
    async *changes(...args) {
      for await (const batch of feed.changes(...args)) {
        blade.pass(`a batch up to ${batch.position ?? 'somewhere in a transaction'} is read`);
        yield batch;
      }
    },
    confirm(...args) {
      blade.pass('before a position is confirmed');
      feed.confirm(...args);
    },
    lag: (...args) => blade.alive(() => feed.lag(...args)),
    freeze: (...args) => blade.around('the source is frozen', () => feed.freeze(...args)),
    thaw: (...args) => blade.around('the source is thawed', () => feed.thaw(...args)),
    counters: (...args) => blade.alive(() => feed.counters(...args)),
    end: (...args) => blade.around('keeping ends', () => feed.end(...args)),
  });
}

/** The target's side. */
export function cuttableIntake(intake: Intake, blade: Blade): Intake {
  return overlay(intake, {
    position: (...args) => blade.alive(() => intake.position(...args)),
    apply: (...args) => blade.around('a batch is applied', () => intake.apply(...args)),
    setCounters: (...args) => blade.around('counters are set', () => intake.setCounters(...args)),
    close: (...args) => blade.around('the target is closed', () => intake.close(...args)),
    open: (...args) => blade.around('the target is opened', () => intake.open(...args)),
    end: (...args) => blade.around('the target forgets the run', () => intake.end(...args)),
  });
}

/** A sink whose every call is a place to be cut at. */
export function cuttable(sink: Sink, blade: Blade): Sink {
  return overlay(sink, {
    async draft(as, ticket, options, signal) {
      const draft = await blade.around(`the draft of ${as.key} is opened`, () =>
        sink.draft(as, ticket, options, signal),
      );
      return cuttableDraft(draft, as.key, options.step, blade);
    },
    remove: (as, signal) => blade.around(`${as.key} is removed`, () => sink.remove(as, signal)),
  });
}

function cuttableDraft(draft: Draft, key: string, step: number, blade: Blade): Draft {
  return overlay(draft, {
    write: (chunk, payload, signal) =>
      blade.around(`chunk ${chunk.id} of ${key} is written`, () => {
        if (!draft.published) blade.written.push(`${step} ${chunk.id}`);
        return draft.write(chunk, cuttablePayload(payload, key, blade), signal);
      }),
    publish: (receipts, signal) => blade.around(`${key} is published`, () => draft.publish(receipts, signal)),
    discard: (signal) => blade.around(`the draft of ${key} is discarded`, () => draft.discard(signal)),
  });
}

function cuttablePayload(payload: Payload, key: string, blade: Blade): Payload {
  const parts = async function* () {
    for await (const part of payload.parts as AsyncIterable<never>) {
      yield part;
      blade.pass(`in the middle of a chunk of ${key}`);
    }
  };
  return overlay(payload, { parts: parts() });
}
