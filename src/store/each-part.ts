import { overlay } from './overlay.ts';
import type { FilePart, Member, Payload } from './store.ts';

export interface PartSize {
  readonly bytes: number;
  /** Members of a batch; 0 otherwise: rows are counted once, where they are hashed. */
  readonly rows: number;
}

type Passing = (size: PartSize) => void | Promise<void>;

/** The same payload; `passing` is told each part's size, and waited for, before the consumer gets the part. */
export function eachPart(payload: Payload, passing: Passing): Payload {
  switch (payload.format) {
    case 'bytes':
      return overlay(payload, { parts: tapped(payload.parts, fileSize, passing) });
    case 'rows':
      return overlay(payload, { parts: tapped(payload.parts, rowsSize, passing) });
    case 'members':
      return overlay(payload, { parts: tapped(payload.parts, membersSize, passing) });
  }
}

async function* tapped<T>(parts: AsyncIterable<T>, size: (part: T) => PartSize, passing: Passing): AsyncGenerator<T> {
  for await (const part of parts) {
    const wait = passing(size(part));
    if (wait) await wait;
    yield part;
  }
}

const fileSize = (part: FilePart): PartSize => ({ bytes: part.bytes.byteLength, rows: 0 });

const membersSize = (part: readonly Member[]): PartSize => ({
  bytes: part.reduce((sum, member) => sum + member.bytes.byteLength, 0),
  rows: part.length,
});

const rowsSize = (part: Uint8Array): PartSize => ({ bytes: part.byteLength, rows: 0 });
