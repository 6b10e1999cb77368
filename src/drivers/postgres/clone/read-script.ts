import type { ObjectOf } from './object-shape.ts';
import type { PairFacts } from './pair-facts.ts';
import type { SchemaDump } from './schema-dump.ts';
import type { ScriptContent } from './run-script.ts';
import type { DumpEntry } from './table-of-contents.ts';

/** Entries that are items of their own. */
const apart = new Set(['MATERIALIZED VIEW DATA', 'EVENT TRIGGER']);
/** What makes these go with what they are part of, or is nobody's alone. */
const removedWith = new Set(['SCHEMA', 'EXTENSION', 'DEFAULT', 'ACL', 'DEFAULT ACL', 'COMMENT', 'TABLE ATTACH']);

export async function readScript(
  dump: SchemaDump,
  { script }: ObjectOf<'script'>,
  made: ReadonlySet<DumpEntry>,
  facts: PairFacts,
  signal: AbortSignal,
): Promise<ScriptContent> {
  const words = { owners: facts.missingRoles.length === 0, tablespaces: facts.missingTablespaces.length === 0 };
  const section = script === 'pre-data' ? 'pre-data' : 'post-data';
  const wanted = (entry: DumpEntry) =>
    script === 'event-triggers' ? entry.kind === 'EVENT TRIGGER' : !apart.has(entry.kind) && !made.has(entry);
  const { entries } = await dump.script(wanted, { section, ...words }, signal);
  const removals = script === 'pre-data' ? await readRemovals(dump, signal) : [];
  return { removals, entries: entries.map(({ title, kind, sql }) => ({ title, sql: mended(kind, sql) })) };
}

async function readRemovals(dump: SchemaDump, signal: AbortSignal): Promise<string[]> {
  const postData = new Set(['FK CONSTRAINT', 'EVENT TRIGGER', 'PUBLICATION']);
  const gone = new Set(['CONSTRAINT', 'INDEX', 'INDEX ATTACH', 'STATISTICS', 'RULE', 'TRIGGER', 'POLICY']);
  const { removals } = await dump.script(
    ({ kind }) => postData.has(kind) || !(gone.has(kind) || removedWith.has(kind)),
    { section: 'pre-data', clean: true, owners: false, tablespaces: false },
    signal,
  );
  return removals
    .split(/;\n/)
    .flatMap((removal) =>
      /^(DROP|ALTER TABLE IF EXISTS ONLY .* DROP CONSTRAINT)/.test(removal.trim()) ? [removal.trim()] : [],
    );
}

/** A schema may be there already: public is in every database. */
const mended = (kind: string, sql: string): string =>
  kind === 'SCHEMA' ? sql.replace(/^CREATE SCHEMA (?!IF NOT EXISTS)/m, 'CREATE SCHEMA IF NOT EXISTS ') : sql;
