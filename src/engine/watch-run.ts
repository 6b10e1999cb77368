import { systemClock } from '../lib/clock.ts';
import type { RunEvent } from '../model/event.ts';
import { MigrationError } from '../model/migration-error.ts';
import type { Journal } from '../journal/journal.ts';

const everyMs = 200;

/** A process works on the run. */
export async function isHeld(run: string, journal: Journal): Promise<boolean> {
  try {
    using _ = await journal.claim(run);
    return false;
  } catch (error) {
    if (error instanceof MigrationError && error.code === 'run.busy') return true;
    throw error;
  }
}

/** What is recorded of a run after `after`, until nobody works on it any more. */
export async function* watchRun(
  run: string,
  after: number,
  journal: Journal,
  signal: AbortSignal,
): AsyncGenerator<RunEvent> {
  let last = after;
  for (;;) {
    // Asked first: what was recorded before it was let go is still given.
    const held = await isHeld(run, journal);
    for await (const page of journal.replay(run, last)) {
      for (const { event, seq } of page) {
        yield event;
        last = seq;
      }
    }
    if (!held) return;
    await systemClock.sleep(everyMs, signal);
  }
}
