import pg from 'pg';
import { parseAddress } from '../model/address.ts';
import { startPostgres, type PostgresServer } from './postgres-server.ts';

export type End = 'source' | 'target';

/** Two PostgreSQL servers, the source older than the target, and databases in them. */
export interface CloneServers extends AsyncDisposable {
  readonly servers: Readonly<Record<End, PostgresServer>>;
  connect(end: End, database: string): Promise<pg.Client>;
  /** Made empty, and connected to. */
  newDatabase(end: End, name: string): Promise<pg.Client>;
  url(end: End, database: string, user?: string): string;
}

export async function startCloneServers(): Promise<CloneServers> {
  const settings = { fsync: 'off', max_connections: '60' };
  const servers = {
    source: await startPostgres({ binaries: 'system', settings }),
    target: await startPostgres({ settings }),
  };
  const clients: pg.Client[] = [];
  const connect = async (end: End, database: string): Promise<pg.Client> => {
    const client = new pg.Client(servers[end].url(database));
    await client.connect();
    clients.push(client);
    return client;
  };
  return {
    servers,
    connect,
    async newDatabase(end, name) {
      const root = await connect(end, 'postgres');
      await root.query(`CREATE DATABASE ${name}`);
      return connect(end, name);
    },
    url(end, database, user = 'postgres') {
      const { host, port } = parseAddress(servers[end].url(database)).address;
      return `postgres://${user}@${host}:${port}/${database}`;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client.end().catch(() => {});
      await servers.source[Symbol.asyncDispose]();
      await servers.target[Symbol.asyncDispose]();
    },
  };
}
