import type { ByteBudget } from '../lib/byte-budget.ts';
import { eachPart } from './each-part.ts';
import { overlay } from './overlay.ts';
import type { Source, Store } from './store.ts';

/** A store that is read no faster than the budget allows. Stores that share a budget share its rate. */
export function throttled(store: Store, budget: ByteBudget): Store {
  return overlay(store, {
    get source() {
      return store.source && throttledSource(store.source, budget);
    },
  });
}

function throttledSource(source: Source, budget: ByteBudget): Source {
  return overlay(source, {
    async read(chunk, item, as, format, signal) {
      const payload = await source.read(chunk, item, as, format, signal);
      return eachPart(payload, ({ bytes }) => budget.take(bytes, signal));
    },
  });
}
