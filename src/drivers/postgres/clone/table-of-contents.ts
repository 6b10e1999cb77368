/** What pg_restore lists of a dump. `id` holds within one dump, `object` (catalogue and oid) within one database. */
export interface DumpEntry {
  readonly id: number;
  /** `1259 16385`: pg_class and its oid; undefined for what has no row of its own (a comment, a grant). */
  readonly object: string | undefined;
  readonly kind: string;
  /** What follows the kind: schema, name and owner, for people. */
  readonly name: string;
  readonly dependsOn: readonly number[];
}

/** Kinds of more than one word, longest first where one begins another. */
const longKinds = [
  'ACCESS METHOD',
  'BLOB METADATA',
  'CHECK CONSTRAINT',
  'DATABASE PROPERTIES',
  'DEFAULT ACL',
  'EVENT TRIGGER',
  'FK CONSTRAINT',
  'FOREIGN DATA WRAPPER',
  'FOREIGN SERVER',
  'FOREIGN TABLE',
  'INDEX ATTACH',
  'LARGE OBJECT',
  'MATERIALIZED VIEW DATA',
  'MATERIALIZED VIEW',
  'OPERATOR CLASS',
  'OPERATOR FAMILY',
  'PROCEDURAL LANGUAGE',
  'PUBLICATION TABLES IN SCHEMA',
  'PUBLICATION TABLE',
  'ROW SECURITY',
  'SECURITY LABEL',
  'SEQUENCE OWNED BY',
  'SEQUENCE SET',
  'SHELL TYPE',
  'STATISTICS DATA',
  'SUBSCRIPTION TABLE',
  'TABLE ATTACH',
  'TABLE DATA',
  'TEXT SEARCH CONFIGURATION',
  'TEXT SEARCH DICTIONARY',
  'TEXT SEARCH PARSER',
  'TEXT SEARCH TEMPLATE',
  'USER MAPPING',
] as const;

/** Reads the output of `pg_restore --list --verbose`. */
export function parseContents(text: string): readonly DumpEntry[] {
  const entries: DumpEntry[] = [];
  for (const line of text.split('\n')) {
    const dependencies = /^;\tdepends on: ([\d ]+)$/.exec(line)?.[1];
    const last = entries.at(-1);
    if (dependencies !== undefined && last) {
      entries[entries.length - 1] = { ...last, dependsOn: dependencies.trim().split(' ').map(Number) };
      continue;
    }
    const found = /^(\d+); (\d+) (\d+) (.*)$/.exec(line);
    if (!found) continue;
    const [, id, catalogue, oid, rest = ''] = found;
    const kind = longKinds.find((each) => rest.startsWith(`${each} `)) ?? rest.slice(0, rest.indexOf(' '));
    const object = catalogue === '0' || oid === '0' ? undefined : `${catalogue} ${oid}`;
    entries.push({ id: Number(id), object, kind, name: rest.slice(kind.length + 1).trim(), dependsOn: [] });
  }
  return entries;
}

/** The entries that `left` says are left out, and all that cannot be without them. */
export function withDependents(
  entries: readonly DumpEntry[],
  left: (entry: DumpEntry) => boolean,
): ReadonlySet<DumpEntry> {
  const gone = new Set(entries.filter(left));
  const ids = new Set([...gone].map(({ id }) => id));
  for (let before = -1; before !== gone.size;) {
    before = gone.size;
    for (const entry of entries) {
      if (gone.has(entry) || !entry.dependsOn.some((id) => ids.has(id))) continue;
      gone.add(entry);
      ids.add(entry.id);
    }
  }
  return gone;
}
