import { MigrationError, toMigrationError } from '../model/migration-error.ts';
import type { Chunk } from '../model/item.ts';
import type { Receipt } from '../model/receipt.ts';
import type { Step } from '../model/step.ts';
import { Lanes } from '../lib/lanes.ts';
import type { Crew } from './move.ts';
import { noPast, type PastStep } from '../model/past.ts';

/** Begun anew this often, an item is given up: its source changes faster than it can be read. */
const lives = 4;

/** Moves one item, whole or not at all, going on from what the journal knows of it. Throws what stopped it. */
export async function moveItem(planned: Step, past: PastStep, crew: Crew): Promise<void> {
  let step: Step = { ...planned, ...(past.item && { item: past.item }), ...(past.into && { into: past.into }) };
  let known = past;
  for (let life = 1; ; life++) {
    try {
      await moveOnce(step, known, crew);
      return;
    } catch (thrown) {
      const error = toMigrationError(thrown);
      const anew = error.code === 'draft.lost' || (error.code === 'item.changed' && step.item.kind !== 'batch');
      if (!anew || life >= lives) throw error;
      step = await renew(step, error, crew);
      known = noPast;
    }
  }
}

async function moveOnce(step: Step, past: PastStep, crew: Crew): Promise<void> {
  if (step.action === 'remove') {
    await crew.dispatch({ do: 'remove', step });
    return;
  }
  const alone = chunksOfOneWorker(step);
  if (alone) {
    const receipts = [...past.receipts.values()];
    const chunks = alone.filter(({ id }) => !past.receipts.has(id));
    await crew.dispatch({
      do: 'whole',
      step,
      chunks,
      receipts,
      ...(past.ticket !== undefined && { ticket: past.ticket }),
    });
    return;
  }
  const opened = await crew.dispatch({ do: 'open', step, ...(past.ticket !== undefined && { ticket: past.ticket }) });
  // An earlier life published it and died before the journal knew (the crash that lost data in the first sketch).
  if (opened.some(({ type }) => type === 'item.published')) return;
  const ticket = opened.find((event) => event.type === 'item.opened')?.ticket ?? past.ticket;
  if (ticket === undefined) throw new MigrationError('internal', `Opening ${step.item.key} gave no ticket.`);

  const receipts = new Map<string, Receipt>(past.receipts);
  const lanes = new Lanes(crew.size);
  for await (const chunk of step.chunks ?? crew.split(step)) {
    if (receipts.has(chunk.id)) continue;
    await lanes.run(async () => {
      for (const event of await crew.dispatch({ do: 'chunk', step, ticket, chunk })) {
        if (event.type === 'chunk.written') receipts.set(chunk.id, event.receipt);
      }
    });
  }
  await lanes.end();
  await crew.dispatch({ do: 'publish', step, ticket, receipts: [...receipts.values()].map(withoutMembers) });
}

/** What is not worth sharing among workers, and is known without asking the source. */
function chunksOfOneWorker({ item }: Step): readonly Chunk[] | undefined {
  if (item.kind === 'batch') return [{ id: 'batch', bytes: item.bytes }];
  if (item.kind === 'object' && item.bytes > 0) return [{ id: 'all', bytes: item.bytes }];
  return item.kind === 'file' || item.kind === 'table' ? undefined : [];
}

async function renew(step: Step, error: MigrationError, crew: Crew): Promise<Step> {
  const now = error.code === 'item.changed' ? await crew.look(step) : step;
  if (!now)
    throw new MigrationError('item.changed', `${step.item.key} vanished while it was read.`, { where: step.item.key });
  await crew.record({ type: 'item.restarted', step: step.seq, reason: error.code, item: now.item });
  return { ...step, item: now.item, as: now.as };
}

function withoutMembers(receipt: Receipt): Receipt {
  const { chunk, bytes, rows, digest } = receipt;
  return { chunk, bytes, rows, digest };
}
