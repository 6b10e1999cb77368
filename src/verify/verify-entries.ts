import type { Finding } from '../model/finding.ts';
import type { Item } from '../model/item.ts';
import type { Pair } from '../store/compare-listings.ts';
import { compareTrees } from '../store/compare-trees.ts';
import { composeDigest } from '../store/content-digest.ts';
import { createItemFilter } from '../store/item-filter.ts';
import { content, type VerifyInput } from './verify-input.ts';

/** Every entry of the source is at the target with the same attributes; with digests, the same bytes. */
export async function verifyEntries(input: VerifyInput): Promise<void> {
  const differing = new Set<string>();
  const noting: VerifyInput = {
    ...input,
    async onDifference(difference) {
      differing.add(difference.item);
      await input.onDifference(difference);
    },
  };
  await compareEntries(noting);
  if (input.depth === 'digests' && input.reread) await rereadFiles(noting);
  for await (const page of input.steps()) {
    for (const { seq, action, item } of page) {
      if (action !== 'copy') continue;
      await input.onStep(seq, !(item.members ?? [item]).some(({ key }) => differing.has(key)));
    }
  }
}

async function compareEntries(input: VerifyInput): Promise<void> {
  const { ends, shipment, depth, signal } = input;
  if (!ends.target) return;
  const filter = createItemFilter(shipment);
  const unreadable: Finding[] = [];
  const note = (finding: Finding): void => {
    if (finding.code === 'item.unreadable') unreadable.push(finding);
  };
  const everything = depth === 'every-byte' ? 0 : undefined;
  const { source, target } = ends;
  for await (const { pairs, equal } of compareTrees({
    source,
    target,
    shipment,
    since: everything,
    report: note,
    signal,
  })) {
    if (equal.files > 0) input.onItem({ key: '', items: equal.files, rows: 0, bytes: equal.bytes });
    signal.throwIfAborted();
    for (const pair of pairs) {
      const item = pair.source ?? pair.target;
      if (!item || !filter(item) || (!pair.source && !shipment.deletions)) continue;
      const difference = compareEntry(pair) ?? (depth === 'every-byte' ? await compareBytes(input, pair) : undefined);
      if (difference) await input.onDifference({ item: item.key, ...difference });
      input.onItem(content(item));
    }
  }
  // What the source would not show cannot have been carried: passing it over would be a success with data missing.
  for (const { where, message } of unreadable)
    await input.onDifference({ item: where ?? '', kind: 'missing', detail: message });
}

interface EntryDifference {
  readonly kind: 'missing' | 'extra' | 'changed' | 'attributes';
  readonly detail?: string;
}

function compareEntry({ source, target }: Pair): EntryDifference | undefined {
  if (!target) return { kind: 'missing' };
  if (!source) return { kind: 'extra' };
  if (source.kind !== target.kind)
    return { kind: 'changed', detail: `${source.kind} at the source, ${target.kind} at the target` };
  if (source.fingerprint === target.fingerprint) return undefined;
  if (source.kind === 'file' && source.bytes !== target.bytes) {
    return { kind: 'changed', detail: `${source.bytes} bytes at the source, ${target.bytes} at the target` };
  }
  return { kind: 'attributes', detail: `${differingAttributes(source, target)} differ` };
}

function differingAttributes(source: Item, target: Item): string {
  const [a, b] = [source.entry, target.entry];
  if (!a || !b) return 'attributes';
  const names = (['mode', 'uid', 'gid', 'mtime', 'target', 'linkTo', 'device'] as const).filter(
    (name) => a[name] !== b[name],
  );
  return names.join(', ') || 'attributes';
}

async function compareBytes(
  { ends, signal }: VerifyInput,
  { source, target }: Pair,
): Promise<EntryDifference | undefined> {
  if (source?.kind !== 'file' || !target || !ends.source.digest || !ends.target?.digest) return undefined;
  const [want, have] = [
    await ends.source.digest(source, source, signal),
    await ends.target.digest(target, target, signal),
  ];
  return want.digest === have.digest ? undefined : { kind: 'changed', detail: 'contents differ' };
}

/** Reads what this run wrote again at the target and compares it with the receipts. */
async function rereadFiles(input: VerifyInput): Promise<void> {
  const { ends, signal } = input;
  if (!ends.target?.digest) return;
  const check = async (key: string, bytes: number, want: string): Promise<void> => {
    signal.throwIfAborted();
    const item: Item = { key, kind: 'file', stage: 'data', bytes };
    const have = await ends.target?.digest?.(item, item, signal).catch(() => undefined);
    if (have?.digest !== want)
      await input.onDifference({ item: key, kind: 'changed', detail: 'contents differ from what was carried' });
  };
  for await (const page of input.members()) {
    for (const { key, bytes, digest } of page) if (digest !== 'none') await check(key, bytes, digest);
  }
  for await (const page of input.steps()) {
    for (const { seq, action, as } of page) {
      if (action !== 'copy' || as.kind !== 'file' || !input.past(seq).done) continue;
      const receipts = [...input.past(seq).receipts.values()].toSorted(
        (a, b) => chunkStart(a.chunk) - chunkStart(b.chunk),
      );
      await check(as.key, as.bytes, composeDigest(receipts.map(({ digest }) => digest)));
    }
  }
}

/** A file's chunk is called `from-to`. */
const chunkStart = (chunk: string): number => Number.parseInt(chunk, 10);
