import type { Item } from '../../../model/item.ts';
import { MigrationError } from '../../../model/migration-error.ts';
import type { Draft, DraftOptions } from '../../../store/store.ts';
import type { Server } from './pair-servers.ts';

export async function openObjectDraft(
  _server: Server,
  as: Item,
  _ticket: string | undefined,
  _options: DraftOptions,
  _signal: AbortSignal,
): Promise<Draft> {
  throw new MigrationError('internal', `${as.key} is not carried yet.`);
}

export async function objectExists(_server: Server, _as: Item, _signal: AbortSignal): Promise<boolean> {
  return false;
}

export async function removeObject(_server: Server, _as: Item, _signal: AbortSignal): Promise<void> {}

export async function sweepObjects(_server: Server, _run: string, _signal: AbortSignal): Promise<void> {}
