import { basename, dirname, join } from 'node:path';
import { canonicalJson } from '../lib/canonical-json.ts';
import type { Bill } from './bill.ts';
import { readManifest, type ManifestRecord } from './manifest.ts';
import { fingerprintOf, readPublicKey } from './sign.ts';
import { invalidBill, readSignedBill } from './signed-bill.ts';
import { createTallies } from './tally.ts';

export interface BillCheck {
  readonly bill: Bill;
  readonly fingerprint: string;
  /** False when no key was given to compare with: then the bill is whole, but anybody may have signed it. */
  readonly trusted: boolean;
  /** Lines of the manifest that were added up. */
  readonly lines: number;
  /** What was found to be in order, a sentence each. */
  readonly checked: readonly string[];
}

/** Checks a bill's signature, its manifest's digest, and that the manifest adds up to the bill's figures. `trustedKey`
 *  is a public key as PEM or base64. Throws `bill.invalid` naming what differs, `source.missing`. */
export async function verifyBill(path: string, options: { readonly trustedKey?: string } = {}): Promise<BillCheck> {
  const { bill, signature } = await readSignedBill(path);
  const fingerprint = fingerprintOf(signature.publicKey);
  const trusted = options.trustedKey !== undefined;
  if (trusted && readPublicKey(options.trustedKey ?? '') !== signature.publicKey) {
    throw invalidBill(path, `it is signed with another key, ${fingerprint}`);
  }
  await checkManifest(bill, path);
  return {
    bill,
    fingerprint,
    trusted,
    lines: bill.manifest.lines,
    checked: [
      `The signature over the bill is valid, by key ${fingerprint}.`,
      trusted ? 'That key is the trusted one.' : 'That key was not compared with a trusted one.',
      `The manifest ${bill.manifest.file} has the digest that the bill names.`,
      `Its ${bill.manifest.lines} lines add up to the bill's figures.`,
    ],
  };
}

async function checkManifest(bill: Bill, path: string): Promise<void> {
  const manifest = join(dirname(path), basename(bill.manifest.file));
  const tallies = createTallies(bill.shipments.length);
  let found: Omit<ManifestRecord, 'file'>;
  try {
    found = await readManifest(manifest, (line) => tallies.add(line));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw invalidBill(path, `its manifest ${manifest} cannot be read to the end (${reason})`, cause);
  }
  const { file: _file, ...record } = bill.manifest;
  const wrong = firstDifference(record, found);
  if (wrong) throw invalidBill(path, `its manifest has ${wrong}`);
  for (const [i, tally] of tallies.tallies.entries()) {
    const shipment = bill.shipments[i];
    const off = firstDifference(shipment ?? {}, tally);
    if (off) throw invalidBill(path, `the manifest's sums for shipment ${shipment?.name} have ${off}`);
  }
}

function firstDifference(billed: object, found: object): string | undefined {
  for (const [name, value] of Object.entries(found)) {
    const want = canonicalJson((billed as Record<string, unknown>)[name] ?? null);
    const have = canonicalJson(value);
    if (want !== have) return `${name} ${shorten(have)} where the bill says ${shorten(want)}`;
  }
  return undefined;
}

const shorten = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text);
