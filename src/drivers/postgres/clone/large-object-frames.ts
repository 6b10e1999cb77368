import { z } from 'zod';
import { MigrationError } from '../../../model/migration-error.ts';

/** What is said of a large object before its bytes. */
export const largeObjectHead = z.object({
  oid: z.string(),
  owner: z.string(),
  comment: z.string().nullable(),
  /** Rights by role; an empty name is everybody. */
  grants: z.array(z.object({ role: z.string(), right: z.string() })),
});
export type LargeObjectHead = z.infer<typeof largeObjectHead>;

/** Large objects follow one another in a stream of bytes: a head (JSON), pieces, and a piece of no length. Each of
 *  these begins with its length in four bytes. */
export const frameOf = (bytes: Uint8Array): Buffer => {
  const frame = Buffer.allocUnsafe(4 + bytes.length);
  frame.writeUInt32BE(bytes.length);
  frame.set(bytes, 4);
  return frame;
};

/** The frames of a stream, however it was cut. */
export async function* framesOf(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let held = Buffer.alloc(0);
  for await (const part of parts) {
    held = held.length === 0 ? Buffer.from(part) : Buffer.concat([held, part]);
    while (held.length >= 4 && held.length >= 4 + held.readUInt32BE()) {
      const end = 4 + held.readUInt32BE();
      yield held.subarray(4, end);
      held = held.subarray(end);
    }
  }
  if (held.length > 0)
    throw new MigrationError('chunk.corrupt', 'A stream of large objects ends in the middle of one.');
}
