import { fdatasync, fsync, statfsSync } from 'node:fs';
import { promisify } from 'node:util';
import { openFlags, type Stat } from '../../lib/posix.ts';
import { nameToBytes, printableName } from '../../lib/byte-names.ts';
import type { Chunk, Item } from '../../model/item.ts';
import { MigrationError } from '../../model/migration-error.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { Draft, DraftOptions, FilePart, Payload } from '../../store/store.ts';
import { isMissing, occupied, systemCode, targetError } from './fs-error.ts';
import { draftName, isDraftName, splitKey } from './keys.ts';
import { cachedWriter, directWriter, type RangeWriter } from './range-writer.ts';
import { chunkRange } from './read-file.ts';
import {
  overwrites,
  parentOf,
  placingOf,
  putInPlace,
  removeLeftover,
  removeMade,
  setAttributes,
  withWriteAccess,
  type Target,
} from './write-entry.ts';
import { onItem } from './write-member.ts';

const syncData = promisify(fdatasync);
const syncFile = promisify(fsync);

/** Chunks of at least this much go past the page cache: no copy, and little is left to do when they are synced. */
const directBytes = 4 * 1024 * 1024;

/** What finds a half-written file again. */
interface Ticket {
  readonly draft: string;
  readonly inode: string;
  /** Directories that were made for it, to be taken back with it. */
  readonly made: readonly string[];
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
  const placing = placingOf(options);
  const draft = draftName(options.run, options.step);
  return onItem(target, as, () => {
    try {
      const parent = parentOf(target, as.key, placing);
      if (!overwrites(options)) refuseOccupied(target, parent, as);
      const file = withWriteAccess(target, parent, () => create(target, parent, draft, as));
      return { ticket: { draft, inode: target.posix.stat(file).inode, made: placing.made }, file };
    } catch (error) {
      removeMade(target, placing);
      throw error;
    }
  });
}

function create({ posix }: Target, parent: number, draft: string, as: Item): number {
  removeLeftover(posix, parent, draft);
  const file = posix.openAt(parent, draft, openFlags.create, 0o600);
  try {
    if (as.bytes > 0 && as.entry?.sparse !== true) posix.allocate(file, as.bytes);
    posix.truncate(file, as.bytes);
    return file;
  } catch (error) {
    posix.close(file);
    posix.unlink(parent, draft);
    throw error;
  }
}

function refuseOccupied({ posix, held }: Target, parent: number, as: Item): void {
  if (posix.lookAt(parent, splitKey(as.key).name)) throw occupied(held.root, as.key, 'exists already');
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
    if (!isMissing(error)) throw targetError(error, 'find again', held.root, as.key);
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

  /** A number of a closed file may be another file's by now. */
  const checkOpen = (): void => {
    if (closed) throw new MigrationError('internal', `The draft of ${printableName(as.key)} was used after its end.`);
  };

  return {
    ticket: JSON.stringify(ticket),
    published: file === undefined,

    async write(chunk, payload, signal) {
      const parts = partsOf(payload);
      const writer = file === undefined ? undefined : writerFor(file, ...chunkRange(chunk));
      try {
        let bytes = 0;
        for await (const part of parts) {
          signal.throwIfAborted();
          checkOpen();
          checkWithin(as, chunk, part);
          await writer?.write(part);
          bytes += part.bytes.length;
        }
        checkOpen();
        await writer?.finish();
        if (file !== undefined) await syncData(file);
        return { bytes, rows: 0 };
      } catch (error) {
        throw signal.aborted ? error : targetError(error, 'write', held.root, as.key);
      } finally {
        await writer?.end();
      }
    },

    async publish(receipts) {
      if (file === undefined) return;
      checkOpen();
      try {
        if (!isStillOurs()) return;
        checkComplete(as, receipts, posix.stat(file), () => dataBytes(file));
        setAttributes(target, file, as);
        await syncFile(file);
        rename();
        await syncDirectory();
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
        removeMade(target, { ...options, made: [...ticket.made] });
      } catch (error) {
        if (!isMissing(error)) throw targetError(error, 'remove the draft of', held.root, as.key);
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

  /** Through an opening of its own: the held one may be closed while the sync is under way. */
  async function syncDirectory(): Promise<void> {
    const directory = posix.openAt(held.get(splitKey(as.key).directory), '.', openFlags.directory);
    try {
      await syncFile(directory);
    } finally {
      posix.close(directory);
    }
  }

  function rename(): void {
    const parent = held.get(splitKey(as.key).directory);
    try {
      withWriteAccess(target, parent, () => putInPlace(target, parent, ticket.draft, as, options.into));
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
      if (!isPublished(posix.lookAt(parent, splitKey(as.key).name), as, ticket)) {
        throw occupied(held.root, as.key, 'exists already');
      }
      removeLeftover(posix, parent, ticket.draft);
    }
  }

  /** Bytes outside holes; room that was only reserved counts as a hole. */
  function dataBytes(written: number): number {
    if (compressesZeros(held.root)) return as.bytes;
    let bytes = 0;
    for (let data = posix.nextData(written, 0); data; data = posix.nextData(written, data[1])) {
      bytes += data[1] - data[0];
    }
    return bytes;
  }

  function writerFor(opened: number, from: number, to: number): RangeWriter {
    const past = to - from >= directBytes ? openDirect() : undefined;
    if (past === undefined) return cachedWriter(posix, opened, from, to);
    return directWriter(posix, target.buffers, opened, past, from, to);
  }

  /** The same file, opened past the page cache; undefined where the file system has no such way. */
  function openDirect(): number | undefined {
    if (directTried) return direct;
    directTried = true;
    let opened: number | undefined;
    try {
      opened = posix.openAt(held.get(splitKey(as.key).directory), ticket.draft, openFlags.writeDirect);
      if (posix.stat(opened).inode === ticket.inode) return (direct = opened);
    } catch {
      // Not supported (EINVAL): the page cache it is.
    }
    if (opened !== undefined) posix.close(opened);
    return undefined;
  }
}

function checkWithin(as: Item, chunk: Chunk, { offset, bytes }: FilePart): void {
  const [from, to] = chunkRange(chunk);
  if (offset >= from && offset + bytes.length <= to) return;
  throw new MigrationError('internal', `A part of ${printableName(as.key)} lies outside its chunk ${chunk.id}.`);
}

/** Such a file system makes holes of written zeros, so that holes prove nothing. */
const compressesZeros = (root: string): boolean => statfsSync(Buffer.from(nameToBytes(root))).type === zfsType;
const zfsType = 0x2fc12fc1;

function partsOf(payload: Payload): AsyncIterable<FilePart> {
  if (payload.format === 'bytes') return payload.parts;
  throw new TypeError(`a file takes bytes, not ${payload.format}`);
}

/** The file is as long as it was listed, the receipts cover it from end to end, and it holds as much data as they say. */
function checkComplete(as: Item, receipts: readonly Receipt[], stat: Stat, dataBytes: () => number): void {
  if (stat.size !== as.bytes) throw lost(as, `it has ${stat.size} bytes instead of ${as.bytes}`);
  let covered = 0;
  let promised = 0;
  for (const { from, to, bytes } of receipts.map(rangeOf).sort((a, b) => a.from - b.from)) {
    if (from > covered) break;
    covered = Math.max(covered, to);
    promised += bytes;
  }
  if (covered !== as.bytes) throw lost(as, `only its first ${covered} bytes are recorded without a gap`);
  if (promised === 0) return;
  const held = dataBytes();
  if (held < promised) throw lost(as, `it holds ${held} bytes of data instead of ${promised}`);
}

function rangeOf(receipt: Receipt): { readonly from: number; readonly to: number; readonly bytes: number } {
  const [from, to] = chunkRange({ id: receipt.chunk, bytes: receipt.bytes });
  return { from, to, bytes: receipt.bytes };
}

function parseTicket(text: string, as: Item): Ticket {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'draft' in value && 'inode' in value) {
      const { draft, inode } = value;
      const made =
        'made' in value && Array.isArray(value.made) ? value.made.filter((key) => typeof key === 'string') : [];
      if (typeof draft === 'string' && typeof inode === 'string' && isDraftName(draft)) return { draft, inode, made };
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
