import type { Finding } from '../../../model/finding.ts';
import type { Item } from '../../../model/item.ts';
import { MigrationError } from '../../../model/migration-error.ts';
import type { Payload } from '../../../store/store.ts';
import { objectOf, type ObjectOf } from './object-shape.ts';
import { lookAtPair, type PairFacts } from './pair-facts.ts';
import type { Server } from './pair-servers.ts';
import { SchemaDump } from './schema-dump.ts';
import type { ScriptContent } from './script-draft.ts';
import { readScript } from './read-script.ts';
import type { SharedSnapshot } from './shared-snapshot.ts';

/** What the objects of a source are asked. */
export interface ObjectReader extends AsyncDisposable {
  list(report: (finding: Finding) => void, signal: AbortSignal): Promise<readonly Item[]>;
  read(item: Item, signal: AbortSignal): Promise<Payload>;
}

/** Everything but rows of `server`, in words that `peer` understands. Without a peer there is nothing to compare: the
 *  database is a target, and what it holds is asked by name. */
export function createObjectReader(server: Server, peer: Server | undefined, snapshot: SharedSnapshot): ObjectReader {
  let taken: { readonly name: string | undefined; readonly dump: Promise<SchemaDump> } | undefined;
  let facts: Promise<PairFacts> | undefined;
  const pairFacts = (to: Server, signal: AbortSignal) => {
    facts ??= lookAtPair(server, to, signal).catch((error: unknown) => {
      facts = undefined;
      throw error;
    });
    return facts;
  };
  const dumpNow = async (to: Server, signal: AbortSignal): Promise<SchemaDump> => {
    const { name } = snapshot;
    if (taken && taken.name === name) return taken.dump;
    await taken?.dump.then((dump) => dump[Symbol.asyncDispose]());
    const { versions } = await pairFacts(to, signal);
    const dump = SchemaDump.take(
      server.connections,
      { versions, snapshot: name, schemas: undefined, leftOut: new Set() },
      signal,
    );
    taken = { name, dump };
    dump.catch(() => (taken = undefined));
    return dump;
  };
  return {
    async list(_report, signal) {
      if (!peer) return [];
      const dump = await dumpNow(peer, signal);
      return [scriptItem('pre-data', 'before', dump), scriptItem('post-data', 'last', dump)];
    },
    async read(item, signal) {
      const object = objectOf(item);
      if (!peer || object.what !== 'script') throw new MigrationError('internal', `${item.key} has no content.`);
      const dump = await dumpNow(peer, signal);
      return asPayload(await readScript(dump, object, await pairFacts(peer, signal), signal));
    },
    async [Symbol.asyncDispose]() {
      const dump = await taken?.dump.catch(() => undefined);
      await dump?.[Symbol.asyncDispose]();
    },
  };
}

/** Bytes that an object's definition takes, as far as a plan needs to know. */
const definitionBytes = 400;

function scriptItem(script: ObjectOf<'script'>['script'], stage: Item['stage'], dump: SchemaDump): Item {
  return {
    key: script,
    kind: 'object',
    stage,
    bytes: definitionBytes * Math.max(1, dump.kept.length),
    object: { what: 'script', script, holds: [] },
  };
}

function asPayload(content: ScriptContent): Payload {
  const bytes = Buffer.from(JSON.stringify(content));
  // oxlint-disable-next-line require-await
  async function* parts() {
    yield { offset: 0, bytes };
  }
  return { format: 'bytes', parts: parts(), rejects: [] };
}
