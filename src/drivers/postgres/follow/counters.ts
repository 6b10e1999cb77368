import type { Json } from '../../../model/model.ts';
import type { Connection } from '../connection.ts';
import { workSchema } from '../ledger.ts';
import { qualified, quoteLiteral } from '../names.ts';

/** A sequence and what it gives out next: `[schema, name, last value, is called]`. */
type Counter = readonly [schema: string, name: string, last: string, called: boolean];

const inScope = `CASE WHEN $1::text IS NULL THEN n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '${workSchema}')
                      ELSE n.nspname = $1 END`;

/** What every sequence gives out next. */
export async function readCounters(connection: Connection, schema: string | undefined): Promise<Json> {
  const names = await connection.query<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND ${inScope} ORDER BY 1, 2`,
    [schema ?? null],
  );
  const counters: Counter[] = [];
  // One statement reads many; a thousand at a time keeps it parseable.
  for (let at = 0; at < names.length; at += 1000) {
    const each = names.slice(at, at + 1000).map(
      (sequence) =>
        `SELECT ${quoteLiteral(sequence.schema)} AS schema, ${quoteLiteral(sequence.name)} AS name, last_value::text AS last, is_called AS called
           FROM ${qualified(sequence.schema, sequence.name)}`,
    );
    const rows = await connection.query<{ schema: string; name: string; last: string; called: boolean }>(
      each.join(' UNION ALL '),
    );
    counters.push(...rows.map((row) => [row.schema, row.name, row.last, row.called] as const));
  }
  return counters;
}

/** Brings the sequences that are here to where the source's stand. One that the job left out is not here. */
export async function writeCounters(connection: Connection, counters: Json): Promise<void> {
  const list = counters as readonly Counter[];
  const [schemas, names, lasts, called] = [0, 1, 2, 3].map((at) => list.map((counter) => counter[at]));
  await connection.run(
    `SELECT setval(c.oid, s.last, s.called)
     FROM unnest($1::text[], $2::text[], $3::bigint[], $4::boolean[]) AS s(schema, name, last, called)
       JOIN pg_namespace n ON n.nspname = s.schema
       JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.name AND c.relkind = 'S'`,
    [schemas, names, lasts, called],
  );
}
