import type { Connection } from '../connection.ts';

/** How values of a type travel between two servers. */
export interface CopyForm {
  /** Why not in binary; undefined: in binary. */
  readonly text?: string;
}

interface TypeRow {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly builtin: boolean;
  readonly binary: boolean;
  readonly extension: string | null;
  readonly base: string | null;
  readonly element: string | null;
  readonly subtype: string | null;
  readonly attributes: readonly string[] | null;
}

/** Types of extensions whose binary form holds no OID and has stayed the same, or carries its own version. */
const stableExtensionTypes = new Set([
  'citext.citext', // as text
  'hstore.hstore', // counted keys and values
  'ltree.ltree', // begins with its version
  'ltree.lquery',
  'ltree.ltxtquery',
  'postgis.geometry', // EWKB
  'postgis.geography',
  'vector.vector', // counted floats
]);

/** Values of these are OIDs or numbers that stand for something else in another database. */
const namesOfThings = /^reg[a-z]+$/;

/** The form of each of these types, by OID. Arrays and composites name the types in them by OID, so they are only safe
 *  where those are built in. */
export async function readCopyForms(
  connection: Connection,
  oids: readonly string[],
): Promise<ReadonlyMap<string, CopyForm>> {
  const rows = await connection.query<TypeRow>(typesSql, [[...new Set(oids)]]);
  const types = new Map(rows.map((row) => [row.oid, row]));
  return new Map(rows.map((row) => [row.oid, formOf(row, types)]));
}

function formOf(type: TypeRow, types: ReadonlyMap<string, TypeRow>): CopyForm {
  const of = (oid: string | null): CopyForm => {
    const inner = oid === null ? undefined : types.get(oid);
    return inner ? formOf(inner, types) : { text: 'its type is unknown' };
  };
  if (type.kind === 'd') return of(type.base);
  if (!type.binary) return { text: `type ${type.name} has no binary form` };
  if (type.kind === 'e') return {};
  if (type.kind === 'r' || type.kind === 'm') return of(type.subtype);
  if (type.kind === 'c') {
    for (const attribute of type.attributes ?? []) {
      const reason = embedded(types.get(attribute), of(attribute));
      if (reason) return { text: `composite type ${type.name} holds ${reason}` };
    }
    return {};
  }
  if (type.element !== null) {
    const reason = embedded(types.get(type.element), of(type.element));
    return reason ? { text: `an array of ${reason}` } : {};
  }
  if (namesOfThings.test(type.name) && type.builtin) return { text: `${type.name} is a number of this database only` };
  if (type.builtin) return {};
  if (type.extension !== null && stableExtensionTypes.has(`${type.extension}.${type.name}`)) return {};
  return { text: `type ${type.name} is not PostgreSQL's own` };
}

function embedded(inner: TypeRow | undefined, form: CopyForm): string | undefined {
  if (form.text !== undefined) return form.text;
  return inner?.builtin === true ? undefined : `type ${inner?.name}, which has another number elsewhere`;
}

/** The given types and those they are made of. */
const typesSql = `
  WITH RECURSIVE used(oid) AS (
    SELECT unnest($1::oid[])
    UNION
    SELECT part.oid FROM used u JOIN pg_type t ON t.oid = u.oid,
      LATERAL (SELECT t.typbasetype AS oid WHERE t.typtype = 'd'
               UNION ALL SELECT t.typelem WHERE t.typtype = 'b' AND t.typelem <> 0 AND t.typlen = -1
               UNION ALL SELECT r.rngsubtype FROM pg_range r WHERE t.typtype = 'r' AND r.rngtypid = t.oid
               UNION ALL SELECT (to_jsonb(r)->>'rngsubtype')::oid FROM pg_range r WHERE t.typtype = 'm' AND (to_jsonb(r)->>'rngmultitypid')::oid = t.oid
               UNION ALL SELECT a.atttypid FROM pg_attribute a WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
              ) part)
  SELECT t.oid::text AS oid, n.nspname AS schema, t.typname AS name, t.typtype AS kind, t.oid < 16384 AS builtin,
         t.typsend <> 0 AND t.typreceive <> 0 AS binary,
         (SELECT e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
          WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e') AS extension,
         CASE WHEN t.typtype = 'd' THEN t.typbasetype::text END AS base,
         CASE WHEN t.typtype = 'b' AND t.typelem <> 0 AND t.typlen = -1 THEN t.typelem::text END AS element,
         (SELECT r.rngsubtype::text FROM pg_range r
          WHERE r.rngtypid = t.oid OR t.typtype = 'm' AND (to_jsonb(r)->>'rngmultitypid')::oid = t.oid) AS subtype,
         (SELECT json_agg(a.atttypid::text) FROM pg_attribute a
          WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) AS attributes
  FROM used u JOIN pg_type t ON t.oid = u.oid JOIN pg_namespace n ON n.oid = t.typnamespace`;
