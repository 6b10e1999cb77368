import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface TcpProxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Bytes passed on so far, both ways. */
  readonly bytes: number;
  /** Connections that are open now. */
  readonly connections: number;
  /** Every byte arrives this many milliseconds later, each way. */
  delay(milliseconds: number): void;
  /** Resets (TCP RST) all connections. New ones are taken. */
  reset(): void;
  /** Resets all connections once this many more bytes have passed. */
  resetAfter(bytes: number): void;
  /** Passes nothing on, and closes nothing, until `flow`. */
  stall(): void;
  flow(): void;
  /** New connections are reset at once, until `accept`. */
  refuse(): void;
  accept(): void;
}

/** Stands between a client and a server and does to their connections what networks do. Listens on a free loopback port. */
export async function startTcpProxy(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  const state = { bytes: 0, delay: 0, stalled: false, refusing: false, resetAt: Infinity };

  const resetAll = () => {
    state.resetAt = Infinity;
    for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy();
    pairs.clear();
  };
  const setStalled = (stalled: boolean) => {
    state.stalled = stalled;
    for (const pair of pairs) for (const socket of pair) socket[stalled ? 'pause' : 'resume']();
  };
  const pass = (from: Socket, to: Socket, data: Buffer) => {
    if (to.destroyed) return;
    state.bytes += data.length;
    if (state.bytes >= state.resetAt) return resetAll();
    if (!to.write(data)) {
      from.pause();
      to.once('drain', () => state.stalled || from.resume());
    }
  };
  const join = (from: Socket, to: Socket) => {
    from.on('data', (data: Buffer) => {
      if (state.delay > 0) setTimeout(pass, state.delay, from, to, data);
      else pass(from, to, data);
    });
    from.on('end', () => setTimeout(() => to.end(), state.delay));
    from.on('error', () => to.resetAndDestroy());
  };

  const server = createServer((client) => {
    client.on('error', () => {});
    if (state.refusing) return void client.resetAndDestroy();
    const upstream = connect(target.port, target.host);
    const pair = [client, upstream] as const;
    pairs.add(pair);
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.once('close', () => pairs.delete(pair));
    }
    join(client, upstream);
    join(upstream, client);
    if (state.stalled) for (const socket of pair) socket.pause();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    host: '127.0.0.1',
    port: typeof address === 'object' && address ? address.port : 0,
    get bytes() {
      return state.bytes;
    },
    get connections() {
      return pairs.size;
    },
    delay(milliseconds) {
      state.delay = milliseconds;
    },
    reset: resetAll,
    resetAfter(bytes) {
      state.resetAt = state.bytes + bytes;
    },
    stall: () => setStalled(true),
    flow: () => setStalled(false),
    refuse() {
      state.refusing = true;
    },
    accept() {
      state.refusing = false;
    },
    async [Symbol.asyncDispose]() {
      resetAll();
      server.close();
      await once(server, 'close');
    },
  };
}
