import type { Finding } from '../../../model/finding.ts';
import type { Item } from '../../../model/item.ts';
import { MigrationError } from '../../../model/migration-error.ts';
import type { Payload } from '../../../store/store.ts';
import type { Server } from './pair-servers.ts';
import type { SharedSnapshot } from './shared-snapshot.ts';

export async function listObjects(
  _server: Server,
  _snapshot: SharedSnapshot,
  _report: (finding: Finding) => void,
  _signal: AbortSignal,
): Promise<readonly Item[]> {
  return [];
}

export async function readObject(
  _server: Server,
  _snapshot: SharedSnapshot,
  item: Item,
  _signal: AbortSignal,
): Promise<Payload> {
  throw new MigrationError('internal', `${item.key} has no content.`);
}
