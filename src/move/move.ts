/** move: carries items from source to sink, the same way whatever they are: open a draft, write its chunks, publish.
 *  Promise: an event is yielded only when what it says is durable at the target, and the next piece of work begins only
 *  when the event is durable in the journal (invariants 1, 3, 4, 7). Nothing here knows a driver.
 *  Callers: engine. move-steps.ts orders items, move-item.ts moves one, perform-task.ts does the work of a worker. */
import type { RunEvent } from '../model/event.ts';
import type { Chunk, Item } from '../model/item.ts';
import type { Step } from '../model/step.ts';
import type { Task } from './worker.ts';

/** What the mover needs of whoever runs it. */
export interface Crew {
  /** Tasks that can be done at once. */
  readonly size: number;
  /** Has a worker do the task; each of its events is journaled before the worker goes on, and then returned. Throws
   *  the worker's error, and `run.paused` once the run is to pause. */
  dispatch(task: Task): Promise<readonly RunEvent[]>;
  /** Journals an event of the mover's own. */
  record(event: RunEvent): Promise<void>;
  /** The chunks of an item that the plan did not spell out. */
  split(step: Step): AsyncIterable<Chunk>;
  /** The item as its source has it now, and as it will be at the target; undefined when it is gone. */
  look(step: Step): Promise<{ readonly item: Item; readonly as: Item } | undefined>;
}
