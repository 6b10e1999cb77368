import { matchesGlob } from 'node:path';
import { nearest } from '../lib/nearest.ts';
import type { Finding } from '../model/finding.ts';
import type { Item } from '../model/item.ts';
import type { Shipment } from '../model/job.ts';
import type { ColumnShape, TableShape } from '../model/shape.ts';
import type { Source } from '../store/store.ts';

/** Makes tables smaller as the shipment says: by rows (`where`) and by columns (`omit`). */
export class Narrowing {
  readonly #shipment: Pick<Shipment, 'where' | 'omit'>;
  readonly #report: (finding: Finding) => void;
  readonly #unused: Set<string>;
  readonly #tables: string[] = [];

  constructor(shipment: Pick<Shipment, 'where' | 'omit'>, source: Source, report: (finding: Finding) => void) {
    this.#shipment = shipment;
    this.#report = report;
    this.#unused = new Set([
      ...Object.keys(shipment.where ?? {}).map((pattern) => `where ${pattern}`),
      ...Object.keys(shipment.omit ?? {}).map((pattern) => `omit ${pattern}`),
    ]);
    if (shipment.where && !source.selects) {
      report({
        level: 'error',
        code: 'store.unsupported',
        message: 'This source gives tables whole: `where` cannot choose rows.',
        hint: 'Leave `where` out. Between two PostgreSQL databases it can.',
      });
    }
  }

  /** The table as it is carried; anything else as it is. */
  narrow(item: Item): Item {
    if (item.kind !== 'table' || !item.shape) return item;
    this.#tables.push(item.key);
    // The first pattern that matches counts.
    const [where] = this.#of('where', item.key);
    const omitted = this.#of('omit', item.key).flat();
    const shape = omitted.length === 0 ? item.shape : this.#without(item.key, item.shape, omitted);
    return { ...item, shape, ...(where !== undefined && { where }) };
  }

  /** Once every table has been seen: patterns that no table matches are mistakes. */
  end(): void {
    for (const unused of this.#unused) {
      const [key = '', ...words] = unused.split(' ');
      const pattern = words.join(' ');
      const meant = nearest(pattern, this.#tables);
      this.#report({
        level: 'error',
        code: 'config.invalid',
        message: `No table matches \`${pattern}\` of \`${key}\`.`,
        hint: meant === undefined ? 'See the keys of tables with `waybill plan`.' : `Did you mean ${meant}?`,
        where: pattern,
      });
    }
  }

  #of<K extends 'where' | 'omit'>(key: K, table: string): NonNullable<Shipment[K]>[string][] {
    return Object.entries(this.#shipment[key] ?? {}).flatMap(([pattern, value]) => {
      if (!matchesGlob(table, pattern)) return [];
      this.#unused.delete(`${key} ${pattern}`);
      return [value as NonNullable<Shipment[K]>[string]];
    });
  }

  #without(table: string, shape: TableShape, omitted: readonly string[]): TableShape {
    for (const name of omitted) {
      const column = shape.columns.find((each) => each.name === name);
      const refusal = column ? cannotOmit(shape, column) : 'there is no such column';
      if (refusal === undefined) continue;
      const meant = column
        ? undefined
        : nearest(
            name,
            shape.columns.map((each) => each.name),
          );
      this.#report({
        level: 'error',
        code: 'config.invalid',
        message: `Column ${name} of table ${table} cannot be left out: ${refusal}.`,
        hint: meant === undefined ? 'Carry it.' : `Did you mean ${meant}?`,
        where: table,
      });
    }
    return { ...shape, columns: shape.columns.filter(({ name }) => !omitted.includes(name)) };
  }
}

function cannotOmit(shape: TableShape, column: ColumnShape): string | undefined {
  const keys = [shape.primaryKey, ...shape.unique.map(({ columns }) => columns)].flat();
  if (keys.includes(column.name)) return 'it is part of a key';
  const filled = column.nullable || column.default || column.generated || column.identity;
  return filled ? undefined : 'it must not be empty and has no default';
}
