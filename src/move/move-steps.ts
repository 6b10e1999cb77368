import type { Stage } from '../model/item.ts';
import { toMigrationError, type MigrationError } from '../model/migration-error.ts';
import type { Step } from '../model/step.ts';
import { Lanes } from '../lib/lanes.ts';
import { moveItem } from './move-item.ts';
import type { Crew } from './move.ts';
import type { Past } from '../model/past.ts';
import { Waiting } from './waiting.ts';

/** Moves all steps of a shipment in the plan's order, stage by stage: every item of a stage ends before the next stage
 *  begins, and `last` runs one by one. A step that comes after others of its stage (`Item.after`) waits for them
 *  without holding a lane, and then goes before steps that were not begun yet. An item that cannot be carried (exit code
 *  3) is recorded, with those that come after it, and the others go on; any other error ends the shipment once what is
 *  under way is recorded. */
export async function moveSteps(steps: AsyncIterable<readonly Step[]>, past: Past, crew: Crew): Promise<void> {
  const waiting = new Waiting();
  let stage: Stage | undefined;
  let lanes = new Lanes(crew.size);

  const start = (step: Step) => lanes.run(() => moveOrReport(step, waiting, past, crew));
  const startReady = async (): Promise<void> => {
    await lanes.room();
    for (let ready = waiting.next(); ready; ready = waiting.next()) {
      await start(ready);
      await lanes.room();
    }
  };
  const endStage = async (): Promise<void> => {
    do {
      do await startReady();
      while (await lanes.oneEnded());
    } while (waiting.releaseRest());
    await lanes.end();
  };

  for await (const page of steps) {
    for (const step of page) {
      if (past.of(step.seq).done) {
        waiting.end(step);
        continue;
      }
      if (step.item.stage !== stage) {
        await endStage();
        stage = step.item.stage;
        lanes = new Lanes(stage === 'last' ? 1 : crew.size + 1);
      }
      if (waiting.add(step)) continue;
      await startReady();
      await start(step);
    }
  }
  await endStage();
}

async function moveOrReport(step: Step, waiting: Waiting, past: Past, crew: Crew): Promise<void> {
  try {
    const obstacle = waiting.obstacle(step);
    if (obstacle) throw obstacle;
    await moveItem(step, past.of(step.seq), crew);
    waiting.end(step);
  } catch (thrown) {
    const error = toMigrationError(thrown);
    if (!leavesOthers(error)) throw error;
    await crew.record({ type: 'item.failed', step: step.seq, error: error.toJSON() });
    waiting.end(step, error);
  }
}

/** This item cannot be carried as it is; the rest can. */
const leavesOthers = (error: MigrationError): boolean => error.exit === 3;
