/** Where a shipment is in its life; a pause is the run's, not a phase. `ready`: a cutover would keep its budget.
 *  `reverse-following`: the switch is done, and the old source follows the target so that the way back stays open. */
export type Phase =
  | 'planned'
  | 'preparing'
  | 'copying'
  | 'following'
  | 'ready'
  | 'cutting-over'
  | 'reverse-following'
  | 'rolling-back'
  | 'verifying'
  | 'done'
  | 'rolled-back'
  | 'failed';

/** The allowed steps between phases; every change is an event. A run that was stopped at any of them prepares again
 *  (opens its stores, looks whether the source moved) before it goes on. */
const allowed: Readonly<Record<Phase, readonly Phase[]>> = {
  planned: ['preparing', 'failed'],
  preparing: [
    'copying',
    'following',
    'cutting-over',
    'reverse-following',
    'rolling-back',
    'verifying',
    'done',
    'failed',
  ],
  copying: ['verifying', 'following', 'preparing', 'failed'],
  following: ['ready', 'cutting-over', 'rolling-back', 'preparing', 'failed'],
  ready: ['following', 'cutting-over', 'rolling-back', 'preparing', 'failed'],
  'cutting-over': ['following', 'verifying', 'reverse-following', 'done', 'preparing', 'failed'],
  verifying: ['done', 'reverse-following', 'preparing', 'failed'],
  'reverse-following': ['rolling-back', 'done', 'preparing', 'failed'],
  'rolling-back': ['rolled-back', 'reverse-following', 'following', 'preparing', 'failed'],
  'rolled-back': [],
  done: [],
  failed: ['preparing'],
};

export const mayFollow = (from: Phase, to: Phase): boolean => from === to || allowed[from].includes(to);
