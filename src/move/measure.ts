import { MigrationError } from '../model/migration-error.ts';
import type { Chunk, Item } from '../model/item.ts';
import type { MemberReceipt, Receipt, Stored } from '../model/receipt.ts';
import { rowsDigest } from '../model/digest.ts';
import { carriedColumns } from '../model/shape.ts';
import { chunkHasher, hashBytes } from '../store/content-digest.ts';
import { createRowDigest } from '../store/rows/row-digest.ts';
import type { Payload } from '../store/store.ts';

export interface Measured {
  /** The same content; what passes is counted and hashed. */
  readonly payload: Payload;
  /** Once the payload has been read to its end: the receipt, if `stored` is what was read. Throws `chunk.corrupt`. */
  receipt(stored: Stored): Receipt;
}

/** Counts and hashes a payload on its way from source to sink (invariant 4). Of a chunk's rows at most `maxRejects` may
 *  be left out: one more throws `value.unfit` or `value.nul` before the sink commits. */
export function measure(payload: Payload, chunk: Chunk, item: Item, as: Item, maxRejects: number): Measured {
  switch (payload.format) {
    case 'bytes':
      return measureBytes(payload, chunk, item);
    case 'members':
      return measureMembers(payload, chunk, item);
    case 'rows':
      return measureRows(payload, chunk, as, maxRejects);
  }
}

function measureBytes(payload: Extract<Payload, { format: 'bytes' }>, chunk: Chunk, item: Item): Measured {
  // How long an object will be is known when it has been read.
  const [from, to] = item.kind === 'object' ? [0, Infinity] : (chunk.range?.map(Number) ?? [0, item.bytes]);
  const hasher = chunkHasher(from ?? 0, to ?? item.bytes);
  let bytes = 0;
  async function* parts() {
    for await (const part of payload.parts) {
      hasher.update(part);
      bytes += part.bytes.length;
      yield part;
    }
  }
  return {
    payload: { format: 'bytes', parts: parts(), rejects: payload.rejects },
    receipt(stored) {
      const missing = (to ?? item.bytes) - (from ?? 0) - bytes;
      if (missing !== 0 && item.kind !== 'object' && !item.entry?.sparse)
        throw cutShort(chunk, item.key, `${missing} bytes`);
      if (stored.bytes !== bytes) throw corrupt(chunk, item.key, `${bytes} bytes were read, ${stored.bytes} stored`);
      return { chunk: chunk.id, bytes, rows: 0, digest: hasher.digest() };
    },
  };
}

function measureMembers(payload: Extract<Payload, { format: 'members' }>, chunk: Chunk, item: Item): Measured {
  const members: MemberReceipt[] = [];
  let bytes = 0;
  async function* parts() {
    for await (const part of payload.parts) {
      for (const member of part) {
        bytes += member.bytes.length;
        const digest = member.item.kind === 'file' ? hashBytes(member.bytes) : 'none';
        members.push({ key: member.item.key, bytes: member.bytes.length, digest });
      }
      yield part;
    }
  }
  return {
    payload: { format: 'members', parts: parts(), rejects: payload.rejects },
    receipt(stored) {
      const missing = (item.members?.length ?? 0) - members.length - payload.rejects.length;
      if (missing !== 0) throw cutShort(chunk, item.key, `${missing} entries`);
      if (stored.bytes !== bytes) {
        throw corrupt(chunk, members[0]?.key ?? '', `${bytes} bytes were read, ${stored.bytes} stored`);
      }
      return { chunk: chunk.id, bytes, rows: 0, digest: 'none', ...rejectsOf(payload), members };
    },
  };
}

function measureRows(
  payload: Extract<Payload, { format: 'rows' }>,
  chunk: Chunk,
  as: Item,
  maxRejects: number,
): Measured {
  if (!as.shape) throw new MigrationError('internal', `Table ${as.key} has no shape.`);
  const own = payload.hash ? undefined : createRowDigest(carriedColumns(as.shape).length);
  const digest = payload.hash ?? own ?? { rows: 0, sum: 0n };
  let bytes = 0;
  async function* parts() {
    for await (const part of payload.parts) {
      own?.update(part);
      bytes += part.length;
      refuseRejects(payload, maxRejects);
      yield part;
    }
    refuseRejects(payload, maxRejects);
  }
  return {
    payload: { format: 'rows', parts: parts(), rejects: payload.rejects, ...(payload.hash && { hash: payload.hash }) },
    receipt(stored) {
      if (stored.rows !== digest.rows) {
        throw corrupt(chunk, as.key, `${digest.rows} rows were read, ${stored.rows} stored`);
      }
      return { chunk: chunk.id, bytes, rows: digest.rows, digest: rowsDigest(digest.sum), ...rejectsOf(payload) };
    },
  };
}

function refuseRejects({ rejects }: Payload, maxRejects: number): void {
  const first = rejects[0];
  if (!first || rejects.length <= maxRejects) return;
  const column = first.column === undefined ? '' : `, column ${first.column}`;
  const more = rejects.length > 1 ? ` (and ${rejects.length - 1} more rows)` : '';
  throw new MigrationError(
    first.code === 'value.nul' ? 'value.nul' : 'value.unfit',
    `${first.item}: the row with key ${first.key}${column}: ${first.reason}${more}.`,
    {
      where: `${first.item} ${first.key}`,
      hint: 'Correct the value at the source, or leave such rows out with --max-quarantine N: the bill lists them.',
    },
  );
}

const rejectsOf = ({ rejects }: Payload) => (rejects.length > 0 ? { rejects: [...rejects] } : {});

/** What the source gave is not all of what it listed, and it did not say why. Only a file with holes may give less. */
const cutShort = (chunk: Chunk, key: string, what: string): MigrationError =>
  new MigrationError('chunk.corrupt', `${key}, chunk ${chunk.id}: ${what} of what was listed did not come.`, {
    where: key,
    hint: 'The source gave less than it listed. Run again; if it stays so, look for errors of its disk or network.',
  });

const corrupt = (chunk: Chunk, key: string, what: string): MigrationError =>
  new MigrationError('chunk.corrupt', `${key}, chunk ${chunk.id}: ${what}.`, {
    where: key,
    hint: 'Look for a trigger, a rule or a full disk at the target that swallows data.',
  });
