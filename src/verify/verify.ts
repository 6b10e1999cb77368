/** verify: proves that what is at the target is what was carried, and names what is not.
 *  Promise: no difference is passed over in silence (invariant 8). Callers: engine.
 *  Depths: `counts` looks at names, sizes and attributes of entries and at the counts that the target gave while
 *  writing; `digests` also has databases compute their digests anew and, after the run, reads files again;
 *  `every-byte` reads everything at both ends. */
import { verifyEntries } from './verify-entries.ts';
import type { VerifyInput } from './verify-input.ts';
import { verifyTables } from './verify-tables.ts';

/** Compares both ends of one shipment. */
export async function verifyShipment(input: VerifyInput): Promise<void> {
  if (input.ends.source.offers.includes('rows')) await verifyTables(input);
  else await verifyEntries(input);
}
