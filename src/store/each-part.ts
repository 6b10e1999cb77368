import { overlay } from './overlay.ts';
import type { FilePart, Member, Payload } from './store.ts';

export interface PartSize {
  readonly bytes: number;
  /** Rows, or members of a batch; 0 for a file's bytes. */
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

function rowsSize(part: Uint8Array): PartSize {
  const view = new DataView(part.buffer, part.byteOffset, part.byteLength);
  let rows = 0;
  for (let at = 0; at < part.byteLength; rows++) {
    let fields = view.getInt16(at);
    for (at += 2; fields > 0; fields--) at += 4 + Math.max(0, view.getInt32(at));
  }
  return { bytes: part.byteLength, rows };
}
