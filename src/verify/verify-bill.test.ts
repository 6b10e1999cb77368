import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { goodRun } from '../testing/bill-fixture.ts';
import type { Bill } from './bill.ts';
import { openSigner } from './sign.ts';
import { billBytes, signedBillText, type SignedBill } from './signed-bill.ts';
import { verifyBill } from './verify-bill.ts';
import { writeBill } from './write-bill.ts';

let folder: string;
let json: string;
let manifest: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waybill-verify-bill-'));
  ({ json, manifest } = await writeBill({
    journal: await goodRun(),
    run: 'r1',
    stateFolder: folder,
    version: '0.1.0',
  }));
});
afterEach(() => rm(folder, { recursive: true }));

const invalid = { code: 'bill.invalid', exit: 3 };

test('a bill as it was written is valid, with and without a trusted key', async () => {
  const without = await verifyBill(json);
  assert.equal(without.trusted, false);
  const trustedKey = await readFile(join(folder, 'signing-key.pub.pem'), 'utf8');
  const check = await verifyBill(json, { trustedKey });
  assert.equal(check.trusted, true);
  assert.equal(check.fingerprint, (await openSigner(folder)).fingerprint);
  assert.equal(check.lines, check.bill.manifest.lines);
  assert.equal(
    (await verifyBill(json, { trustedKey: JSON.parse(await readFile(json, 'utf8')).signature.publicKey })).trusted,
    true,
  );
});

test('a change of any byte of the bill is found', async () => {
  const bytes = await readFile(json);
  for (let i = 0; i < bytes.length; i++) {
    const changed = Buffer.from(bytes);
    // The lowest bit turns letters into other letters, 0x20 changes their case: base64 and JSON survive both.
    changed[i] = (bytes[i] ?? 0) ^ (i % 2 === 0 ? 1 : 0x20);
    await writeFile(json, changed);
    await assert.rejects(verifyBill(json), invalid, `byte ${i}: ${bytes.subarray(i - 10, i + 10).toString()}`);
  }
});

test('a byte added to or cut from the bill is found', async () => {
  const text = await readFile(json, 'utf8');
  for (const changed of [
    `${text} `,
    `${text}\n`,
    text.slice(0, -1),
    ` ${text}`,
    text.replace('{"bill":', '{"bill":{},"bill":'),
    '',
    '{}',
    'null',
  ]) {
    await writeFile(json, changed);
    await assert.rejects(verifyBill(json), invalid);
  }
});

test('a change of any byte of the manifest is found, and so is its loss', async () => {
  const bytes = await readFile(manifest);
  const step = Math.max(1, Math.floor(bytes.length / 300));
  for (let i = 0; i < bytes.length; i += step) {
    const changed = Buffer.from(bytes);
    changed[i] = (bytes[i] ?? 0) ^ 1;
    await writeFile(manifest, changed);
    await assert.rejects(verifyBill(json), { ...invalid, message: /manifest/ }, `byte ${i}`);
  }
  await writeFile(manifest, bytes.subarray(0, -1));
  await assert.rejects(verifyBill(json), invalid);
  await writeFile(manifest, Buffer.concat([bytes, Buffer.from('x')]));
  await assert.rejects(verifyBill(json), invalid);
  await rm(manifest);
  await assert.rejects(verifyBill(json), { ...invalid, message: /cannot be read/ });
});

test('a manifest that does not add up to the bill is found even where the right key signed both', async () => {
  const signed = JSON.parse(await readFile(json, 'utf8')) as SignedBill;
  const [shop, photos] = signed.bill.shipments;
  assert.ok(shop && photos);
  const carried = { ...shop.carried, rows: shop.carried.rows + 1 };
  const bill: Bill = { ...signed.bill, shipments: [{ ...shop, carried }, photos] };
  const signature = (await openSigner(folder)).sign(billBytes(bill));
  await writeFile(json, signedBillText({ bill, signature }));
  await assert.rejects(verifyBill(json), {
    ...invalid,
    message: /Music shop have carried .*15607.* where the bill says .*15608/,
  });
});

test('a bill that somebody else signed anew is not by the trusted key', async () => {
  const trustedKey = await readFile(join(folder, 'signing-key.pub.pem'), 'utf8');
  const { bill } = JSON.parse(await readFile(json, 'utf8')) as SignedBill;
  const forger = await openSigner(join(folder, 'forger'));
  const forged = { ...bill, maker: { ...bill.maker, host: 'elsewhere' } };
  await writeFile(json, signedBillText({ bill: forged, signature: forger.sign(billBytes(forged)) }));
  assert.equal((await verifyBill(json)).fingerprint, forger.fingerprint);
  await assert.rejects(verifyBill(json, { trustedKey }), { ...invalid, message: /another key/ });
});

test('a key that is none and a bill that is not there are said to be so', async () => {
  await assert.rejects(verifyBill(json, { trustedKey: 'no key' }), { code: 'config.invalid' });
  await assert.rejects(verifyBill(join(folder, 'r2.json')), { code: 'source.missing' });
  await copyFile(manifest, join(folder, 'other.json'));
  await assert.rejects(verifyBill(join(folder, 'other.json')), invalid);
});

test('processes that need the signing key at the same time get the same one; a broken key is not replaced', async () => {
  const state = join(folder, 'fresh');
  const signers = await Promise.all(Array.from({ length: 8 }, () => openSigner(state)));
  assert.equal(new Set(signers.map((signer) => signer.fingerprint)).size, 1);
  await writeFile(join(state, 'signing-key.pem'), 'broken');
  await assert.rejects(openSigner(state), { code: 'config.invalid', message: /signing-key\.pem/ });
});
