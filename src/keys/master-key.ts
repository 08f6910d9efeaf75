/** Master keys: RSA pairs in PEM. indexes-blobs-chunks.md §10. */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { MasterKeyError } from './errors.js';
import { checkNewPassword } from './lock.js';

/** Longest PEM file, in bytes. */
export const PEM_LIMIT: number = 64 * 1024;
/** Bits of a new key. */
const NEW_BITS = 4096;
/** A key file without password has 255 bytes, the padding 11: less cannot hold it. */
const MIN_BITS = (255 + 11) * 8;
const MAX_BITS = 16_384;

const PUBLIC_PEM = '-----BEGIN PUBLIC KEY-----';
const ENCRYPTED_PEM = '-----BEGIN ENCRYPTED PRIVATE KEY-----';
const CLEAR_PEM = '-----BEGIN PRIVATE KEY-----';

const generatePair = promisify(generateKeyPair);

/** A new pair, as the texts of two files. */
export interface MasterKeyPair {
  /** SubjectPublicKeyInfo in PEM. */
  readonly publicPem: Buffer;
  /** PKCS#8 in PEM, encrypted by AES-256-CBC. */
  readonly privatePem: Buffer;
}

/** Makes a pair off-thread, which takes some seconds. Throws KeyError `KEY_PASSWORD_LENGTH`. */
export async function generateMasterKey(password: Buffer): Promise<MasterKeyPair> {
  checkNewPassword(password);
  const { publicKey, privateKey } = await generatePair('rsa', { modulusLength: NEW_BITS });
  const options = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: password } as const;
  return { publicPem: publicText(publicKey), privatePem: Buffer.from(privateKey.export(options)) };
}

function publicText(key: KeyObject): Buffer {
  return Buffer.from(key.export({ type: 'spki', format: 'pem' }));
}

/** Bits of an RSA modulus; throws unless a key file fits. */
function checkModulus(key: KeyObject, name: string): number {
  const bits = key.asymmetricKeyType === 'rsa' ? key.asymmetricKeyDetails?.modulusLength : undefined;
  if (bits === undefined) throw new MasterKeyError('MASTER_KEY_SHAPE', `${name}: this is no RSA key`);
  if (bits < MIN_BITS || bits > MAX_BITS) {
    const range = `${MIN_BITS} to ${MAX_BITS}`;
    throw new MasterKeyError('MASTER_KEY_SIZE', `${name}: a master key has ${range} bits, this one ${bits}`);
  }
  return bits;
}

/** A public key that can be shown and encrypted for. */
export interface MasterPublicKey {
  readonly key: KeyObject;
  /** Length of the modulus. */
  readonly bits: number;
  /** Upper-case hex without leading zero bytes. */
  readonly modulus: string;
  /** Decimal. */
  readonly exponent: string;
  /** The same key as text of a file. */
  readonly pem: Buffer;
}

function jwkNumber(text: string | undefined): Buffer {
  return Buffer.from(text ?? '', 'base64url');
}

/** Parses PEM of a public RSA key. `name` is what errors call it. Throws MasterKeyError `MASTER_KEY_SHAPE` and `MASTER_KEY_SIZE`. */
export function parsePublicKey(pem: Buffer, name: string): MasterPublicKey {
  const shape = new MasterKeyError('MASTER_KEY_SHAPE', `${name}: this is no PEM file of a public key`);
  // Node makes a public key of a private one, too; who hands over that one has the wrong file.
  if (!pem.includes(PUBLIC_PEM)) throw shape;
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    throw shape;
  }
  const bits = checkModulus(key, name);
  const { n, e } = key.export({ format: 'jwk' });
  return {
    key,
    bits,
    modulus: jwkNumber(n).toString('hex').toUpperCase(),
    exponent: BigInt(`0x${jwkNumber(e).toString('hex')}`).toString(),
    pem: publicText(key),
  };
}

/** Whether the text of a private key needs a password; undefined for what is no private key in PKCS#8. */
export function privatePemKind(pem: Buffer): 'encrypted' | 'clear' | undefined {
  if (pem.includes(ENCRYPTED_PEM)) return 'encrypted';
  return pem.includes(CLEAR_PEM) ? 'clear' : undefined;
}

/**
 * Opens PEM of a private RSA key. `password` is called for one that is encrypted, and its bytes are wiped. Throws MasterKeyError
 * `MASTER_KEY_SHAPE`, `MASTER_KEY_SIZE` and `MASTER_KEY_PASSWORD`, and what `password` throws.
 */
export async function openPrivateKey(
  pem: Buffer,
  name: string,
  password: () => Promise<Buffer>,
): Promise<KeyObject> {
  const kind = privatePemKind(pem);
  if (kind === undefined)
    throw new MasterKeyError('MASTER_KEY_SHAPE', `${name}: this is no PEM file of a private key`);
  const passphrase = kind === 'encrypted' ? await password() : undefined;
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch {
    if (passphrase === undefined) throw new MasterKeyError('MASTER_KEY_SHAPE', `${name}: the key is damaged`);
    const message = `unable to decrypt the master key ${name}: the password is wrong`;
    throw new MasterKeyError('MASTER_KEY_PASSWORD', message);
  } finally {
    passphrase?.fill(0);
  }
  checkModulus(key, name);
  return key;
}
