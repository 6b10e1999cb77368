import type { Stage } from '../model/item.ts';
import { toMigrationError, type MigrationError } from '../model/migration-error.ts';
import type { Step } from '../model/step.ts';
import { Lanes } from '../lib/lanes.ts';
import { moveItem } from './move-item.ts';
import type { Crew } from './move.ts';
import type { Past } from '../model/past.ts';

/** Moves all steps of a shipment in the plan's order, stage by stage: every item of a stage ends before the next stage
 *  begins, and `last` runs one by one. An item that cannot be carried (exit code 3) is recorded and the others go
 *  on; any other error ends the shipment once what is under way is recorded. */
export async function moveSteps(steps: AsyncIterable<readonly Step[]>, past: Past, crew: Crew): Promise<void> {
  let stage: Stage | undefined;
  let lanes = new Lanes(crew.size);
  for await (const page of steps) {
    for (const step of page) {
      const { done } = past.of(step.seq);
      if (done) continue;
      if (step.item.stage !== stage) {
        await lanes.end();
        stage = step.item.stage;
        lanes = new Lanes(stage === 'last' ? 1 : crew.size + 1);
      }
      await lanes.run(() => moveOrReport(step, past, crew));
    }
  }
  await lanes.end();
}

async function moveOrReport(step: Step, past: Past, crew: Crew): Promise<void> {
  try {
    await moveItem(step, past.of(step.seq), crew);
  } catch (thrown) {
    const error = toMigrationError(thrown);
    if (!leavesOthers(error)) throw error;
    await crew.record({ type: 'item.failed', step: step.seq, error: error.toJSON() });
  }
}

/** This item cannot be carried as it is; the rest can. */
const leavesOthers = (error: MigrationError): boolean => error.exit === 3;
