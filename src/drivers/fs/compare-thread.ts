/** Entry of the thread that compares directories ahead of another one (compare-ahead.ts). */
import { parentPort } from 'node:worker_threads';
import { createEqualFiles, type EqualFiles } from '../../lib/equal-files.ts';
import { entryType, openFlags, posix } from '../../lib/posix.ts';
import { RawListing } from '../../lib/raw-listing.ts';
import { state, type Offer } from './compare-ahead.ts';

const calls = posix();
const listings = { source: new RawListing(calls), target: new RawListing(calls) };

parentPort?.on('message', (offer: Offer | undefined) => {
  if (offer) accept(offer);
  else parentPort?.close();
});

function accept({ source, target, names, states, counts, options }: Offer): void {
  const equalFiles = createEqualFiles(calls, options);
  for (let at = names.length - 1; at >= 0; at--) {
    if (Atomics.compareExchange(states, at, state.free, state.begun) !== state.free) continue;
    const equal = compareIn(source, target, names[at] ?? '', equalFiles);
    counts[2 * at] = equal?.files ?? 0;
    counts[2 * at + 1] = equal?.bytes ?? 0;
    Atomics.store(states, at, equal ? state.equal : state.differs);
    Atomics.notify(states, at);
  }
  Atomics.store(states, names.length, 1);
}

type Count = { readonly files: number; readonly bytes: number };

/** Undefined when anything but plainly equal files is there, or goes wrong. */
function compareIn(source: number, target: number, name: string, equalFiles: EqualFiles): Count | undefined {
  const open: number[] = [];
  try {
    const from = calls.openAt(source, name.slice(0, -1), openFlags.directory);
    open.push(from);
    const to = calls.openAt(target, name.slice(0, -1), openFlags.directory);
    open.push(to);
    if (calls.stat(from).fileSystem !== calls.stat(source).fileSystem) return undefined;
    if (calls.stat(to).fileSystem !== calls.stat(target).fileSystem) return undefined;
    listings.source.read(from);
    listings.target.read(to);
    return compareListed(from, to, equalFiles);
  } catch {
    return undefined;
  } finally {
    for (const file of open) calls.close(file);
  }
}

function compareListed(from: number, to: number, equalFiles: EqualFiles): Count | undefined {
  const { source, target } = listings;
  if (source.count !== target.count) return undefined;
  for (let index = 0; index < source.count; index++)
    if (source.type(index) !== entryType.regular || source.startsWithDot(index)) return undefined;
  let guess = 0;
  let all = 0;
  for (let index = 0; index < source.count; index++) {
    const other = target.find(source, index, guess);
    if (other < 0 || target.type(other) !== entryType.regular) return undefined;
    guess = other + 1;
    const bytes = equalFiles(from, source.nameAddress(index), to, target.nameAddress(other));
    if (bytes < 0) return undefined;
    all += bytes;
  }
  return { files: source.count, bytes: all };
}
