import type { RunEvent } from '../model/event.ts';
import type { Chunk, Item } from '../model/item.ts';
import { MigrationError, toMigrationError } from '../model/migration-error.ts';
import type { Receipt } from '../model/receipt.ts';
import type { Step } from '../model/step.ts';
import { retry, type RetryPolicy } from '../lib/retry.ts';
import type { Ends } from '../store/ends.ts';
import type { Draft, Format } from '../store/store.ts';
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

/** A chunk is sent again this often before its run stops; the pauses add up to about half a minute. */
const policy: RetryPolicy = {
  attempts: 6,
  withinMs: 60_000,
  baseMs: 200,
  capMs: 10_000,
  retryable: (error) => error instanceof MigrationError && error.retryable && error.code !== 'item.changed',
};

/** Does one task of a step. Control returns to it after each yield when the event is durable in the journal. */
export async function* performTask(task: Task, tools: TaskTools, signal: AbortSignal): AsyncGenerator<RunEvent> {
  const { step } = task;
  switch (task.do) {
    case 'open': {
      const draft = await tools.draft(step, task.ticket);
      if (draft.published) {
        yield published(step);
      } else if (task.ticket === undefined) {
        const base = draft.base && { base: draft.base };
        yield { type: 'item.opened', step: step.seq, ticket: draft.ticket, ...base };
      }
      return;
    }
    case 'chunk': {
      const receipt = await retry(() => copyChunk(step, task.ticket, task.chunk, tools, signal), policy, signal);
      yield { type: 'chunk.written', step: step.seq, receipt };
      return;
    }
    case 'publish': {
      const draft = await tools.draft(step, task.ticket);
      await retry(() => draft.publish(task.receipts, signal), policy, signal);
      yield published(step);
      await tools.forget(step);
      return;
    }
    case 'remove': {
      const { sink } = await tools.ends(step.shipment);
      const items = step.item.members ?? [step.item];
      for (const item of items) await retry(() => sink.remove(item, signal), policy, signal);
      yield { type: 'item.removed', step: step.seq, items: items.length };
    }
  }
}

async function copyChunk(step: Step, ticket: string, chunk: Chunk, tools: TaskTools, signal: AbortSignal): Promise<Receipt> {
  const { source } = await tools.ends(step.shipment);
  const draft = await tools.draft(step, ticket);
  const payload = await source.read(chunk, step.item, step.as, formatOf(step.item), signal);
  let [bytes, rows, shownAt] = [0, 0, 0];
  const measured = measure(payload, chunk, step.item, step.as, {
    maxRejects: tools.maxQuarantine,
    onPart(partBytes, partRows) {
      bytes += partBytes;
      rows += partRows;
      const now = performance.now();
      if (now - shownAt < 100) return;
      shownAt = now;
      tools.tick({ type: 'chunk.progress', step: step.seq, worker: tools.worker, chunk: chunk.id, bytes, rows });
    },
  });
  try {
    return measured.receipt(await draft.write(chunk, measured.payload, signal));
  } catch (thrown) {
    signal.throwIfAborted();
    throw toMigrationError(thrown);
  }
}

const formatOf = (item: Item): Format => (item.kind === 'batch' ? 'members' : item.shape ? 'rows' : 'bytes');

const published = (step: Step): RunEvent => ({
  type: 'item.published',
  step: step.seq,
  items: step.item.kind === 'batch' ? 0 : 1,
});
