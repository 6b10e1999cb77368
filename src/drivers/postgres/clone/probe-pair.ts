import type { Finding } from '../../../model/finding.ts';
import { toMigrationError } from '../../../model/migration-error.ts';
import type { KeyFilter } from '../../../store/item-filter.ts';
import type { Connection } from '../connection.ts';
import { chosenSchemas } from './chosen-schemas.ts';
import { lookAtPair, type PairFacts } from './pair-facts.ts';
import type { Server } from './pair-servers.ts';
import { probeSource } from './probe-source.ts';
import { probeCloneTarget } from './probe-target.ts';
import { findDump } from './schema-dump.ts';
import { readSourceFacts } from './source-facts.ts';

/** What would stop a clone, or make it less than it should be. Every finding says how to mend it. */
export async function probePair(
  role: 'source' | 'target',
  from: Server,
  to: Server,
  filter: KeyFilter,
  signal: AbortSignal,
): Promise<Finding[]> {
  const schemas = chosenSchemas(from.options);
  if (role === 'source') {
    const found = await from.connections.use('look at the source', signal, (connection) =>
      probeSource(connection, schemas, filter),
    );
    return [...found, ...(await probeEndpoint(from, signal))];
  }
  const facts = await lookAtPair(from, to, signal);
  const source = await from.connections.use('look at the source', signal, (connection) =>
    readSourceFacts(connection, schemas),
  );
  const findings = await to.connections.use('look at the target', signal, (connection) =>
    probeCloneTarget(connection, to.connections.place.database, source, facts),
  );
  return [...findings, ...(await probePrograms(facts))];
}

/** Two sessions must reach one server: a snapshot of one is unknown to another behind the same name. */
async function probeEndpoint({ connections }: Server, signal: AbortSignal): Promise<Finding[]> {
  const ask = async (connection: Connection) => {
    const [row] = await connection.query<{ server: string }>(
      `SELECT concat_ws(' ', inet_server_addr(), inet_server_port(), pg_postmaster_start_time()) AS server`,
    );
    return row?.server;
  };
  const first = await connections.lend('look at the source', signal);
  const second = await connections.lend('look at the source', signal);
  try {
    const [one, other] = [await ask(first.connection), await ask(second.connection)];
    if (one === other) return [];
    return [
      {
        level: 'error',
        code: 'store.unsupported',
        message: 'Two sessions with the source reached two servers: the address leads to a load balancer.',
        hint: 'Name one server: the snapshot that all sessions share is known to one server only.',
      },
    ];
  } catch (error) {
    throw first.inWords(error);
  } finally {
    first.giveBack({ usable: true });
    second.giveBack({ usable: true });
  }
}

async function probePrograms({ versions }: PairFacts): Promise<Finding[]> {
  const [from, to] = versions;
  try {
    const { version } = await findDump(versions);
    if (version >= to) return [];
    return [
      {
        level: 'info',
        code: 'tool.older',
        message: `Definitions are read with pg_dump ${version}, which does not know PostgreSQL ${to}; it knows all that the source has.`,
        hint: `apt-get install postgresql-client-${to} for the newer one.`,
      },
    ];
  } catch (thrown) {
    const { code, message, hint } = toMigrationError(thrown);
    if (code !== 'tool.missing') throw thrown;
    return [{ level: 'error', code, message, hint: hint ?? `apt-get install postgresql-client-${from}` }];
  }
}
