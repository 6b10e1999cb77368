import type { RunEvent } from '../model/event.ts';
import type { Chunk, Item } from '../model/item.ts';
import { toMigrationError } from '../model/migration-error.ts';
import type { Receipt } from '../model/receipt.ts';
import type { Step } from '../model/step.ts';
import { retry, type RetryPolicy } from '../lib/retry.ts';
import type { Ends } from '../store/ends.ts';
import { defaultRetryPolicy, isRetryable } from '../store/retrying.ts';
import type { Draft, Format } from '../store/store.ts';
import { observedSource, type Seen } from '../store/observed.ts';
import { measure } from './measure.ts';
import type { Task, Ticker } from './worker.ts';

export interface TaskTools {
  readonly worker: string;
  readonly run: string;
  readonly maxQuarantine: number;
  /** The worker's own stores of a shipment, opened once. */
  ends(shipment: number): Promise<Ends>;
  /** The worker's draft of a step; opened once and kept while the step lasts. */
  draft(step: Step, ticket: string | undefined): Promise<Draft>;
  /** The step is over: its draft is let go. */
  forget(step: Step): Promise<void>;
  readonly tick: Ticker;
}

/** A chunk is read and sent again as a whole; an item that changed is the coordinator's to begin anew. */
const policy: RetryPolicy = {
  ...defaultRetryPolicy,
  retryable: (error) => isRetryable(error) && toMigrationError(error).code !== 'item.changed',
};

/** Does one task of a step. Control returns to it after each yield when the event is durable in the journal. */
export async function* performTask(task: Task, tools: TaskTools, signal: AbortSignal): AsyncGenerator<RunEvent> {
  const { step } = task;
  switch (task.do) {
    case 'open': {
      yield* opened(step, await tools.draft(step, task.ticket), task.ticket);
      return;
    }
    case 'chunk': {
      const receipt = await retry(() => copyChunk(step, task.ticket, task.chunk, tools, signal), policy, signal);
      yield { type: 'chunk.written', step: step.seq, receipt };
      return;
    }
    case 'publish': {
      yield* publish(step, task.ticket, task.receipts, tools, signal);
      return;
    }
    case 'whole': {
      const draft = await tools.draft(step, task.ticket);
      yield* opened(step, draft, task.ticket);
      if (draft.published) return;
      const receipts = [...task.receipts];
      for (const chunk of task.chunks) {
        const receipt = await retry(() => copyChunk(step, draft.ticket, chunk, tools, signal), policy, signal);
        receipts.push(receipt);
        yield { type: 'chunk.written', step: step.seq, receipt };
      }
      yield* publish(step, draft.ticket, receipts, tools, signal);
      return;
    }
    case 'remove': {
      const { sink } = await tools.ends(step.shipment);
      const items = step.item.members ?? [step.item];
      for (const item of items) await sink.remove(item, signal);
      yield { type: 'item.removed', step: step.seq, items: items.length };
    }
  }
}

function* opened(step: Step, draft: Draft, ticket: string | undefined): Generator<RunEvent> {
  if (draft.published) {
    yield published(step);
  } else if (ticket === undefined) {
    const base = draft.base && { base: draft.base };
    yield { type: 'item.opened', step: step.seq, ticket: draft.ticket, ...base };
  }
}

async function* publish(
  step: Step,
  ticket: string,
  receipts: readonly Receipt[],
  tools: TaskTools,
  signal: AbortSignal,
): AsyncGenerator<RunEvent> {
  const draft = await tools.draft(step, ticket);
  await draft.publish(receipts, signal);
  yield published(step);
  await tools.forget(step);
}

async function copyChunk(
  step: Step,
  ticket: string,
  chunk: Chunk,
  tools: TaskTools,
  signal: AbortSignal,
): Promise<Receipt> {
  const ends = await tools.ends(step.shipment);
  const draft = await tools.draft(step, ticket);
  const source = observedSource(ends.source, ticking(step, tools));
  const payload = await source.read(chunk, step.item, step.as, formatOf(step.item), signal);
  const measured = measure(payload, chunk, step.item, step.as, tools.maxQuarantine);
  try {
    return measured.receipt(await draft.write(chunk, measured.payload, signal));
  } catch (thrown) {
    signal.throwIfAborted();
    throw toMigrationError(thrown);
  }
}

/** At most ten figures a second. */
function ticking(step: Step, { worker, tick }: TaskTools): (seen: Seen) => void {
  let shownAt = 0;
  return ({ chunk, bytes, rows }) => {
    const now = performance.now();
    if (now - shownAt < 100) return;
    shownAt = now;
    tick({ type: 'chunk.progress', step: step.seq, worker, item: step.item.key, chunk: chunk.id, bytes, rows });
  };
}

const formatOf = (item: Item): Format => (item.kind === 'batch' ? 'members' : item.shape ? 'rows' : 'bytes');

const published = (step: Step): RunEvent => ({
  type: 'item.published',
  step: step.seq,
  items: step.item.kind === 'batch' ? 0 : 1,
});
