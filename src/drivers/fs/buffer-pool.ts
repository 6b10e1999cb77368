import type { Posix } from '../../lib/posix.ts';

/** Aligned buffers that readers and writers borrow: one read at a time costs one allocation in all. */
export interface BufferPool {
  borrow(): Buffer;
  giveBack(buffer: Buffer): void;
}

export function bufferPool(posix: Posix, bytes: number): BufferPool {
  const idle: Buffer[] = [];
  return {
    borrow: () => idle.pop() ?? posix.alignedBuffer(bytes),
    giveBack(buffer) {
      if (idle.length < 8) idle.push(buffer);
    },
  };
}
