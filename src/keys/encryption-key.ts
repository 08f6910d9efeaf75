/** The secret that encrypts and signs, and what is derived of it. indexes-blobs-chunks.md §5.1, §5.4. */
import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import { native } from '../native.js';
import type { NativeCryptKey } from '../native-chunk.js';
import { KeyError } from './errors.js';
import { type Fingerprint, parseFingerprint, shortFingerprint } from './fingerprint.js';
import { randomSecret } from './secret-bytes.js';

/** Length of the secret, and of `idKey`, in bytes. */
export const ENCRYPTION_KEY_BYTES = 32;

const ID_SALT = '_id_key';
const ID_ITERATIONS = 10;
/** §5.4: the fingerprint's digest begins with that of this text. */
const FINGERPRINT_INPUT = createHash('sha256').update('Proxmox Backup Encryption Key Fingerprint').digest();

/**
 * A key in memory that V8 does not move, see `secret-bytes.ts`: after `wipe` the process has it no more, as OpenSSL overwrites its own
 * copies. Private fields keep it out of JSON and of whatever prints objects.
 */
export class EncryptionKey {
  readonly #secret: Buffer;
  readonly #id: Buffer;
  #wiped = false;
  #native: NativeCryptKey | undefined;
  /** Tells keys apart; no secret. */
  readonly fingerprint: Fingerprint;

  /** Takes the 32 bytes over, which are `secretBytes`: `wipe` overwrites them. */
  constructor(secret: Buffer) {
    if (secret.length !== ENCRYPTION_KEY_BYTES) throw new RangeError('an encryption key has 32 bytes');
    this.#secret = secret;
    this.#id = pbkdf2Sync(secret, ID_SALT, ID_ITERATIONS, ENCRYPTION_KEY_BYTES, 'sha256');
    this.fingerprint = fingerprintOf(this.#id);
  }

  /** A new one. */
  static generate(): EncryptionKey {
    return new EncryptionKey(randomSecret(ENCRYPTION_KEY_BYTES));
  }

  /** The 32 bytes, not a copy. Throws when they are wiped: nothing may be encrypted with zeros. */
  get secret(): Buffer {
    return this.#usable(this.#secret);
  }

  /** What digests of encrypted chunks end with, and signatures are made with: 32 bytes, not a copy. §5.1. Throws when wiped. */
  get idKey(): Buffer {
    return this.#usable(this.#id);
  }

  /** A copy for native code, which `wipe` overwrites, too. Throws when wiped. */
  toNative(): NativeCryptKey {
    this.#native ??= new native.CryptKey(this.secret, this.idKey);
    return this.#native;
  }

  /** What an encrypted chunk with these plain data is called: 32 bytes. §5.2. Throws when wiped. */
  chunkDigest(plain: Buffer): Buffer {
    return createHash('sha256').update(plain).update(this.idKey).digest();
  }

  /** The signature of a text: 64 hex digits. §5.3. Throws when wiped. */
  sign(text: string): string {
    return this.#mac(text).toString('hex');
  }

  /** Whether the signature (64 hex digits) of a text was made with this key. §5.3. Throws when wiped. */
  verifies(text: string, signature: string): boolean {
    const own = this.#mac(text);
    const given = Buffer.from(signature, 'hex');
    return given.length === own.length && timingSafeEqual(given, own);
  }

  /** Throws KeyError `KEY_FINGERPRINT` where it is another key than the one that is called so. */
  check(expected: Fingerprint): void {
    if (expected === this.fingerprint) return;
    const [theirs, ours] = [shortFingerprint(expected), shortFingerprint(this.fingerprint)];
    throw new KeyError('KEY_FINGERPRINT', `the key has the fingerprint ${ours}, not ${theirs}`);
  }

  /** Overwrites the key, which cannot be used any more. */
  wipe(): void {
    this.#wiped = true;
    this.#secret.fill(0);
    this.#id.fill(0);
    this.#native?.wipe();
  }

  #mac(text: string): Buffer {
    return createHmac('sha256', this.idKey).update(text).digest();
  }

  #usable(bytes: Buffer): Buffer {
    if (this.#wiped) throw new TypeError('the key has been wiped');
    return bytes;
  }
}

function fingerprintOf(idKey: Buffer): Fingerprint {
  const digest = createHash('sha256').update(FINGERPRINT_INPUT).update(idKey).digest('hex');
  const fingerprint = parseFingerprint(digest);
  if (fingerprint === undefined) throw new TypeError('SHA-256 has 64 hex digits');
  return fingerprint;
}
