/** Where a shipment is in its life. Following and cutover will add theirs; a pause is the run's, not a phase. */
export type Phase = 'planned' | 'preparing' | 'copying' | 'verifying' | 'done' | 'failed';

/** The allowed steps between phases; every change is an event. A run that was stopped at any of them prepares again
 *  (opens its stores, looks whether the source moved) before it goes on. */
const allowed: Readonly<Record<Phase, readonly Phase[]>> = {
  planned: ['preparing', 'failed'],
  preparing: ['copying', 'failed'],
  copying: ['verifying', 'preparing', 'failed'],
  verifying: ['done', 'preparing', 'failed'],
  done: [],
  failed: ['preparing'],
};

export const mayFollow = (from: Phase, to: Phase): boolean => from === to || allowed[from].includes(to);
