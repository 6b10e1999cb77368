import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunEvent } from '../model/event.ts';
import { codes } from '../model/codes.ts';
import { MigrationError } from '../model/migration-error.ts';
import type { Receipt } from '../model/receipt.ts';
import type { Step } from '../model/step.ts';
import type { Task, Worker } from '../move/worker.ts';
import { never } from './testing.ts';

/** What a worker is given to do, and what it has been given it with. */
export interface WorkerSubject {
  readonly worker: Worker;
  /** A copy of one item that has at least two chunks, from and to what the worker has open. */
  readonly step: Step;
  readonly chunks: readonly (Task & { readonly do: 'chunk' })['chunk'][];
  /** Says whether the item can be seen at the target. */
  visible(): Promise<boolean>;
  /** Closes what the subject opened beside the worker. */
  end?(): Promise<void>;
}

const patienceMs = 5000;

/** What every worker must do, in whatever thread or on whatever machine. `make` gives a fresh worker and fresh state. */
export function workerContract(name: string, make: () => Promise<WorkerSubject>): void {
  const check = (title: string, test: (subject: WorkerSubject) => Promise<void>): void => {
    it(title, { timeout: 60_000 }, async () => {
      const subject = await make();
      try {
        await test(subject);
      } finally {
        await subject.worker[Symbol.asyncDispose]();
        await subject.end?.();
      }
    });
  };

  describe(`worker contract: ${name}`, () => {
    check('yields what a task brought about: opened, each chunk written, published', async (subject) => {
      const { worker, step } = subject;
      const ticket = await open(subject);
      const receipts = await writeAll(subject, ticket);
      assert.equal(await subject.visible(), false);
      const events = await all(worker, { do: 'publish', step, ticket, receipts });
      assert.deepEqual(events, [{ type: 'item.published', step: step.seq, items: 1 }]);
      assert.equal(await subject.visible(), true);
    });

    check('yields that an item is published when it is opened and an earlier life did it', async (subject) => {
      const { worker, step } = subject;
      const ticket = await open(subject);
      const receipts = await writeAll(subject, ticket);
      await all(worker, { do: 'publish', step, ticket, receipts });
      assert.deepEqual(await all(worker, { do: 'open', step, ticket }), [
        { type: 'item.published', step: step.seq, items: 1 },
      ]);
    });

    check('says nothing when it opens a draft that is known and not published', async (subject) => {
      const ticket = await open(subject);
      assert.deepEqual(await all(subject.worker, { do: 'open', step: subject.step, ticket }), []);
    });

    check('yields that an item is removed', async (subject) => {
      const { worker, step } = subject;
      const ticket = await open(subject);
      await all(worker, { do: 'publish', step, ticket, receipts: await writeAll(subject, ticket) });
      const removal: Step = { ...step, action: 'remove', item: step.as };
      assert.deepEqual(await all(worker, { do: 'remove', step: removal }), [
        { type: 'item.removed', step: step.seq, items: 1 },
      ]);
      assert.equal(await subject.visible(), false);
    });

    check('gives its events to a consumer that takes its time to journal them', async ({ worker, step }) => {
      const slow: string[] = [];
      for await (const event of worker.do({ do: 'open', step }, never)) {
        await delay(50);
        slow.push(event.type);
      }
      assert.deepEqual(slow, ['item.opened']);
    });

    check('can be used after a consumer left in the middle of a task', async (subject) => {
      const { worker, step } = subject;
      for await (const _ of worker.do({ do: 'open', step }, never)) break;
      const ticket = await inTime(open(subject));
      await all(worker, { do: 'publish', step, ticket, receipts: await writeAll(subject, ticket) });
      assert.equal(await subject.visible(), true);
    });

    check('throws MigrationErrors with their code, and does the next task as if nothing had been', async (subject) => {
      const { worker, step, chunks } = subject;
      const [chunk] = chunks;
      assert.ok(chunk);
      const ticket = await open(subject);
      const receipts = [{ chunk: 'never-written', bytes: 1, rows: 1, digest: 'none' }];
      const error = await failure(all(worker, { do: 'publish', step, ticket, receipts }));
      assert.equal(error.code, 'draft.lost');
      assert.ok(error.code in codes);
      const lost = await failure(all(worker, { do: 'chunk', step, ticket: 'no-such-ticket', chunk }));
      assert.equal(lost.code, 'draft.lost');
      const good = await writeAll(subject, ticket);
      await all(worker, { do: 'publish', step, ticket, receipts: good });
      assert.equal(await subject.visible(), true);
    });

    check('ends soon, with an error, when it is aborted before or during a task', async (subject) => {
      const { worker, step, chunks } = subject;
      const [chunk] = chunks;
      assert.ok(chunk);
      const ticket = await open(subject);
      await inTime(assert.rejects(all(worker, { do: 'chunk', step, ticket, chunk }, AbortSignal.abort())));
      const stop = new AbortController();
      const during = all(worker, { do: 'chunk', step, ticket, chunk }, stop.signal).catch(() => []);
      stop.abort();
      await inTime(during);
      // What was aborted can be done again.
      await all(worker, { do: 'publish', step, ticket, receipts: await writeAll(subject, ticket) });
      assert.equal(await subject.visible(), true);
    });

    check('closes in time, also twice, and takes no task afterwards', async ({ worker, step }) => {
      await inTime(worker[Symbol.asyncDispose]());
      await inTime(worker[Symbol.asyncDispose]());
      await inTime(assert.rejects(all(worker, { do: 'open', step })));
    });
  });
}

async function all(worker: Worker, task: Task, signal = never): Promise<RunEvent[]> {
  return Array.fromAsync(worker.do(task, signal));
}

async function open({ worker, step }: WorkerSubject): Promise<string> {
  const events = await all(worker, { do: 'open', step });
  const [event] = events;
  assert.equal(events.length, 1);
  assert.ok(event?.type === 'item.opened', `open gave ${event?.type}`);
  assert.equal(event.step, step.seq);
  return event.ticket;
}

async function writeAll({ worker, step, chunks }: WorkerSubject, ticket: string): Promise<Receipt[]> {
  const receipts: Receipt[] = [];
  for (const chunk of chunks) {
    const [event, ...more] = await all(worker, { do: 'chunk', step, ticket, chunk });
    assert.ok(event?.type === 'chunk.written' && more.length === 0);
    assert.equal(event.receipt.chunk, chunk.id);
    receipts.push(event.receipt);
  }
  return receipts;
}

async function failure(doing: Promise<unknown>): Promise<MigrationError> {
  const error = await doing.then(
    () => assert.fail('it should have failed'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof MigrationError, String(error));
  return error;
}

async function inTime<T>(work: PromiseLike<T>): Promise<T> {
  const late = new AbortController();
  const deadline = delay(patienceMs, undefined, { signal: late.signal }).then(
    () => assert.fail(`not within ${patienceMs} ms`),
    () => undefined as never,
  );
  try {
    return await Promise.race([work, deadline]);
  } finally {
    late.abort();
  }
}
