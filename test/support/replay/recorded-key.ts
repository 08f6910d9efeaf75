/** The key of a recorded client. What is in encrypted containers differs from run to run; what they hold does not. */
import { execFileSync } from 'node:child_process';
import { constants, createHash, createHmac, privateDecrypt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { KEYS, MASTER_PASSWORD } from '../../keys/vectors.js';
import { canonical, fingerprintOf, idKeyOf, openContainer } from '../sealed-snapshot.js';
import type { ClientRun } from './recording.js';

const PRIVATE = fileURLToPath(
  new URL('../../../../test/fixtures/keys/master-private.pem.zst', import.meta.url),
);

export class RecordedKey {
  readonly #secret: Buffer;
  readonly #id: Buffer;
  readonly fingerprint: string;

  constructor(secret: Buffer) {
    this.#secret = secret;
    this.#id = idKeyOf(secret);
    this.fingerprint = fingerprintOf(secret);
  }

  /** The content of an encrypted container. Throws where it is damaged, or encrypted with another key. */
  open(container: Buffer): Buffer {
    return openContainer(container, this.#secret).content;
  }

  /** What a chunk is called, in hex. indexes-blobs-chunks.md §5.2. */
  digest(plain: Buffer): string {
    return createHash('sha256').update(plain).update(this.#id).digest('hex');
  }

  /** The signature of a manifest that has these members. §5.3. */
  signature({ signature: _s, unprotected: _u, ...signed }: Readonly<Record<string, unknown>>): string {
    return createHmac('sha256', this.#id).update(canonical(signed)).digest('hex');
  }
}

/** The key that the arguments of a client name; undefined where there is none. */
export function keyOfClient(client: ClientRun | undefined): RecordedKey | undefined {
  const words = client?.arguments ?? [];
  const at = words.indexOf('--keyfile');
  if (at < 0) return undefined;
  const key = KEYS.find(({ file }) => words[at + 1]?.endsWith(`/${file}`));
  if (key === undefined) throw new Error(`no key ${words[at + 1]} was recorded`);
  return new RecordedKey(Buffer.from(key.enc_key, 'hex'));
}

/** What was encrypted for the recorded master key. Throws where it was not. §10. */
export function openedByMaster(sealed: Buffer): string {
  const key = execFileSync('zstd', ['-dc', PRIVATE]);
  const padded = privateDecrypt(
    { key, passphrase: MASTER_PASSWORD, padding: constants.RSA_NO_PADDING },
    sealed,
  );
  // PKCS#1 v1.5: 0, 2, at least eight bytes that are not 0, and a 0.
  const end = padded.indexOf(0, 2);
  if (padded.readUInt16BE(0) !== 2 || end < 10)
    throw new Error('this was not encrypted for the recorded master key');
  return padded.subarray(end + 1).toString();
}
