import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { startTcpProxy } from './tcp-proxy.ts';

async function startEcho() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

const echo = async (socket: Socket, text: string): Promise<string> => {
  socket.write(text);
  const [data] = (await once(socket, 'data')) as [Buffer];
  return data.toString();
};

describe('tcp proxy', () => {
  it('passes bytes on, later when told to', async () => {
    await using server = await startEcho();
    await using proxy = await startTcpProxy({ host: '127.0.0.1', port: server.port });
    const socket = await open(proxy.port);
    assert.equal(await echo(socket, 'hello'), 'hello');
    assert.equal(proxy.bytes, 10);
    proxy.delay(60);
    const started = performance.now();
    assert.equal(await echo(socket, 'again'), 'again');
    assert.ok(performance.now() - started >= 115, 'both ways are delayed');
    socket.destroy();
  });

  it('resets connections, at once or after some bytes', async () => {
    await using server = await startEcho();
    await using proxy = await startTcpProxy({ host: '127.0.0.1', port: server.port });
    const first = await open(proxy.port);
    await echo(first, 'x');
    proxy.reset();
    const [error] = (await once(first, 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNRESET');

    proxy.resetAfter(8);
    const second = await open(proxy.port);
    assert.equal(await echo(second, 'abc'), 'abc');
    second.write('defghi');
    const [later] = (await once(second, 'error')) as [NodeJS.ErrnoException];
    assert.equal(later.code, 'ECONNRESET');
    const third = await open(proxy.port);
    assert.equal(await echo(third, 'new ones are taken'), 'new ones are taken');
    third.destroy();
  });

  it('stalls without closing, and refuses new connections', async () => {
    await using server = await startEcho();
    await using proxy = await startTcpProxy({ host: '127.0.0.1', port: server.port });
    const socket = await open(proxy.port);
    await echo(socket, 'x');
    proxy.stall();
    const before = proxy.bytes;
    const answer = echo(socket, 'held');
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(proxy.bytes, before);
    proxy.flow();
    assert.equal(await answer, 'held');

    proxy.refuse();
    const refused = connect(proxy.port, '127.0.0.1');
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNRESET');
    assert.equal(proxy.connections, 1);
    proxy.accept();
    const taken = await open(proxy.port);
    assert.equal(await echo(taken, 'y'), 'y');
    taken.destroy();
    socket.destroy();
  });
});
