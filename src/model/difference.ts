/** One thing that is not equal at both ends. `item` is the key at the source; `key` the row's canonical key, absent
 *  when the whole item differs. */
export interface Difference {
  readonly item: string;
  readonly key?: string;
  readonly kind: 'missing' | 'extra' | 'changed' | 'count' | 'attributes';
  readonly detail?: string;
}
