import { z } from 'zod';
import type { Connection } from '../connection.ts';
import { qualified } from '../names.ts';
import type { QualifiedName } from './object-shape.ts';

/** What sequences gave out last; bigints as text. */
export const sequenceValues = z.array(
  z.object({ schema: z.string(), name: z.string(), last: z.string(), called: z.boolean() }),
);
export type SequenceValues = z.infer<typeof sequenceValues>;

const atOnce = 500;

/** Sequences that the user may read, in these schemas or all. */
export async function listSequences(connection: Connection, leftOut: ReadonlySet<string>): Promise<QualifiedName[]> {
  const rows = await connection.query<{ oid: string; schema: string; name: string }>(
    `SELECT c.oid, n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'SELECT') ELSE false END AND c.relpersistence <> 't' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> '_waybill'
       AND has_schema_privilege(n.oid, 'USAGE')
       AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
     ORDER BY 2, 3`,
  );
  return rows.filter(({ oid }) => !leftOut.has(`1259 ${oid}`)).map(({ schema, name }) => ({ schema, name }));
}

/** As they are now: sequences do not belong to a snapshot, and must not fall behind it. */
export async function readSequences(connection: Connection, names: readonly QualifiedName[]): Promise<SequenceValues> {
  const values: SequenceValues = [];
  for (let at = 0; at < names.length; at += atOnce) {
    const some = names.slice(at, at + atOnce);
    const rows = await connection.query<{ n: number; last: string; called: boolean }>(
      some
        .map(
          ({ schema, name }, n) =>
            `SELECT ${n} AS n, last_value::text AS last, is_called AS called FROM ${qualified(schema, name)}`,
        )
        .join(' UNION ALL '),
    );
    for (const { n, last, called } of rows) values.push({ ...(some[n] as QualifiedName), last, called });
  }
  return values;
}

export async function setSequences(connection: Connection, values: SequenceValues): Promise<void> {
  for (let at = 0; at < values.length; at += atOnce) {
    const some = values.slice(at, at + atOnce);
    await connection.run(
      `SELECT setval(s.name::regclass, s.last, s.called) FROM unnest($1::text[], $2::bigint[], $3::bool[]) s(name, last, called)`,
      [
        some.map(({ schema, name }) => qualified(schema, name)),
        some.map(({ last }) => last),
        some.map(({ called }) => called),
      ],
    );
  }
}
