import { fdatasync, fsync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { blockBytes, openFlags, type Stat } from '../../lib/posix.ts';
import { printableName } from '../../lib/byte-names.ts';
import type { Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { Draft, DraftOptions, FilePart, Payload } from '../../store/store.ts';
import { occupied, systemCode, targetError } from './fs-error.ts';
import { draftName, splitKey } from './keys.ts';
import { chunkRange } from './read-file.ts';
import { parentOf, putInPlace, removeLeftover, setAttributes, withWriteAccess, type Target } from './write-entry.ts';

const syncData = promisify(fdatasync);
const syncFile = promisify(fsync);

/** Chunks of at least this much go past the page cache: no copy, and little is left to do when they are synced. */
const directBytes = 4 * 1024 * 1024;
const writebackBytes = 8 * 1024 * 1024;
const zeros = new Uint8Array(1024 * 1024);

/** What finds a half-written file again. */
interface Ticket {
  readonly draft: string;
  readonly inode: string;
}

/** One file, written beside its place and renamed into it. */
export function fileDraft(target: Target, as: Item, ticket: string | undefined, options: DraftOptions): Draft {
  const known = ticket === undefined ? begin(target, as, options) : find(target, as, parseTicket(ticket, as));
  return openDraft(target, as, options, known);
}

interface OpenedDraft {
  readonly ticket: Ticket;
  /** Absent when it was published by an earlier life. */
  readonly file?: number;
}

function begin(target: Target, as: Item, options: DraftOptions): OpenedDraft {
  const { posix, held } = target;
  const draft = draftName(options.run, options.step);
  let file: number | undefined;
  try {
    const parent = parentOf(target, as.key, options);
    if (options.into === 'empty' || options.into === 'append') refuseOccupied(target, parent, as);
    file = withWriteAccess(target, parent, () => {
      removeLeftover(posix, parent, draft);
      return posix.openAt(parent, draft, openFlags.create, 0o600);
    });
    reserve(target, file, as);
    return { ticket: { draft, inode: posix.stat(file).inode }, file };
  } catch (error) {
    if (file !== undefined) {
      posix.close(file);
      posix.unlink(held.get(splitKey(as.key).directory), draft);
    }
    throw targetError(error, 'write', held.root, as.key);
  }
}

function refuseOccupied({ posix, held }: Target, parent: number, as: Item): void {
  if (posix.lookAt(parent, splitKey(as.key).name)) throw occupied(held.root, as.key, 'exists already');
}

function reserve({ posix }: Target, file: number, as: Item): void {
  if (as.bytes > 0 && as.entry?.sparse !== true) posix.allocate(file, as.bytes);
  posix.truncate(file, as.bytes);
}

function find({ posix, held }: Target, as: Item, ticket: Ticket): OpenedDraft {
  const { directory, name } = splitKey(as.key);
  let file: number | undefined;
  try {
    held.forget(directory);
    const parent = held.get(directory);
    const there = posix.lookAt(parent, ticket.draft);
    if (there?.inode === ticket.inode) {
      file = posix.openAt(parent, ticket.draft, openFlags.write);
      if (posix.stat(file).inode === ticket.inode) return { ticket, file };
      posix.close(file);
    }
    if (isPublished(posix.lookAt(parent, name), as, ticket)) return { ticket };
  } catch (error) {
    if (file !== undefined) posix.close(file);
    if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(systemCode(error))) {
      throw targetError(error, 'find again', held.root, as.key);
    }
  }
  throw lost(as, 'its temporary file is gone');
}

const isPublished = (there: Stat | undefined, as: Item, ticket: Ticket): boolean =>
  there !== undefined &&
  there.inode === ticket.inode &&
  there.size === as.bytes &&
  (as.entry === undefined || there.mtime === as.entry.mtime);

function openDraft(target: Target, as: Item, options: DraftOptions, { ticket, file }: OpenedDraft): Draft {
  const { posix, held } = target;
  let direct: number | undefined;
  let directTried = false;
  let closed = false;

  const close = (): void => {
    if (closed) return;
    closed = true;
    if (file !== undefined) posix.close(file);
    if (direct !== undefined) posix.close(direct);
  };

  return {
    ticket: JSON.stringify(ticket),
    published: file === undefined,

    async write(chunk, payload, signal) {
      const parts = partsOf(payload);
      try {
        const [from, to] = chunkRange(chunk);
        const writer = file === undefined ? undefined : rangeWriter(file, from, to);
        let bytes = 0;
        for await (const part of parts) {
          signal.throwIfAborted();
          if (part.offset < from || part.offset + part.bytes.length > to) {
            throw new MigrationError(
              'internal',
              `A part of ${printableName(as.key)} lies outside its chunk ${chunk.id}.`,
            );
          }
          writer?.write(part);
          bytes += part.bytes.length;
        }
        writer?.finish();
        if (file !== undefined) await syncData(file);
        return { bytes, rows: 0 };
      } catch (error) {
        throw signal.aborted ? error : targetError(error, 'write', held.root, as.key);
      }
    },

    async publish(receipts) {
      if (file === undefined) return;
      try {
        if (!isStillOurs()) return;
        checkComplete(as, receipts, posix.stat(file));
        if (as.entry) setAttributes(target, file, as.entry);
        await syncFile(file);
        rename();
        await syncFile(held.get(splitKey(as.key).directory));
      } catch (error) {
        throw targetError(error, 'write', held.root, as.key);
      }
    },

    async discard() {
      if (file === undefined) return;
      const { directory } = splitKey(as.key);
      try {
        const parent = held.get(directory);
        if (posix.lookAt(parent, ticket.draft)?.inode === ticket.inode) posix.unlink(parent, ticket.draft);
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw targetError(error, 'remove the draft of', held.root, as.key);
      }
    },

    async [Symbol.asyncDispose]() {
      close();
    },
  };

  /** False when another worker published it meanwhile. Throws `draft.lost` when it is neither here nor there. */
  function isStillOurs(): boolean {
    const { directory, name } = splitKey(as.key);
    const parent = held.get(directory);
    if (posix.lookAt(parent, ticket.draft)?.inode === ticket.inode) return true;
    if (isPublished(posix.lookAt(parent, name), as, ticket)) return false;
    throw lost(as, 'its temporary file was removed');
  }

  function rename(): void {
    const parent = held.get(splitKey(as.key).directory);
    try {
      withWriteAccess(target, parent, () => putInPlace(target, parent, ticket.draft, as, options.into));
    } catch (error) {
      if (systemCode(error) === 'EEXIST') throw occupied(held.root, as.key, 'exists already');
      throw error;
    }
  }

  /** The same file, opened past the page cache; undefined where the file system has no such way. */
  function openDirect(): number | undefined {
    if (directTried) return direct;
    directTried = true;
    try {
      direct = posix.openAt(held.get(splitKey(as.key).directory), ticket.draft, openFlags.writeDirect);
      if (posix.stat(direct).inode === ticket.inode) return direct;
      posix.close(direct);
    } catch {
      // Not supported (EINVAL): the page cache it is.
    }
    return (direct = undefined);
  }

  function rangeWriter(buffered: number, from: number, to: number) {
    const past = to - from >= directBytes ? openDirect() : undefined;
    let at = from;
    let started = from;
    return {
      write({ offset, bytes }: FilePart): void {
        if (offset > at) clear(buffered, at, offset);
        at = offset + bytes.length;
        const straight = past !== undefined && offset % blockBytes === 0 && posix.isAligned(bytes);
        const whole = straight ? bytes.length - (bytes.length % blockBytes) : 0;
        if (whole > 0) writeFully(past ?? buffered, bytes, 0, whole, offset);
        if (whole < bytes.length) writeFully(buffered, bytes, whole, bytes.length, offset + whole);
        if (!straight && at - started >= writebackBytes) {
          posix.startWriteback(buffered, started, at - started);
          started = at;
        }
      },
      finish(): void {
        if (at < to) clear(buffered, at, to);
      },
    };
  }

  /** Makes a hole, whatever an earlier attempt may have written there. */
  function clear(buffered: number, from: number, to: number): void {
    if (posix.punchHole(buffered, from, to)) return;
    for (let at = from; at < to; at += zeros.length) {
      writeFully(buffered, zeros, 0, Math.min(zeros.length, to - at), at);
    }
  }
}

function writeFully(file: number, bytes: Uint8Array, from: number, to: number, offset: number): void {
  for (let done = from; done < to;) done += writeSync(file, bytes, done, to - done, offset + done - from);
}

function partsOf(payload: Payload): AsyncIterable<FilePart> {
  if (payload.format === 'bytes') return payload.parts;
  throw new TypeError(`a file takes bytes, not ${payload.format}`);
}

/** The receipts cover the file from end to end, and the file is as long as it was listed. */
function checkComplete(as: Item, receipts: readonly Receipt[], stat: Stat): void {
  if (stat.size !== as.bytes) throw lost(as, `it has ${stat.size} bytes instead of ${as.bytes}`);
  let covered = 0;
  const ranges = receipts.map((receipt) => chunkRange({ id: receipt.chunk, bytes: receipt.bytes }));
  for (const [from, to] of ranges.sort((a, b) => a[0] - b[0])) {
    if (from > covered) break;
    covered = Math.max(covered, to);
  }
  if (covered !== as.bytes) throw lost(as, `only its first ${covered} bytes are recorded without a gap`);
}

function parseTicket(text: string, as: Item): Ticket {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'draft' in value && 'inode' in value) {
      const { draft, inode } = value;
      if (typeof draft === 'string' && typeof inode === 'string' && !draft.includes('/')) return { draft, inode };
    }
  } catch {
    // Not one of ours: reported like any other that leads nowhere.
  }
  throw lost(as, 'its ticket is not one of this store');
}

const lost = (as: Item, why: string): MigrationError =>
  new MigrationError('draft.lost', `The half-written ${printableName(as.key)} cannot be completed: ${why}.`, {
    hint: 'The item starts anew; nothing of it was visible.',
    where: as.key,
  });
