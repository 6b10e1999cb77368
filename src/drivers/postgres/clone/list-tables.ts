import type { Finding } from '../../../model/finding.ts';
import type { Item } from '../../../model/item.ts';
import type { Server } from './pair-servers.ts';
import type { SharedSnapshot } from './shared-snapshot.ts';

export async function listTables(
  _server: Server,
  _snapshot: SharedSnapshot,
  _report: (finding: Finding) => void,
  _signal: AbortSignal,
): Promise<readonly Item[]> {
  return [];
}
