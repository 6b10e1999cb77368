import { join } from 'node:path';
import type { Item } from '../model/item.ts';
import { MigrationError } from '../model/migration-error.ts';
import type { ShipmentContext } from './active-run.ts';

/** Keeps what the shipment will replace, if its job wants that, once. */
export async function keepBackup({ index, shipment, frozen, run }: ShipmentContext): Promise<void> {
  if (shipment.backup === undefined || run.progress().backups[index]) return;
  async function* items(): AsyncGenerator<readonly Item[]> {
    for await (const page of run.steps(index)) yield page.flatMap(({ as }) => as.members ?? [as]);
  }
  const path = join(shipment.backup, `${run.header.id}-${index + 1}`);
  const backup = await frozen.ends.sink.backup?.(items(), path, run.signal);
  if (!backup) throw new MigrationError('store.unsupported', `${shipment.to.address} cannot keep a backup.`);
  await run.record({ type: 'backup.kept', shipment: index, backup });
}
