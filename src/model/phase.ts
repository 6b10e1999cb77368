/** Where a shipment is in its life. */
export type Phase =
  | 'planned'
  | 'preparing'
  | 'copying'
  | 'verifying'
  | 'done'
  | 'paused'
  | 'failed';

/** The allowed steps between phases; every change is an event. Following and cutover add theirs in their own issue. */
const allowed: Readonly<Record<Phase, readonly Phase[]>> = {
  planned: ['preparing', 'failed', 'paused'],
  preparing: ['copying', 'failed', 'paused'],
  copying: ['verifying', 'failed', 'paused'],
  verifying: ['done', 'failed', 'paused'],
  done: ['verifying'],
  paused: ['preparing', 'copying', 'verifying', 'failed'],
  failed: ['preparing', 'copying', 'verifying'],
};

export const mayFollow = (from: Phase, to: Phase): boolean => from === to || allowed[from].includes(to);
