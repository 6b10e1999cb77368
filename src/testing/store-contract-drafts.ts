import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Item } from '../model/item.ts';
import { carriedColumns } from '../model/shape.ts';
import { createRowMarker, type RowMarks } from '../store/rows/row-digest.ts';
import type { FilePart, Payload, Sink, Store } from '../store/store.ts';
import type { ContractContext } from './store-contract.ts';
import { begin, contentOf, formatOf, listed, never, stateOf, writeAll, writeChunk } from './testing.ts';

/** For one file and one table each: both have several chunks. */
export function draftChecks(context: ContractContext): void {
  const { holds } = context.subject;
  if (holds !== 'tables') describe('of a file', () => checksFor('holes.img', context));
  if (holds !== 'entries') describe('of a table', () => checksFor('people', context));
}

function checksFor(key: string, context: ContractContext): void {
  const sample = (): Item => {
    const found = context.samples.find(({ item }) => item.key === key);
    if (!found) throw new Error(`there is no sample ${key}`);
    return found.item;
  };
  const source = () => context.memory().source;
  const item = async (): Promise<Item> => (await source().look?.(sample(), never)) ?? sample();
  const start = async (sink: Sink, more = {}) => begin({ source: source(), sink, item: await item(), ...more });
  const isWhole = async (store: Required<Store>): Promise<void> => {
    const as = store.sink.adapt(await item()).item;
    const found = (await listed(store.source)).find((each) => each.key === as.key);
    assert.ok(found, `${as.key} is not there`);
    assert.equal(await contentOf(store.source, found, as), await contentOf(source(), await item(), as));
  };
  const isNothing = async (store: Required<Store>): Promise<void> => assert.deepEqual(await stateOf(store), {});

  it('shows nothing before it is published, and everything after', async () => {
    const store = await context.fresh();
    const begun = await start(store.sink);
    assert.ok(begun.chunks.length > 1, 'the sample has several chunks');
    await isNothing(store);
    const receipts = await writeAll(begun);
    await isNothing(store);
    assert.equal(await store.sink.exists(begun.as, never), false);
    await begun.draft.publish(receipts, never);
    await isWhole(store);
    assert.equal(await store.sink.exists(begun.as, never), true);
  });

  it('takes a chunk that is written twice once', async () => {
    const store = await context.fresh();
    const begun = await start(store.sink);
    await writeAll(begun);
    const receipts = await writeAll(begun);
    await begun.draft.publish(receipts, never);
    await isWhole(store);
  });

  it('takes chunks in any order and several at once', async () => {
    const store = await context.fresh();
    const begun = await start(store.sink);
    const receipts = await Promise.all(begun.chunks.toReversed().map((chunk) => writeChunk(begun, begun.draft, chunk)));
    await begun.draft.publish(receipts, never);
    await isWhole(store);
  });

  it('can be written by two who opened it with one ticket', async () => {
    const store = await context.fresh();
    const begun = await start(store.sink);
    const other = await context.open();
    await using second = await other.sink.draft(begun.as, begun.draft.ticket, begun.options, never);
    const receipts = await Promise.all(
      begun.chunks.map((chunk, i) => writeChunk(begun, i % 2 === 0 ? begun.draft : second, chunk)),
    );
    await second.publish(receipts, never);
    await isWhole(store);
  });

  it('is found again by its ticket after everything was dropped, and goes on', async () => {
    const first = await context.fresh();
    const begun = await start(first.sink);
    const [one, ...others] = begun.chunks;
    assert.ok(one);
    const receipts = [await writeChunk(begun, begun.draft, one)];
    await first[Symbol.asyncDispose]();
    const store = await context.open();
    await isNothing(store);
    await using draft = await store.sink.draft(begun.as, begun.draft.ticket, begun.options, never);
    assert.equal(draft.published, false);
    for (const chunk of others) receipts.push(await writeChunk(begun, draft, chunk));
    await draft.publish(receipts, never);
    await isWhole(store);
  });

  it('can be published by another than who wrote it', async () => {
    const first = await context.fresh();
    const begun = await start(first.sink);
    const receipts = await writeAll(begun);
    await first[Symbol.asyncDispose]();
    const store = await context.open();
    await using draft = await store.sink.draft(begun.as, begun.draft.ticket, begun.options, never);
    await draft.publish(receipts, never);
    await isWhole(store);
  });

  it('is published once, however often it is told to', async () => {
    const store = await context.fresh();
    const begun = await start(store.sink, { into: 'append' });
    const receipts = await writeAll(begun);
    await begun.draft.publish(receipts, never);
    await begun.draft.publish(receipts, never);
    await isWhole(store);
  });

  it('knows by its ticket that an earlier life published it; then nothing changes any more', async () => {
    const first = await context.fresh();
    const begun = await start(first.sink, { into: 'append' });
    const receipts = await writeAll(begun);
    await begun.draft.publish(receipts, never);
    await first[Symbol.asyncDispose]();
    const store = await context.open();
    await using draft = await store.sink.draft(begun.as, begun.draft.ticket, begun.options, never);
    assert.equal(draft.published, true);
    for (const chunk of begun.chunks) {
      const payload = await begun.source.read(chunk, begun.item, begun.as, formatOf(begun.item), never);
      await draft.write(chunk, payload, never);
    }
    await draft.publish(receipts, never);
    await isWhole(store);
  });

  it('is lost, and says so, when its ticket is not known', async () => {
    const store = await context.fresh();
    const begun = await start(store.sink);
    const ticket = begun.draft.ticket;
    await begun.draft.discard(never);
    await begun.draft[Symbol.asyncDispose]();
    const finding = async (): Promise<void> => {
      await using draft = await store.sink.draft(begun.as, ticket, begun.options, never);
      if (draft.published) assert.fail('it was never published');
      await draft.publish([{ chunk: begun.chunks[0]?.id ?? '', bytes: 1, rows: 1, digest: 'none' }], never);
    };
    await assert.rejects(finding(), { code: 'draft.lost' });
    await isNothing(store);
  });

  it('publishes no less than its receipts promise', async () => {
    const store = await context.fresh();
    const begun = await start(store.sink);
    const [first, ...others] = begun.chunks;
    assert.ok(first);
    const receipts = [];
    for (const chunk of others) receipts.push(await writeChunk(begun, begun.draft, chunk));
    const promised = { chunk: first.id, bytes: first.bytes, rows: first.rows ?? 0, digest: 'none' };
    await assert.rejects(begun.draft.publish([promised, ...receipts], never), { code: 'draft.lost' });
    await isNothing(store);
  });

  it('leaves the target as it was when it is discarded', async () => {
    const store = await context.filled();
    const before = await stateOf(store);
    const begun = await start(store.sink, { into: 'replace' });
    await writeAll(begun);
    await begun.draft.discard(never);
    await begun.draft[Symbol.asyncDispose]();
    assert.deepEqual(await stateOf(store), before);
  });

  for (const [how, broken] of [
    [
      'is aborted',
      (payload: Payload, stop: AbortController) => cut(payload, () => stop.abort(new Error('broken off'))),
    ],
    [
      'breaks off',
      (payload: Payload) =>
        cut(payload, () => {
          throw new Error('broken off');
        }),
    ],
  ] as const) {
    it(`keeps nothing of a chunk that ${how}, and can still be used`, async () => {
      const store = await context.fresh();
      const begun = await start(store.sink);
      const [first] = begun.chunks;
      assert.ok(first);
      const stop = new AbortController();
      const writing = writeChunk(begun, begun.draft, first, {
        signal: stop.signal,
        alter: (payload) => broken(inSmallParts(payload, begun.as), stop),
      });
      await assert.rejects(writing);
      await isNothing(store);
      const receipts = await writeAll(begun);
      await begun.draft.publish(receipts, never);
      await isWhole(store);
    });
  }

  it('is swept away with its run, and only with its own', async () => {
    const store = await context.fresh();
    const mine = await start(store.sink, { run: 'r1aaaa', step: 1 });
    const theirs = await start(store.sink, { run: 'r1bbbb', step: 1 });
    await writeAll(mine);
    const receipts = await writeAll(theirs);
    await mine.draft[Symbol.asyncDispose]();
    await store.sink.sweep('r1aaaa', never);
    await store.sink.sweep('r1aaaa', never);
    await isNothing(store);
    await theirs.draft.publish(receipts, never);
    await isWhole(store);
    await store.sink.sweep('r1bbbb', never);
    await isWhole(store);
  });
}

/** The payload up to the accident, which comes after its first part. */
function cut(payload: Payload, accident: () => void): Payload {
  const parts = async function* () {
    for await (const part of payload.parts as AsyncIterable<never>) {
      yield part;
      accident();
    }
  };
  return { ...payload, parts: parts() };
}

/** The same content in parts of 4 KiB, or of one row each. */
function inSmallParts(payload: Payload, { shape }: Item): Payload {
  const marker = shape && createRowMarker(carriedColumns(shape).length, []);
  const parts = async function* () {
    for await (const part of payload.parts as AsyncIterable<Uint8Array | FilePart>) {
      if (!(part instanceof Uint8Array)) yield* pieces(part);
      else if (marker) yield* singleRows(part, marker.mark(part));
    }
  };
  return { ...payload, parts: parts() } as Payload;
}

const pieces = ({ offset, bytes }: FilePart): FilePart[] =>
  Array.from({ length: Math.ceil(bytes.length / 4096) }, (_, i) => ({
    offset: offset + i * 4096,
    bytes: bytes.subarray(i * 4096, (i + 1) * 4096),
  }));

const singleRows = (part: Uint8Array, marks: RowMarks): Uint8Array[] =>
  Array.from({ length: marks.rows }, (_, row) =>
    part.subarray(marks.offset(row), row + 1 < marks.rows ? marks.offset(row + 1) : part.length),
  );
