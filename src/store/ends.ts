import type { Source, Sink, Store } from './store.ts';
import { MigrationError } from '../model/migration-error.ts';

/** The two opened stores of one shipment. `target` reads what is at the target, for comparison and verification. */
export interface Ends extends AsyncDisposable {
  readonly source: Source;
  readonly sink: Sink;
  readonly target: Source | undefined;
  readonly from: Store;
  readonly to: Store;
}

/** Throws `store.unsupported` when an end cannot play its role. */
export function createEnds(from: Store, to: Store): Ends {
  if (!from.source) throw cannot(from, 'source');
  if (!to.sink) throw cannot(to, 'target');
  return {
    source: from.source,
    sink: to.sink,
    target: to.source,
    from,
    to,
    async [Symbol.asyncDispose]() {
      await from[Symbol.asyncDispose]();
      await to[Symbol.asyncDispose]();
    },
  };
}

const cannot = (store: Store, role: string): MigrationError =>
  new MigrationError('store.unsupported', `${store.address.text} cannot be a ${role}.`, {
    where: store.address.text,
    hint: 'See what each connector can do with `waybill connectors`.',
  });
