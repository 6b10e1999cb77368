import { fitName } from '../names.ts';

/** What slot, publication and session of a run are called: a slot takes lower case, digits and underscores only. */
export function slotName(run: string): string {
  return fitName(`waybill_${run.toLowerCase().replace(/[^a-z0-9_]/g, '_')}`);
}
