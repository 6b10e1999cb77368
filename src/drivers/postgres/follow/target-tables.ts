import type { Connection } from '../connection.ts';
import type { Truncation } from './read-entries.ts';
import type { Relation } from './relation.ts';
import { readTargetTable, type TargetTable } from './target-table.ts';

/** The target's tables, looked up once for each form that the source gives them. */
export class TargetTables {
  #tables = new WeakMap<Relation, TargetTable>();

  known(relation: Relation): TargetTable | undefined {
    return this.#tables.get(relation);
  }

  async find(connection: Connection, relation: Relation): Promise<TargetTable> {
    const known = this.#tables.get(relation);
    if (known) return known;
    const table = await readTargetTable(connection, relation);
    this.#tables.set(relation, table);
    return table;
  }

  /** After an error: the target may have been altered to mend it. */
  forget(): void {
    this.#tables = new WeakMap();
  }
}

export async function truncateSql(
  connection: Connection,
  tables: TargetTables,
  { relations, restart }: Truncation,
): Promise<string> {
  const names: string[] = [];
  for (const relation of relations) names.push((await tables.find(connection, relation)).only);
  return `TRUNCATE ${names.join(', ')}${restart ? ' RESTART IDENTITY' : ''}`;
}
