import type { BaseContent } from '../../model/event.ts';
import type { Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { Draft, DraftOptions, FilePart, Member, Payload } from '../../store/store.ts';
import { publishDraft, refuseOccupied } from './publish.ts';
import { digestRows, shapeOf, splitRows } from './rows.ts';
import type { Session } from './session.ts';
import type { DraftRecord, WrittenChunk } from './space.ts';

/** Begins a draft, or finds it again by its ticket. */
export function openDraft(session: Session, as: Item, ticket: string | undefined, options: DraftOptions): Draft {
  session.assertOpen();
  const { drafts } = session.space;
  if (ticket === undefined) {
    refuseOccupied(session.space, as, options.into);
    const fresh = `${options.run}-${options.step}-${nextNumber(drafts)}`;
    drafts.set(fresh, { as, options, base: baseOf(session, as, options), chunks: new Map(), published: false });
    return draftOf(session, fresh);
  }
  if (!drafts.has(ticket)) throw lost(as.key, ticket);
  return draftOf(session, ticket);
}

function draftOf(session: Session, ticket: string): Draft {
  const { space } = session;
  const record = (): DraftRecord => {
    session.assertOpen();
    const found = space.drafts.get(ticket);
    if (!found) throw lost(ticket, ticket);
    return found;
  };
  const { base, published } = record();
  return {
    ticket,
    published,
    ...(base && { base }),

    async write(chunk, payload, signal) {
      const written = await collect(payload, record().as, signal);
      signal.throwIfAborted();
      const draft = record();
      if (draft.published) return written.stored;
      draft.chunks.set(chunk.id, written);
      return written.stored;
    },

    async publish(receipts, signal) {
      signal.throwIfAborted();
      const draft = record();
      if (draft.published) return;
      for (const receipt of receipts) refuseLess(draft, receipt, ticket);
      publishDraft(space, draft);
    },

    async discard() {
      session.assertOpen();
      if (!space.drafts.get(ticket)?.published) space.drafts.delete(ticket);
    },

    async [Symbol.asyncDispose]() {
      // Holds nothing: the draft stays until it is published, discarded or swept.
    },
  };
}

/** Reads the payload to its end. Parts may be overwritten once the next one is asked for, so they are copied. */
async function collect(payload: Payload, as: Item, signal: AbortSignal): Promise<WrittenChunk> {
  switch (payload.format) {
    case 'bytes': {
      const parts: FilePart[] = [];
      for await (const { offset, bytes } of payload.parts) {
        signal.throwIfAborted();
        parts.push({ offset, bytes: new Uint8Array(bytes) });
      }
      return { parts, stored: { bytes: parts.reduce((sum, part) => sum + part.bytes.length, 0), rows: 0 } };
    }
    case 'rows': {
      const rows: Uint8Array[] = [];
      for await (const part of payload.parts) {
        signal.throwIfAborted();
        rows.push(...splitRows(part, shapeOf(as)));
      }
      return { rows, stored: { bytes: rows.reduce((sum, row) => sum + row.length, 0), rows: rows.length } };
    }
    case 'members': {
      const members: Member[] = [];
      for await (const part of payload.parts) {
        signal.throwIfAborted();
        members.push(...part.map((member) => ({ ...member, bytes: new Uint8Array(member.bytes) })));
      }
      const bytes = members.reduce((sum, member) => sum + member.bytes.length, 0);
      return { members, stored: { bytes, rows: members.length } };
    }
  }
}

function refuseLess(draft: DraftRecord, receipt: Receipt, ticket: string): void {
  const stored = draft.chunks.get(receipt.chunk)?.stored;
  const isWhole = stored && (draft.as.kind === 'table' ? stored.rows === receipt.rows : stored.bytes === receipt.bytes);
  if (!isWhole) throw lost(draft.as.key, ticket);
}

function baseOf({ space }: Session, as: Item, { into }: DraftOptions): BaseContent | undefined {
  const kept = space.items.get(as.key);
  if (into !== 'append' || !kept?.rows) return undefined;
  const { rows, digest } = digestRows(kept.rows, shapeOf(kept.item));
  return { rows, digest };
}

/** Numbers only grow while a draft is there, so a ticket never names two of them. */
const nextNumber = (drafts: ReadonlyMap<string, unknown>): number =>
  Math.max(0, ...[...drafts.keys()].map((ticket) => Number(ticket.slice(ticket.lastIndexOf('-') + 1)))) + 1;

const lost = (key: string, ticket: string): MigrationError =>
  new MigrationError('draft.lost', `The draft ${ticket} of ${key} is not what was recorded of it.`, { where: key });
