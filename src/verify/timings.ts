import type { RunEvent } from '../model/event.ts';
import type { Phase } from '../model/phase.ts';

export interface Timings {
  /** RFC 3339, UTC. */
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Time worked: pauses are left out, and so is what passed between a crash and its resume. */
  readonly seconds: number;
  /** What the plan said. */
  readonly predictedSeconds?: number;
  /** How often the run was resumed, after a pause or a crash. */
  readonly resumes: number;
  readonly phases: readonly { readonly shipment: number; readonly phase: Phase; readonly seconds: number }[];
}

/** Adds up how long a run worked, from the events that carry a time. */
export function createStopwatch(): {
  add(event: RunEvent): void;
  /** Undefined while the run has not finished. */
  read(predictedSeconds: number | undefined): Timings | undefined;
} {
  const phases = new Map<string, { shipment: number; phase: Phase; milliseconds: number }>();
  const current = new Map<number, { phase: Phase; since: number }>();
  let startedAt: number | undefined;
  let finishedAt: number | undefined;
  let workingSince: number | undefined;
  let lastAt = 0;
  let milliseconds = 0;
  let resumes = 0;

  const endPhase = (shipment: number, at: number) => {
    const running = current.get(shipment);
    if (!running) return;
    const name = `${shipment} ${running.phase}`;
    const sum = phases.get(name) ?? { shipment, phase: running.phase, milliseconds: 0 };
    sum.milliseconds += Math.max(0, at - running.since);
    phases.set(name, sum);
    running.since = at;
  };
  const stop = (at: number) => {
    if (workingSince === undefined) return;
    milliseconds += Math.max(0, at - workingSince);
    workingSince = undefined;
    for (const shipment of current.keys()) endPhase(shipment, at);
  };
  const start = (at: number) => {
    // Still working, says the journal: the process was killed, some time after its last word.
    stop(lastAt);
    workingSince = at;
    finishedAt = undefined;
    for (const running of current.values()) running.since = at;
  };

  return {
    add(event) {
      if (!('at' in event)) return;
      const { at } = event;
      if (event.type === 'run.started' || event.type === 'run.resumed') start(at);
      if (event.type === 'run.started') startedAt ??= at;
      if (event.type === 'run.resumed') resumes += 1;
      if (event.type === 'phase.changed') {
        endPhase(event.shipment, at);
        if (working.has(event.phase)) current.set(event.shipment, { phase: event.phase, since: at });
        else current.delete(event.shipment);
      }
      if (event.type === 'run.paused' || event.type === 'run.finished') stop(at);
      if (event.type === 'run.finished') finishedAt = at;
      lastAt = Math.max(lastAt, at);
    },
    read(predictedSeconds) {
      if (finishedAt === undefined) return undefined;
      return {
        startedAt: new Date(startedAt ?? finishedAt).toISOString(),
        finishedAt: new Date(finishedAt).toISOString(),
        seconds: milliseconds / 1000,
        ...(predictedSeconds !== undefined && { predictedSeconds }),
        resumes,
        phases: [...phases.values()].map(({ shipment, phase, milliseconds: sum }) => ({
          shipment,
          phase,
          seconds: sum / 1000,
        })),
      };
    },
  };
}

const working: ReadonlySet<Phase> = new Set([
  'preparing',
  'copying',
  'following',
  'ready',
  'cutting-over',
  'verifying',
  'reverse-following',
  'rolling-back',
]);
