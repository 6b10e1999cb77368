import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

type Reader = (data: Buffer) => void;

/** Bytes read at once. */
const readBytes = 256 * 1024;
const readers = new WeakMap<Duplex, Reader>();

/** A socket that reads into one buffer again and again. What pg gets is a copy; a diverted reader gets the buffer. */
export function createSocket(): Socket {
  const socket: Socket = new Socket({
    onread: {
      buffer: Buffer.allocUnsafeSlow(readBytes),
      callback(length, data) {
        const read = Buffer.from(data.buffer, data.byteOffset, length);
        const reader = readers.get(socket);
        if (reader) reader(read);
        else socket.emit('data', Buffer.from(read));
        return true;
      },
    },
  } as ConstructorParameters<typeof Socket>[0]);
  return socket;
}

export interface Diverted {
  /** Hands on what is for pg. */
  toClient(message: Buffer): void;
  /** From now on everything goes to pg again. */
  giveBack(): void;
}

/** Takes what comes from a session's socket away from pg. `reader` may use the bytes until it returns. */
export function divert(stream: Duplex, reader: Reader): Diverted {
  const theirs = stream.listeners('data') as Reader[];
  const toClient = (message: Buffer) => theirs.forEach((listener) => listener(message));
  if (stream instanceof Socket && !('encrypted' in stream)) {
    readers.set(stream, reader);
    return { toClient, giveBack: () => void readers.delete(stream) };
  }
  stream.removeAllListeners('data');
  stream.on('data', reader);
  return {
    toClient,
    giveBack() {
      stream.off('data', reader);
      for (const listener of theirs) stream.on('data', listener);
    },
  };
}
