import type { Totals } from '../journal/journal.ts';
import type { Difference } from '../model/difference.ts';
import type { ItemKind } from '../model/item.ts';
import type { Reject } from '../model/receipt.ts';
import type { Failure, ItemLine, ItemName, ManifestLine } from './manifest.ts';

/** The first entries of a list and the count of all; the manifest has all. */
export interface Listed<T> {
  readonly count: number;
  readonly first: readonly T[];
}

/** What a bill says of one shipment, as its manifest lines add up to. */
export interface Tally {
  readonly carried: Totals;
  readonly kinds: Readonly<Partial<Record<ItemKind, Totals>>>;
  /** Items that were verified, and how many of them are not equal. */
  readonly verified: { readonly items: number; readonly unequal: number };
  readonly removed: { readonly items: number; readonly rows: number };
  readonly tables: Listed<Omit<ItemLine, 'type' | 'shipment' | 'kind'>>;
  readonly rejects: Listed<Reject>;
  readonly failures: Listed<Failure>;
  readonly unreached: Listed<ItemName>;
  readonly differences: Listed<Difference>;
}

/** Lists in the bill hold this many entries. */
const listLimit = 1000;

interface Sum {
  items: number;
  bytes: number;
  rows: number;
}

interface List<T> {
  count: number;
  first: T[];
}

const noList = () => ({ count: 0, first: [] });

function noTally() {
  return {
    carried: { items: 0, bytes: 0, rows: 0 } satisfies Sum,
    kinds: {} as Partial<Record<ItemKind, Sum>>,
    verified: { items: 0, unequal: 0 },
    removed: { items: 0, rows: 0 },
    tables: noList() as List<Tally['tables']['first'][number]>,
    rejects: noList() as List<Reject>,
    failures: noList() as List<Failure>,
    unreached: noList() as List<ItemName>,
    differences: noList() as List<Difference>,
  };
}

/** Adds up manifest lines, by shipment. The bill is made and checked with the same sum. */
export function createTallies(shipments: number): {
  add(line: ManifestLine): void;
  readonly tallies: readonly Tally[];
} {
  const tallies = Array.from({ length: shipments }, noTally);
  return {
    tallies,
    add(line) {
      const tally = tallies[line.shipment];
      if (!tally) throw new RangeError(`a line names shipment ${line.shipment} of ${shipments}`);
      switch (line.type) {
        case 'item':
          return addItem(tally, line);
        case 'chunk':
          return;
        case 'removed':
          tally.removed.items += 1;
          return;
        case 'reject':
          return append(tally.rejects, line.reject);
        case 'failure':
          return append(tally.failures, line.failure);
        case 'unreached':
          return append(tally.unreached, line.item);
        case 'difference':
          return append(tally.differences, line.difference);
      }
    },
  };
}

function addItem(tally: ReturnType<typeof noTally>, line: ItemLine): void {
  const { type: _type, shipment: _shipment, kind, ...rest } = line;
  const ofKind = (tally.kinds[kind] ??= { items: 0, bytes: 0, rows: 0 });
  for (const sum of [tally.carried, ofKind]) {
    sum.items += 1;
    sum.bytes += line.bytes;
    sum.rows += line.rows ?? 0;
  }
  if (line.equal !== undefined) tally.verified.items += 1;
  if (line.equal === false) tally.verified.unequal += 1;
  tally.removed.rows += line.removedRows ?? 0;
  if (kind === 'table') append(tally.tables, rest);
}

function append<T>(list: List<T>, entry: T): void {
  list.count += 1;
  if (list.first.length < listLimit) list.first.push(entry);
}
