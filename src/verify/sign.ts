import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign,
  verify,
} from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder, writeAtomically } from '../lib/write-atomically.ts';
import { MigrationError } from '../model/migration-error.ts';

export interface Signature {
  readonly algorithm: 'Ed25519';
  /** The public key as SPKI DER, in base64. */
  readonly publicKey: string;
  /** Over the bill's canonical bytes, in base64. */
  readonly value: string;
}

export interface Signer {
  readonly fingerprint: string;
  sign(bytes: Uint8Array): Signature;
}

/** The state folder's signing key, `signing-key.pem`, made on first use (mode 0600) with its public half beside it as
 *  `signing-key.pub.pem`. Processes that come at the same time agree on one. Throws `config.invalid` for a file that
 *  is no Ed25519 key. */
export async function openSigner(stateFolder: string): Promise<Signer> {
  const path = join(stateFolder, 'signing-key.pem');
  const privateKey = parsePrivateKey((await readIfThere(path)) ?? (await createKey(stateFolder, path)), path);
  const publicKey = createPublicKey(privateKey);
  const publicPath = join(stateFolder, 'signing-key.pub.pem');
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' });
  if ((await readIfThere(publicPath)) !== publicPem) {
    await writeAtomically(publicPath, 0o644, (file) => file.writeFile(publicPem));
  }
  return {
    fingerprint: fingerprintOf(publicKey),
    sign: (bytes) => ({
      algorithm: 'Ed25519',
      publicKey: encodeKey(publicKey),
      value: sign(null, bytes, privateKey).toString('base64'),
    }),
  };
}

/** True when the signature is the key's own over these bytes, in the one form that `sign` writes. */
export function isSignedBy(signature: Signature, bytes: Uint8Array): boolean {
  const { algorithm, publicKey, value } = signature;
  if (algorithm !== 'Ed25519' || !isBase64(publicKey) || !isBase64(value)) return false;
  try {
    return verify(null, bytes, decodeKey(publicKey), Buffer.from(value, 'base64'));
  } catch {
    return false;
  }
}

/** SHA-256 of the key's SPKI DER, in eight groups of hex digits: what two people compare. */
export function fingerprintOf(publicKey: KeyObject | string): string {
  const der =
    typeof publicKey === 'string'
      ? Buffer.from(publicKey, 'base64')
      : publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256')
    .update(der)
    .digest('hex')
    .replace(/(.{8})(?=.)/g, '$1 ');
}

/** A public key given as PEM or as base64 of SPKI DER, in the form that bills carry. Throws `config.invalid`. */
export function readPublicKey(text: string): string {
  try {
    const key = text.includes('-----BEGIN') ? createPublicKey(text) : decodeKey(text.trim());
    if (key.asymmetricKeyType === 'ed25519') return encodeKey(key);
  } catch {
    // said below
  }
  throw new MigrationError('config.invalid', 'The trusted key is not an Ed25519 public key.', {
    hint: 'Give the content of signing-key.pub.pem from the state folder of the machine that made the bill.',
  });
}

const encodeKey = (key: KeyObject): string => key.export({ type: 'spki', format: 'der' }).toString('base64');
const decodeKey = (text: string): KeyObject =>
  createPublicKey({ key: Buffer.from(text, 'base64'), type: 'spki', format: 'der' });
/** Base64 has several texts for some bytes; only the one that we write counts. */
const isBase64 = (text: unknown): text is string =>
  typeof text === 'string' && Buffer.from(text, 'base64').toString('base64') === text;

/** Writes a new key under a name of its own and links it into place: whoever links first wins. */
async function createKey(stateFolder: string, path: string): Promise<string> {
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await using file = await open(temporary, 'wx', 0o600);
    await file.writeFile(pem);
    await file.sync();
    await link(temporary, path);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(stateFolder);
  return await readFile(path, 'utf8');
}

function parsePrivateKey(pem: string, path: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // said below, without a word of the key's file
  }
  throw new MigrationError('config.invalid', `The signing key ${path} is not an Ed25519 private key.`, {
    hint: 'Put back the key from a copy, or move the file away: a new key is made, and bills signed from then on carry it.',
    where: path,
  });
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;
