import { readFile } from 'node:fs/promises';
import { canonicalJson } from '../lib/canonical-json.ts';
import { MigrationError } from '../model/migration-error.ts';
import type { Bill } from './bill.ts';
import { isSignedBy, type Signature } from './sign.ts';

/** What a bill's file holds. */
export interface SignedBill {
  readonly bill: Bill;
  readonly signature: Signature;
}

/** What is signed. */
export const billBytes = (bill: Bill): Uint8Array => Buffer.from(canonicalJson(bill));

/** The file, byte for byte: any other form of the same JSON is refused, so that no byte can change unseen. */
export const signedBillText = (signed: SignedBill): string => `${canonicalJson(signed)}\n`;

/** Reads a bill whose signature is valid; whose key it is, and the manifest, remain to be checked (`verifyBill`).
 *  Throws `bill.invalid`, `source.missing`. */
export async function readSignedBill(path: string): Promise<SignedBill> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new MigrationError('source.missing', `There is no bill to read at ${path}.`, {
      hint: '`waybill runs` lists the runs; bills lie in the state folder under bills/.',
      where: path,
      cause,
    });
  }
  const signed = parse(bytes);
  if (!signed) throw invalidBill(path, 'it is not a bill of a format that this Waybill reads');
  if (!isSignedBy(signed.signature, billBytes(signed.bill))) {
    throw invalidBill(path, 'its content was changed after it was signed');
  }
  if (!bytes.equals(Buffer.from(signedBillText(signed)))) {
    throw invalidBill(path, 'the file is not byte for byte as Waybill wrote it');
  }
  return signed;
}

function parse(bytes: Buffer): SignedBill | undefined {
  try {
    const signed = JSON.parse(bytes.toString()) as SignedBill;
    if (signed.bill.format === 'waybill-bill/1' && typeof signed.signature.value === 'string') return signed;
  } catch {
    // not JSON, or not of this form: the caller says so
  }
  return undefined;
}

export function invalidBill(path: string, reason: string, cause?: unknown): MigrationError {
  return new MigrationError('bill.invalid', `The bill ${path} is not valid: ${reason}.`, {
    hint: 'Get the bill and its manifest again from where they were made; do not rely on this copy.',
    where: path,
    cause,
  });
}
