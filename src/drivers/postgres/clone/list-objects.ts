import type { Finding } from '../../../model/finding.ts';
import type { Item } from '../../../model/item.ts';
import { MigrationError } from '../../../model/migration-error.ts';
import type { Payload } from '../../../store/store.ts';
import type { Connection } from '../connection.ts';
import { quoteName } from '../names.ts';
import { chosenSchemas } from './chosen-schemas.ts';
import { describeEntries, tablesToAnalyse, viewsToRefresh } from './describe-entries.ts';
import { listLargeObjects, readLargeObjects } from './large-objects.ts';
import { listForeignKeys } from './list-foreign-keys.ts';
import { listIndexes } from './list-indexes.ts';
import { objectOf, type ObjectOf, type ObjectShape } from './object-shape.ts';
import { lookAtPair, type PairFacts } from './pair-facts.ts';
import { leftOutOf, nothingLeftOut, type LeftOut } from './left-out.ts';
import type { Peer, Server } from './pair-servers.ts';
import { readRoles } from './read-roles.ts';
import { readScript } from './read-script.ts';
import { SchemaDump } from './schema-dump.ts';
import { listSequences, readSequences } from './sequences.ts';
import type { SharedSnapshot } from './shared-snapshot.ts';
import { tableKey } from './table-key.ts';
import type { DumpEntry } from './table-of-contents.ts';

/** What the objects of a source are asked. */
export interface ObjectReader extends AsyncDisposable {
  list(report: (finding: Finding) => void, signal: AbortSignal): Promise<readonly Item[]>;
  /** Keys of tables that are left out, as those of what they are to be carried with. */
  leftOut(signal: AbortSignal): Promise<ReadonlySet<string>>;
  read(item: Item, signal: AbortSignal): Promise<Payload>;
}

/** A source's definitions at one snapshot, as they will be carried. */
interface Definitions {
  readonly facts: PairFacts;
  readonly leftOut: LeftOut;
  readonly dump: SchemaDump;
  readonly items: readonly Item[];
  /** Entries of the dump that are items of their own. */
  readonly made: ReadonlySet<DumpEntry>;
  readonly findings: readonly Finding[];
}

/** Everything but rows of `server`, in words that `peer` understands. Without a peer there is nothing to compare: the
 *  database is a target, and what it holds is asked by name. */
export function createObjectReader(server: Server, peer: Peer | undefined, snapshot: SharedSnapshot): ObjectReader {
  let known: { readonly snapshot: string | undefined; readonly definitions: Promise<Definitions> } | undefined;
  const define = async (to: Peer, signal: AbortSignal): Promise<Definitions> => {
    const { name } = snapshot;
    if (known && known.snapshot === name) return known.definitions;
    await letGo();
    const definitions = readDefinitions(server, to, name, signal);
    known = { snapshot: name, definitions };
    definitions.catch(() => (known = undefined));
    return definitions;
  };
  const letGo = async (): Promise<void> => {
    const definitions = await known?.definitions.catch(() => undefined);
    known = undefined;
    await definitions?.dump[Symbol.asyncDispose]();
  };
  return {
    async list(report, signal) {
      if (!peer) return [];
      const { dump, items, made, findings, leftOut, facts } = await define(peer, signal);
      findings.forEach(report);
      return server.connections.use('read the catalogue', signal, async (connection) => [
        ...items,
        ...(wantsLargeObjects(server, peer) ? await listLargeObjects(connection) : []),
        ...(await listScripts(connection, dump, made, leftOut.objects, facts.newRoles)),
      ]);
    },
    async leftOut(signal) {
      const { leftOut } = peer ? await define(peer, signal) : { leftOut: nothingLeftOut };
      return new Set(leftOut.relations.map(({ schema, name }) => tableKey(schema, name)));
    },
    async read(item, signal) {
      const object = objectOf(item);
      if (!peer) throw new MigrationError('internal', `${item.key} is read at the source.`);
      if (object.what === 'sequences') {
        return server.connections.use('read sequences', signal, async (connection) =>
          asPayload(await readSequences(connection, object.names)),
        );
      }
      if (object.what === 'large-objects') return readLargeObjects(snapshot, object, signal);
      if (object.what !== 'script') throw new MigrationError('internal', `${item.key} has no content.`);
      const { dump, made, facts } = await define(peer, signal);
      if (object.script === 'roles') {
        const names = object.holds.map(([, identity]) => plainIdentifier(identity));
        return server.connections.use('read roles', signal, async (connection) =>
          asPayload(await readRoles(connection, names, facts.targetSuperuser)),
        );
      }
      return asPayload(await readScript(dump, object, made, facts, signal));
    },
    [Symbol.asyncDispose]: letGo,
  };
}

/** They belong to the database as a whole, not to a schema or table. */
const wantsLargeObjects = ({ options }: Server, { filter }: Peer): boolean =>
  options.schema === undefined && filter.carries('large-objects');

async function readDefinitions(
  from: Server,
  { to, filter }: Peer,
  snapshot: string | undefined,
  signal: AbortSignal,
): Promise<Definitions> {
  const facts = await lookAtPair(from, to, signal);
  const schemas = chosenSchemas(from.options);
  const findings: Finding[] = [];
  const { leftOut, indexes, foreignKeys } = await from.connections.use(
    'read the catalogue',
    signal,
    async (session) => {
      const out = await leftOutOf(session, schemas, filter, facts.targetSuperuser);
      const report = (finding: Finding) => void findings.push(finding);
      return {
        leftOut: out,
        indexes: await listIndexes(session, out.objects, facts.missingTablespaces, report),
        foreignKeys: await listForeignKeys(session, out.objects),
      };
    },
  );
  const dump = await SchemaDump.take(
    from.connections,
    { versions: facts.versions, snapshot, schemas, leftOut },
    signal,
  );
  return {
    facts,
    leftOut,
    dump,
    items: [...indexes.items, ...foreignKeys.items],
    made: madeApart(dump, new Set([...indexes.made, ...foreignKeys.made])),
    findings: [...leftOut.findings, ...findings, ...notCarried(dump, leftOut)],
  };
}

/** What reaches out of the database, and what rests on it. */
function notCarried(dump: SchemaDump, { objects }: LeftOut): Finding[] {
  return dump.left.flatMap(({ kind, name, object }) =>
    (object !== undefined && objects.has(object)) ||
    ['COMMENT', 'ACL', 'EXTENSION'].includes(kind) ||
    (kind.startsWith('PUBLICATION') && name.includes('waybill_'))
      ? []
      : [
          {
            level: 'warning',
            code: 'store.unsupported',
            message: `Left out: ${kind.toLowerCase()} ${name}. What reaches out of the database, and what rests on it, is not carried.`,
            hint: 'Make it at the target by hand when the clone is done.',
          } as const,
        ],
  );
}

/** The entries of the dump that these catalogue rows stand for, with what is said of them and joins them. */
function madeApart(dump: SchemaDump, objects: ReadonlySet<string>): ReadonlySet<DumpEntry> {
  const made = new Set(dump.kept.filter(({ object }) => object !== undefined && objects.has(object)));
  const ids = new Set([...made].map(({ id }) => id));
  for (const entry of dump.kept) {
    const joins = entry.kind === 'COMMENT' || entry.kind === 'INDEX ATTACH';
    if (joins && entry.dependsOn.some((id) => ids.has(id))) made.add(entry);
  }
  return made;
}

async function listScripts(
  connection: Connection,
  dump: SchemaDump,
  made: ReadonlySet<DumpEntry>,
  leftOut: ReadonlySet<string>,
  newRoles: readonly string[],
): Promise<readonly Item[]> {
  const entries = dump.kept.filter((entry) => !made.has(entry));
  const holds = await describeEntries(connection, entries);
  const items: Item[] = [];
  const add = (key: string, stage: Item['stage'], bytes: number, object: ObjectShape, after: readonly string[]) =>
    items.push({ key, kind: 'object', stage, bytes, ...(after.length > 0 && { after }), object });
  const script = (name: ObjectOf<'script'>['script'], stage: Item['stage'], after: readonly string[]) =>
    add(
      name,
      stage,
      definitionBytes * Math.max(1, holds[name].length),
      { what: 'script', script: name, holds: holds[name] },
      after,
    );

  holds.roles.push(...newRoles.map((name): [string, string] => ['role', quoteIdentifier(name)]));
  if (newRoles.length > 0) script('roles', 'before', []);
  script('pre-data', 'before', newRoles.length > 0 ? ['roles'] : []);
  script('post-data', 'last', []);
  let after = 'post-data';
  for (const view of await viewsToRefresh(connection, dump)) {
    const key = `${tableKey(view.schema, view.name)}.refresh`;
    add(key, 'last', 0, { what: 'refresh', view }, [after]);
    after = key;
  }
  const names = await listSequences(connection, leftOut);
  if (names.length > 0)
    add('sequences', 'last', names.length * sequenceBytes, { what: 'sequences', names }, ['post-data']);
  const tables = await tablesToAnalyse(connection, leftOut);
  if (tables.length > 0) add('statistics', 'last', 0, { what: 'statistics', tables }, [after]);
  // From then on they see what is done at the target, so they come last of all.
  if (holds['event-triggers'].length > 0)
    script('event-triggers', 'last', ['post-data', after, 'sequences', 'statistics']);
  return items;
}

/** As the server's quote_ident would, but that what needs no quotes may have them: identities are compared as the target
 *  gives them, so only plain names go without. */
const quoteIdentifier = (name: string): string => (/^[a-z_][a-z0-9_$]*$/.test(name) ? name : quoteName(name));
const plainIdentifier = (identity: string): string =>
  identity.startsWith('"') ? identity.slice(1, -1).replaceAll('""', '"') : identity;

/** Bytes that an object's definition takes, as far as a plan needs to know. */
const definitionBytes = 400;
const sequenceBytes = 60;

function asPayload(content: unknown): Payload {
  const bytes = Buffer.from(JSON.stringify(content));
  // oxlint-disable-next-line require-await
  async function* parts() {
    yield { offset: 0, bytes };
  }
  return { format: 'bytes', parts: parts(), rejects: [] };
}
