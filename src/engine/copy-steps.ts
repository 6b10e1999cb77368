import type { Totals } from '../journal/journal.ts';
import { MigrationError } from '../model/migration-error.ts';
import type { Crew } from '../move/move.ts';
import { moveSteps } from '../move/move-steps.ts';
import { Pool } from '../move/pool.ts';
import type { RunContext, ShipmentContext } from './active-run.ts';
import { assembleCrew } from './crew.ts';

/** Moves what is left of a shipment's steps. */
export async function copySteps({ index, shipment, frozen, run: context }: ShipmentContext): Promise<void> {
  const steps = () => context.steps(index);
  const { header, past, parts, signal, pause } = context;
  const work = await remaining(index, context);
  if (work.items === 0) return;
  const workers = await assembleCrew({
    frozen,
    workers: header.job.workers,
    work,
    data: { run: header.id, maxQuarantine: header.job.maxQuarantine, shipment, budget: context.budgets[index] },
    threadEntry: parts.threadEntry,
    tick: (tick) => context.tick(tick),
  });
  const pool = new Pool({ workers, record: (event) => record(event), signal, pause });
  const record: RunContext['record'] = async (event) => {
    await context.record(event);
    if (event.type === 'chunk.written') refuseQuarantine(context);
  };
  const crew: Crew = {
    size: pool.size,
    dispatch: (task) => pool.dispatch(task),
    record: (event) => context.record(event),
    split: ({ item }) => frozen.ends.source.split(item, shipment.chunkBytes, signal),
    async look(step) {
      const item = await frozen.ends.source.look?.(step.item, signal);
      return item && { item, as: frozen.ends.sink.adapt(item).item };
    },
  };
  try {
    await moveSteps(steps(), past, crew);
  } finally {
    await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
  }
}

/** Rows may be left out up to the job's limit, over all chunks; entries of trees are reported, not limited. */
function refuseQuarantine(context: RunContext): void {
  const { header } = context;
  const { first } = context.progress().rejects;
  const rows = first.filter(({ code }) => code.startsWith('value.'));
  if (rows.length <= header.job.maxQuarantine) return;
  const last = rows.at(-1);
  throw new MigrationError(
    'value.unfit',
    `More than ${header.job.maxQuarantine} rows do not fit; the last is ${last?.item} ${last?.key}: ${last?.reason}.`,
    {
      hint: 'Correct the values at the source, or raise --max-quarantine.',
      ...(last && { where: `${last.item} ${last.key}` }),
    },
  );
}

/** What has not reached the target yet. */
export async function remaining(index: number, run: RunContext): Promise<Totals> {
  const totals = { items: 0, bytes: 0, rows: 0 };
  for await (const page of run.steps(index)) {
    for (const { seq, item } of page) {
      if (run.past.of(seq).done) continue;
      totals.items += item.members?.length ?? 1;
      totals.bytes += item.bytes;
      totals.rows += item.rows ?? 0;
    }
  }
  return totals;
}
