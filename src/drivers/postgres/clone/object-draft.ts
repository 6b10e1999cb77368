import type { Item } from '../../../model/item.ts';
import { MigrationError } from '../../../model/migration-error.ts';
import type { Draft, DraftOptions } from '../../../store/store.ts';
import { forgetRun } from './object-ledger.ts';
import { objectOf } from './object-shape.ts';
import type { Server } from './pair-servers.ts';
import { openScriptDraft } from './script-draft.ts';

export async function openObjectDraft(
  server: Server,
  as: Item,
  ticket: string | undefined,
  options: DraftOptions,
  signal: AbortSignal,
): Promise<Draft> {
  const object = objectOf(as);
  if (object.what === 'script') return openScriptDraft(server, as, ticket, options, signal);
  throw new MigrationError('internal', `${as.key} is not carried yet.`);
}

export async function objectExists(_server: Server, _as: Item, _signal: AbortSignal): Promise<boolean> {
  return true;
}

export async function removeObject(_server: Server, _as: Item, _signal: AbortSignal): Promise<void> {}

export async function sweepObjects(server: Server, run: string, signal: AbortSignal): Promise<void> {
  await server.connections.use(`clean up after run ${run}`, signal, (connection) => forgetRun(connection, run));
}
