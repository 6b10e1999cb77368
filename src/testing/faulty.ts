import { setTimeout as delay } from 'node:timers/promises';
import type { ErrorCode } from '../model/codes.ts';
import { MigrationError } from '../model/migration-error.ts';
import { overlay } from '../store/overlay.ts';
import type { Draft, FilePart, Member, Payload, Sink, Source, Store } from '../store/store.ts';

/** What goes wrong, when. Calls of one kind are counted from 1 over the whole store. */
export interface Fault {
  readonly on: 'list' | 'read' | 'draft' | 'write' | 'publish' | 'digest';
  readonly nth: number;
  /** This many calls in a row; `Infinity` for all that follow. Default 1. */
  readonly times?: number;
  readonly what: Accident;
}

export type Accident =
  /** The call is refused, before anything happens. */
  | { readonly kind: 'refused'; readonly code: ErrorCode }
  /** The call is done and its answer is lost (not for read). */
  | { readonly kind: 'answer-lost'; readonly code: ErrorCode }
  /** read, write: the content breaks off after its first part. */
  | { readonly kind: 'broken-off'; readonly code: ErrorCode }
  /** read, write: the last part is missing, and nobody says so. */
  | { readonly kind: 'short' }
  /** write: one bit of what is stored is not the one that was sent. */
  | { readonly kind: 'flipped' }
  /** read, write: every part takes this long. */
  | { readonly kind: 'slow'; readonly ms: number };

/** A real store in which the given things go wrong. */
export function faulty<S extends Store>(store: S, faults: readonly Fault[]): S {
  const counts = new Map<Fault['on'], number>();
  const next = (on: Fault['on']): Accident | undefined => {
    const call = (counts.get(on) ?? 0) + 1;
    counts.set(on, call);
    return faults.find((fault) => fault.on === on && call >= fault.nth && call < fault.nth + (fault.times ?? 1))?.what;
  };
  return overlay<Store>(store, {
    get source() {
      return store.source && faultySource(store.source, next);
    },
    get sink() {
      return store.sink && faultySink(store.sink, next);
    },
  }) as S;
}

type Next = (on: Fault['on']) => Accident | undefined;

const fail = (code: ErrorCode, what: string): MigrationError =>
  new MigrationError(code, `A fault that the test asked for: ${what}.`);

async function around<T>(next: Next, on: Fault['on'], call: () => Promise<T>): Promise<T> {
  const accident = next(on);
  if (accident?.kind === 'refused') throw fail(accident.code, `${on} was refused`);
  const result = await call();
  if (accident?.kind === 'answer-lost') throw fail(accident.code, `the answer to ${on} was lost`);
  return result;
}

function faultySource(source: Source, next: Next): Source {
  return overlay(source, {
    async *list(report, signal) {
      const accident = next('list');
      if (accident?.kind === 'refused') throw fail(accident.code, 'list was refused');
      for await (const page of source.list(report, signal)) {
        yield page;
        if (accident?.kind === 'broken-off') throw fail(accident.code, 'the list broke off');
      }
    },
    async read(chunk, item, as, format, signal) {
      const accident = next('read');
      if (accident?.kind === 'refused') throw fail(accident.code, 'read was refused');
      const payload = await source.read(chunk, item, as, format, signal);
      return accident ? spoiled(payload, accident, signal) : payload;
    },
    digest: (item, as, signal) =>
      around(next, 'digest', async () => {
        const digest = await source.digest?.(item, as, signal);
        if (!digest) throw new TypeError('the store has no digests');
        return digest;
      }),
  });
}

function faultySink(sink: Sink, next: Next): Sink {
  return overlay(sink, {
    draft: async (as, ticket, options, signal) =>
      faultyDraft(await around(next, 'draft', () => sink.draft(as, ticket, options, signal)), next),
  });
}

function faultyDraft(draft: Draft, next: Next): Draft {
  return overlay(draft, {
    async write(chunk, payload, signal) {
      const accident = next('write');
      if (accident?.kind === 'refused') throw fail(accident.code, 'write was refused');
      const stored = await draft.write(chunk, accident ? spoiled(payload, accident, signal) : payload, signal);
      if (accident?.kind === 'answer-lost') throw fail(accident.code, 'the answer to write was lost');
      return stored;
    },
    publish: (receipts, signal) => around(next, 'publish', () => draft.publish(receipts, signal)),
  });
}

type Part = FilePart | Uint8Array | readonly Member[];

function spoiled(payload: Payload, accident: Accident, signal: AbortSignal): Payload {
  const parts = payload.parts as AsyncIterable<Part>;
  return overlay(payload, { parts: spoil(parts, accident, signal) as never });
}

async function* spoil(parts: AsyncIterable<Part>, accident: Accident, signal: AbortSignal): AsyncGenerator<Part> {
  let held: Part | undefined;
  let first = true;
  for await (const part of parts) {
    switch (accident.kind) {
      case 'short':
        if (held) yield held;
        held = copied(part);
        break;
      case 'slow':
        await delay(accident.ms, undefined, { signal });
        yield part;
        break;
      case 'flipped':
        yield first ? flipped(part) : part;
        break;
      case 'broken-off':
        yield part;
        throw fail(accident.code, 'the content broke off');
      case 'refused':
      case 'answer-lost':
        yield part;
    }
    first = false;
  }
  // Of a file the last part is cut short; whole rows or entries are left out.
  if (held && 'offset' in held && held.bytes.length > 1)
    yield { ...held, bytes: held.bytes.subarray(0, held.bytes.length >> 1) };
  else if (held instanceof Uint8Array && held.length > 0) yield held.subarray(0, held.length - 1);
}

/** A part may be overwritten once the next one is asked for. */
function copied(part: Part): Part {
  if (part instanceof Uint8Array) return new Uint8Array(part);
  return 'offset' in part ? { ...part, bytes: new Uint8Array(part.bytes) } : part;
}

/** The lowest bit of the last byte: rows stay rows. */
function flipped(part: Part): Part {
  const flip = (bytes: Uint8Array): Uint8Array => {
    const copy = new Uint8Array(bytes);
    const last = copy.length - 1;
    copy[last] = (copy[last] ?? 0) ^ 1;
    return copy;
  };
  if (part instanceof Uint8Array) return flip(part);
  if ('offset' in part) return { ...part, bytes: flip(part.bytes) };
  return part.map((member) => (member.bytes.length > 0 ? { ...member, bytes: flip(member.bytes) } : member));
}
