import type { Finding } from '../../../model/finding.ts';
import type { Server } from './pair-servers.ts';

/** What would stop a clone, or make it less than it should be. Every finding says how to mend it. */
export async function probePair(
  _role: 'source' | 'target',
  _from: Server,
  _to: Server,
  _signal: AbortSignal,
): Promise<Finding[]> {
  return [];
}
