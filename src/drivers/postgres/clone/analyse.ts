import { qualified } from '../names.ts';
import type { ObjectOf } from './object-shape.ts';
import type { Work } from './statements-draft.ts';

/** Gives the planner figures of the tables that have none yet. */
export const analyse =
  ({ tables }: ObjectOf<'statistics'>): Work =>
  async (connection, mark) => {
    const rows = await connection.query<{ name: string }>(
      `SELECT t.name FROM unnest($1::text[]) WITH ORDINALITY t(name, n) JOIN pg_class c ON c.oid = to_regclass(t.name)
       WHERE pg_stat_get_last_analyze_time(c.oid) IS NULL AND pg_stat_get_last_autoanalyze_time(c.oid) IS NULL AND c.relnatts > 0 ORDER BY t.n`,
      [tables.map(({ schema, name }) => qualified(schema, name))],
    );
    for (const { name } of rows) await connection.run(`ANALYZE ${name}`);
    await mark();
  };
