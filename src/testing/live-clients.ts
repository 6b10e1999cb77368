import pg from 'pg';

/** Clients that commit at a source all the time and go over to the target when they are let in there. */
export interface LiveClients extends AsyncDisposable {
  /** Every transaction that was committed, by its own number, in the order of their commits as the clients saw it. */
  readonly commits: readonly { readonly id: number; readonly end: 'from' | 'to'; readonly at: number }[];
  /** From the last commit at one end to the first at the other, in milliseconds; undefined before both. */
  pauseMs(direction: 'there' | 'back'): number | undefined;
  /** Resolves when `count` more transactions are committed at that end. */
  commit(end: 'from' | 'to', count: number): Promise<void>;
  stop(): Promise<void>;
}

export interface LiveOptions {
  readonly from: string;
  readonly to: string;
  readonly clients: number;
  /** One transaction; `id` was never given before. It must not be committed here. */
  readonly work: (client: pg.Client, id: number) => Promise<void>;
  /** Where clients write first. */
  readonly first?: 'from' | 'to';
}

export function startClients({ from, to, clients, work }: LiveOptions): LiveClients {
  const urls = { from, to };
  const commits: { id: number; end: 'from' | 'to'; at: number }[] = [];
  const listeners = new Set<() => void>();
  let ids = 0;
  let stopped = false;
  const one = async (): Promise<void> => {
    let end: 'from' | 'to' = 'from';
    while (!stopped) {
      const client = new pg.Client({ connectionString: urls[end], application_name: 'live client' });
      client.on('error', () => {});
      try {
        await client.connect();
        while (!stopped) {
          const id = (ids += 1);
          await client.query('BEGIN');
          await work(client, id);
          await client.query('COMMIT');
          commits.push({ id, end, at: performance.now() });
          for (const listener of listeners) listener();
        }
      } catch {
        // Refused, read-only or ended: the other end may let it in.
        end = end === 'from' ? 'to' : 'from';
      } finally {
        await client.end().catch(() => {});
      }
    }
  };
  const running = Array.from({ length: clients }, one);
  return {
    commits,
    pauseMs(direction) {
      const [before, after] = direction === 'there' ? (['from', 'to'] as const) : (['to', 'from'] as const);
      const first = direction === 'there' ? commits.find(({ end }) => end === after) : undefined;
      const next = first ?? commits.slice(commits.findLastIndex(({ end }) => end === before) + 1)[0];
      const last = next && commits.findLast(({ end, at }) => end === before && at <= next.at);
      return next && last ? next.at - last.at : undefined;
    },
    async commit(end, count) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const begun = commits.length;
      const look = () => {
        if (commits.slice(begun).filter((commit) => commit.end === end).length >= count) resolve();
      };
      listeners.add(look);
      await promise;
      listeners.delete(look);
    },
    async stop() {
      stopped = true;
      await Promise.all(running);
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      await Promise.all(running);
    },
  };
}
