import type { CutoverStep, RunEvent } from '../model/event.ts';

/** What followed the copy, of a shipment that followed its source. */
export interface FollowedBill {
  /** Where the target stood at last: the source's words, or after a switch those of the target, whose changes went back. */
  readonly position?: string;
  /** Applied after the copy, in both directions. After a kill, up to a second's worth is not counted. */
  readonly transactions: number;
  readonly changes: number;
  /** Every attempt to bring writers over, in their order: those that were undone, too; of many, the last. */
  readonly crossings: readonly Crossing[];
}

export interface Crossing {
  readonly to: 'target' | 'source';
  readonly outcome: 'switched' | 'undone' | 'stopped';
  /** From when writers were kept out until they were let in again, at either end. */
  readonly pauseMs?: number;
  readonly steps: readonly {
    readonly step: CutoverStep;
    /** RFC 3339, UTC. */
    readonly at: string;
    readonly position?: string;
    readonly detail?: string;
  }[];
}

const keptCrossings = 100;

/** Adds up a shipment's following from the events of its run. */
export function createFollowedFacts() {
  const shipments = new Map<
    number,
    { position?: string; transactions: number; changes: number; attempts: Attempt[] }
  >();
  const of = (shipment: number) => {
    const known = shipments.get(shipment) ?? { transactions: 0, changes: 0, attempts: [] };
    shipments.set(shipment, known);
    return known;
  };
  return {
    add(event: RunEvent): void {
      if (event.type === 'changes.applied') {
        const facts = of(event.shipment);
        facts.position = event.position;
        facts.transactions += event.transactions;
        facts.changes += event.changes;
      }
      if (event.type !== 'cutover.step') return;
      const { attempts } = of(event.shipment);
      if (event.step === 'asked') attempts.push([]);
      attempts.at(-1)?.push(event);
      if (attempts.length > keptCrossings) attempts.shift();
    },
    shipment(i: number): { readonly followed?: FollowedBill } {
      const facts = shipments.get(i);
      if (!facts) return {};
      const { position, transactions, changes, attempts } = facts;
      const crossings = attempts.map(crossingOf);
      return { followed: { ...(position !== undefined && { position }), transactions, changes, crossings } };
    },
  };
}

type StepEvent = RunEvent & { readonly type: 'cutover.step' };
type Attempt = StepEvent[];

function crossingOf(attempt: Attempt): Crossing {
  const at = (wanted: CutoverStep): number | undefined => attempt.find(({ step }) => step === wanted)?.at;
  const [asked, end] = [at('asked'), at('switched') ?? at('thawed')];
  return {
    to: attempt[0]?.back ? 'source' : 'target',
    outcome: at('switched') !== undefined ? 'switched' : at('thawed') !== undefined ? 'undone' : 'stopped',
    ...(asked !== undefined && end !== undefined && { pauseMs: end - asked }),
    steps: attempt.map(({ step, at: when, position, detail }) => ({
      step,
      at: new Date(when).toISOString(),
      ...(position !== undefined && { position }),
      ...(detail !== undefined && { detail }),
    })),
  };
}
